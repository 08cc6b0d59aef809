"""Whether two rasters share a grid, and what is said of those that do not say where they lie."""

from __future__ import annotations

from collections.abc import Mapping

from tiles.errors import GeoreferenceError
from tiles.grid import Grid
from tiles.reading.raster import RasterInfo

# Two rasters that share a grid may differ by float noise in their transforms, never by a tenth of a pixel.
_GRID_TOLERANCE_PX = 0.1
# What lies so far off is in another place, and by how many pixels says nothing.
_FAR_PX = 10_000.0
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
        told.append(
            f"The {lacking} has {found[0] if found else 'no place'}: the {name} is as large as the image, and taken to lie on it."
        )
    placed = {info.path: info for info in (image, *others.values()) if info.unplaced is None}
    told += [f"{note}." for info in placed.values() for note in info.place.notes]
    return " ".join(told) or None
