"""Where a raster lies: by its own header and the files beside it, and the grid that follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.warp import calculate_default_transform

from tiles.antimeridian import TURN, turns_to_first
from tiles.errors import GeoreferenceError
from tiles.grid import Grid, turn_of
from tiles.sentences import shown
from tiles.sidecars import Beside, read_beside, unread_beside

_IDENTITY = Affine.identity()
# Corners of two grids that differ by less are one place (a tenth of a pixel, as for two files of one chip).
_TOLERANCE_PX = 0.1
# Nobody means degrees by numbers beyond these; a latitude of 200 is a mistake of another kind, and told as such.
_MOST_NORTH, _MOST_EAST = 1000.0, 1000.0


@dataclass(frozen=True)
class Place:
    """Where a raster lies.

    Attributes:
        path: its file.
        crs, transform: None and the identity where nothing says them.
        gcps, gcp_crs: ground control points and their coordinate system.
        source: names of the files beside it that say so; empty where it says so itself.
        notes: sentences, without their full stop, of what contradicts it or cannot be read.
    """

    path: str
    crs: CRS | None
    transform: Affine
    gcps: tuple[GroundControlPoint, ...] = ()
    gcp_crs: CRS | None = None
    source: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def from_gcps(self) -> bool:
        """Whether the grid is made from ground control points."""
        placed = self.crs is not None and self.transform != _IDENTITY
        return not placed and bool(self.gcps) and self.gcp_crs is not None

    def grid(self, width: int, height: int) -> Grid:
        """Return the grid of so many pixels; of ground control points, the regular grid that its pixels are warped to.

        Geographic grids begin within -180 to 180 degrees, whatever turn of the globe the file counts from. Where nothing
        says the whole of a place, the grid is an unplaced one.

        Raises:
            GeoreferenceError: what it says cannot be a place.
        """
        if self.from_gcps:
            return self._warped_grid(width, height)
        if self.crs is None or self.transform == _IDENTITY:
            return Grid.unplaced(width, height)
        a, b, _, d, e, _, *_ = self.transform
        if not all(map(math.isfinite, self.transform)) or a * e == b * d:
            raise GeoreferenceError(
                f"{{file}} has pixels without an area (geotransform {tuple(self.transform)[:6]}): export it "
                "again with its pixel size.",
                file=self.path,
            )
        grid = Grid(self.crs, self.transform, width, height)
        self._require_degrees(grid)
        return _on_the_first_turn(grid)

    def _require_degrees(self, grid: Grid) -> None:
        """Raise GeoreferenceError where coordinates that are said to be degrees can be none, as metres cannot."""
        if grid.turn is None:
            return
        t = grid.transform
        corners = [(col, row) for col in (0, grid.width) for row in (0, grid.height)]
        east = max(abs(t.c + t.a * col + t.b * row) for col, row in corners) * TURN / grid.turn
        north = max(abs(t.f + t.d * col + t.e * row) for col, row in corners) * TURN / grid.turn
        if north <= _MOST_NORTH and east <= _MOST_EAST:
            return
        if self.source:
            todo = f"correct {', '.join(map(shown, self.source))} beside it"
        else:
            todo = "say which coordinate system they are in (rio edit-info FILE --crs EPSG:...)"
        raise GeoreferenceError(
            f"{{file}} is said to be in {grid.crs_name}, whose coordinates are degrees, but its own reach {east:,.0f} in "
            f"longitude and {north:,.0f} in latitude, like metres: {todo}.",
            file=self.path,
        )

    def _warped_grid(self, width: int, height: int) -> Grid:
        try:
            transform, cols, rows = calculate_default_transform(
                self.gcp_crs, self.gcp_crs, width, height, gcps=list(self.gcps)
            )
        except Exception:  # GDAL's own errors share no public base class
            return Grid.unplaced(width, height)
        return _on_the_first_turn(Grid(CRS.from_user_input(self.gcp_crs), transform, int(cols), int(rows)))

    def lack(self) -> tuple[str, str]:
        """Return what an unplaced raster lacks for a place on Earth, and what to do about it."""
        found, todo = self._lack()
        return found + (f" ({'; '.join(self.notes)})" if self.notes else ""), todo

    def _lack(self) -> tuple[str, str]:
        points = f"{len(self.gcps)} ground control point{'' if len(self.gcps) == 1 else 's'}"
        if self.from_gcps:
            return f"{points} that fix no place (too few, or on one line)", "give three or more that span the image"
        if self.gcps:
            return (
                f"{points} but no coordinate system for them",
                "say which it is (rio edit-info FILE --crs EPSG:..., or a .prj of its name beside it)",
            )
        if self.transform != _IDENTITY:
            return (
                "a pixel grid but no coordinate system (CRS)",
                "say which it is (rio edit-info FILE --crs EPSG:..., or a .prj of its name beside it)",
            )
        if self.crs is not None:
            return (
                "a coordinate system but no position (no geotransform)",
                "export it again with its geotransform, or put a world file (.tfw) of its name beside it",
            )
        return (
            "no georeference (no coordinate system, geotransform or control points; no .tfw, .prj or .aux.xml beside it)",
            "export it again with its place on Earth",
        )


def find_place(
    path: str,
    shape: tuple[int, int],
    crs: CRS | None,
    transform: Affine,
    gcps: tuple[GroundControlPoint, ...],
    gcp_crs: CRS | None,
) -> Place:
    """Return where a raster lies, by its header and the files beside it.

    By GDAL's order (PAM, INTERNAL, WORLDFILE of its GTiff driver): an .aux.xml wins over the header, the header over a
    world file. A .prj, which GDAL does not read, comes last. What contradicts the place by more than a tenth of a pixel is
    noted.

    Args:
        path: the file.
        shape: its rows and columns.
        crs, transform, gcps, gcp_crs: as its header has them. A transform that counts rows and columns says no place.
    """
    beside = read_beside(path)
    if _is_rows_and_columns(transform, shape[0]):
        transform = _IDENTITY
    source: list[str] = []

    def said(file: str) -> None:
        if file not in source:
            source.append(file)

    own = Place(path, crs, transform, gcps, gcp_crs)
    found = own
    if beside.crs is not None:
        found = replace(found, crs=beside.crs)
        said(beside.pam)
    elif crs is None and beside.prj is not None:
        found = replace(found, crs=beside.prj[0])
        said(beside.prj[1])
    if beside.transform is not None:
        found = replace(found, transform=beside.transform)
        said(beside.pam)
    elif transform == _IDENTITY and beside.world is not None and not (gcps and gcp_crs is not None):
        found = replace(found, transform=beside.world[0])
        said(beside.world[1])
    if beside.gcps:
        found = replace(found, gcps=beside.gcps, gcp_crs=beside.gcp_crs or found.crs)
        said(beside.pam)
    elif gcps and gcp_crs is None:
        found = replace(found, gcp_crs=found.crs)
    found = replace(found, gcps=_joined(found.gcps, found.gcp_crs))
    said_of = [*_contradictions(found, own, beside, shape), *beside.problems]
    if found.crs is None or (found.transform == _IDENTITY and not found.gcps):
        said_of += [f"{file} beside it is no file that is read" for file in unread_beside(path)]
    return replace(found, source=tuple(source), notes=tuple(map(shown, said_of)))


def _is_rows_and_columns(transform: Affine, height: int) -> bool:
    """Return whether a transform only counts pixels from the first or last row, as libraries write it where none is given."""
    one_each = transform.a == 1 and transform.b == transform.d == 0 and abs(transform.e) == 1
    return bool(one_each and transform.c == 0 and transform.f in (0, height))


def _contradictions(found: Place, own: Place, beside: Beside, shape: tuple[int, int]) -> list[str]:
    """Return a sentence for each other place that the header or a file beside it gives."""
    name, (height, width) = Path(found.path).name, shape
    others: list[tuple[str, Place]] = []
    if own.crs is not None and own.transform != _IDENTITY:
        others.append((f"{name} itself", own))
    if beside.world is not None:
        others.append((beside.world[1], replace(found, transform=beside.world[0])))
    if beside.prj is not None:
        others.append((beside.prj[1], replace(found, crs=beside.prj[0])))
    by = beside.pam if beside.crs is not None or beside.transform is not None else f"{name} itself"
    try:
        grid = found.grid(width, height)
    except GeoreferenceError:
        return []
    if not grid.placed:
        return []
    notes = []
    for file, other in others:
        try:
            off = grid.offset_from(other.grid(width, height))
        except GeoreferenceError:
            continue
        if off > _TOLERANCE_PX:
            notes.append(f"{name} is placed by {by}; {file} says otherwise, by {_pixels(off)}")
    return notes


def _pixels(number: float) -> str:
    return f"{number:,.1f} pixels" if number < 1e6 else "half the Earth or more"


def _joined(gcps: tuple[GroundControlPoint, ...], crs: CRS | None) -> tuple[GroundControlPoint, ...]:
    """Return ground control points whose longitudes go on beyond 180 where they would jump there."""
    turn = turn_of(crs) if crs is not None else None
    if turn is None or not gcps or max(p.x for p in gcps) - min(p.x for p in gcps) <= turn / 2:
        return gcps
    return tuple(GroundControlPoint(p.row, p.col, p.x + turn if p.x < 0 else p.x, p.y, p.z) for p in gcps)


def _on_the_first_turn(grid: Grid) -> Grid:
    """Return a geographic grid whose western edge lies within -180 to 180 degrees; any other as it is.

    Longitudes of 0 to 360, and those below -180, are the same places a turn of the globe away.
    """
    turn = grid.turn
    if turn is None:
        return grid
    t = grid.transform
    west = min(t.c + t.a * col + t.b * row for col in (0, grid.width) for row in (0, grid.height))
    turns = turns_to_first(west * TURN / turn)
    return grid.shifted(turns * turn) if turns else grid
