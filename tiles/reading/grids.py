"""Whether two rasters share a grid, and what is said of those that do not say where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tiles.errors import GeoreferenceError
from tiles.grid import Grid
from tiles.reading.raster import RasterInfo

# Two rasters that share a grid may differ by float noise in their transforms, never by a tenth of a pixel.
_GRID_TOLERANCE_PX = 0.1
# What lies so far off is in another place, and by how many pixels says nothing.
_FAR_PX = 10_000.0
# Where a warp moves no pixel by more, nearest neighbour leaves each where it is.
_STILL_PX = 0.4
_REGRID = "bring it onto that grid (floodscope regrid FILE OUT --like IMAGE) and put OUT in its place"


def require_same_grid(
    name: str, path: str, grid: Grid, reference_name: str, reference_path: str, reference: Grid
) -> None:
    """Raise GeoreferenceError unless two rasters have one size and their corners lie in one place (0.1 pixel).

    What their coordinate systems are called does not matter: one system has many names.

    Where one of them has no place on Earth, their size decides: `assumed_grid` tells of it.

    Args:
        name, path, grid: the raster that is judged: "VH" or "label", its file and grid.
        reference_name, reference_path, reference: the raster that it must fit.
    """
    one, two = f"The {name} {{one}}", f"the {reference_name} {{two}}"
    files = {"one": path, "two": reference_path}
    if grid.shape != reference.shape:
        sizes = f"{one} has {grid.width} x {grid.height} pixels, {two} {reference.width} x {reference.height}"
        if not (grid.placed and reference.placed):
            raise GeoreferenceError(
                f"{sizes}, and not both say where they lie: give both their place, or take one that was made of this image.",
                **files,
            )
        raise GeoreferenceError(f"{sizes}: {_REGRID}.", **files)
    if not (grid.placed and reference.placed):
        return
    offset = reference.offset_from(grid)
    if offset <= _GRID_TOLERANCE_PX:
        return
    if grid.crs != reference.crs:
        off = f", and its corners lie {offset:,.1f} pixels off" if offset < _FAR_PX else ""
        raise GeoreferenceError(f"{one} is in {grid.crs_name}, {two} in {reference.crs_name}{off}: {_REGRID}.", **files)
    raise GeoreferenceError(f"{one} lies {offset:.1f} pixels off {two}: {_REGRID}, or mend its geotransform.", **files)


def fitted(name: str, info: RasterInfo, reference_name: str, reference: RasterInfo) -> RasterInfo:
    """Return a raster's header as it lies on an image; raise GeoreferenceError where it lies on none of its pixels.

    Where one of the two alone says where it lies, and does so by ground control points, their sizes tell: a raster as large as
    the other is stored lies on its pixels, and is warped with them; one as large as the regrid is on the grid already.

    Args:
        name, info: the raster that is judged: "VH" or "label".
        reference_name, reference: the raster that it must fit.
    """
    bare, pointed = (info, reference) if reference.from_gcps else (reference, info)
    if not pointed.from_gcps or bare.unplaced is None:
        require_same_grid(name, info.path, info.grid, reference_name, reference.path, reference.grid)
        return info
    is_stored, is_warped = as_stored(info, reference), info.grid.shape == reference.grid.shape
    names = (name, reference_name) if bare is info else (reference_name, name)
    files = {"one": bare.path, "two": pointed.path}
    sizes = (
        f"The {names[0]} {{one}} has {bare.width} x {bare.height} pixels and says no place, the {names[1]} {{two}}, which is "
        "placed by ground control points,"
    )
    if is_stored and is_warped and not _stays(pointed):
        raise GeoreferenceError(
            f"{sizes} as many, both as it is stored and on the grid to which they turn it, so nobody can tell which of the two "
            f"the {names[0]} lies on: if it lies on the pixels as they are stored, {_REGRID}; else give it its place.",
            **files,
        )
    if is_stored:
        return replace(info, lies_as=reference.place)
    if is_warped:
        return info
    raise GeoreferenceError(
        f"{sizes} {pointed.width} x {pointed.height} as it is stored and {pointed.grid.width} x {pointed.grid.height} on the "
        f"grid that they give: take one of either size that was made of the same image, or give the {names[0]} its own place.",
        **files,
    )


def as_stored(one: RasterInfo, other: RasterInfo) -> bool:
    """Return whether two rasters are of one size as they are stored, whatever they are warped to."""
    return (one.width, one.height) == (other.width, other.height)


def _stays(pointed: RasterInfo) -> bool:
    """Return whether the grid of ground control points is that of the stored pixels, so that a warp leaves all where they are."""
    t, turn = ~pointed.grid.transform, pointed.grid.turn
    for point in pointed.place.gcps:
        x = point.x
        if (
            turn is not None
        ):  # the grid begins on the first turn of the globe, the points wherever they were counted from
            x -= round((x - pointed.grid.transform.c) / turn) * turn
        col, row = t.a * x + t.b * point.y + t.c, t.d * x + t.e * point.y + t.f
        if max(abs(col - point.col), abs(row - point.row)) > _STILL_PX:
            return False
    return True


def unplaced(image: RasterInfo) -> str | None:
    """Return why a chip has no place on Earth and what follows from it, in one sentence; None where it has one."""
    if image.unplaced is None:
        return None
    found, todo = image.unplaced
    return f"The image has {found}, so it is shown as a picture, not on the map, and has no area in km²: {todo}."


def assumed_grid(image: RasterInfo, others: Mapping[str, RasterInfo]) -> str | None:
    """Return which files beside an image are taken to lie on it for their size alone, since one of the two has no place.

    And what contradicts the place of each, such as a world file beside it.

    Args:
        image: VV.
        others: the chip's other files of the same size, by what they are of it.
    """
    told = []
    for name, info in others.items():
        if info.path == image.path or (info.unplaced is None) == (image.unplaced is None):
            continue
        lacking, found = (name, info.unplaced) if info.unplaced else ("image", image.unplaced)
        how = "the image, and taken to lie on it"
        if (info.from_gcps or image.from_gcps) and as_stored(info, image):
            how = "the image as it is stored, and taken to lie on its pixels, ground control points and all"
        told.append(f"The {lacking} has {found[0] if found else 'no place'}: the {name} is as large as {how}.")
    placed = {info.path: info for info in (image, *others.values()) if info.unplaced is None}
    told += [f"{note}." for info in placed.values() for note in info.place.notes]
    return " ".join(told) or None
