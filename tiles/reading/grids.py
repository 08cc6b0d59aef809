"""Whether two rasters share a grid."""

from __future__ import annotations

from tiles.errors import GeoreferenceError
from tiles.grid import Grid
from tiles.reading.sniff import shown

# Two rasters that share a grid may differ by float noise in their transforms, never by a tenth of a pixel.
_GRID_TOLERANCE_PX = 0.1


def require_same_grid(
    name: str, path: str, grid: Grid, reference_name: str, reference_path: str, reference: Grid
) -> None:
    """Raise GeoreferenceError unless two rasters have one size, one coordinate system and one position (0.1 pixel).

    Args:
        name, path, grid: the raster that is judged: "VH" or "label", its file and grid.
        reference_name, reference_path, reference: the raster that it must fit.
    """
    one, two = f"The {name} {shown(path)}", f"the {reference_name} {shown(reference_path)}"
    if grid.shape != reference.shape:
        raise GeoreferenceError(
            f"{one} has {grid.width} x {grid.height} pixels, {two} {reference.width} x {reference.height}: cut or resample it "
            "to the same grid (gdalwarp -te -ts)."
        )
    if grid.crs != reference.crs:
        raise GeoreferenceError(
            f"{one} is in {grid.crs_name}, {two} in {reference.crs_name}: warp it to the same "
            "coordinate system and grid (gdalwarp -t_srs -te -ts)."
        )
    offset = reference.offset_from(grid)
    if offset > _GRID_TOLERANCE_PX:
        raise GeoreferenceError(
            f"{one} lies {offset:.1f} pixels off {two}: put it on the same grid (gdalwarp -te -ts), or mend its geotransform."
        )
