"""floodscope cut, floodscope regrid, floodscope geocode."""

from __future__ import annotations

from pathlib import Path

import click

from dashboard.commands.door import given_answers
from dashboard.commands.options import SOURCES, progress_bar, tell_problems


@click.command()
@SOURCES
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="A new folder for the tiles."
)
@click.option(
    "--size", default=2048, show_default=True, type=click.IntRange(16, 4096), help="Most pixels a side of a tile."
)
def cut(sources: tuple[Path, ...], out: Path, size: int) -> None:
    """Cut the images of SOURCEs that are larger than a tile into tiles, with all that lies beside them.

    A tile is NAME_ROW_COLUMN_vv.tif and _vh.tif, with _label.tif, _elevation.tif and permanent water where the image has
    them; numbers, masks, names, scale and place stay as they are. Tiles without a valid pixel are not written.
    """
    from tiles.catalog.catalog import open_catalog
    from tiles.cutting.cut import cut as make
    from tiles.errors import SourceError

    catalog = open_catalog(sources, given_answers())
    judged = {record.id for record in catalog.records() if record.vv is not None and record.vh is not None}
    # Of the others, the cut says what is wrong with them, which their size is not.
    unusable = [problem for problem in catalog.problems() if problem.name not in judged]
    with progress_bar("Cutting", "tile") as tick:
        report = make(catalog.records(), out, size, tick)
    tell_problems(unusable + report.problems)
    small = f"; {report.small} fit into a tile of {size} pixels and were left as they are" if report.small else ""
    if not report.tiles:
        empty = f", {report.empty} tiles have no valid pixel" if report.empty else ""
        what = (
            "mend what the lines above name"
            if unusable + report.problems
            else f"give an image of more than {size} pixels a side"
        )
        raise SourceError(f"Nothing was cut{empty}{small}: {what}.")
    empty = f"; {report.empty} without a valid pixel were not written" if report.empty else ""
    click.echo(f"{report.folder}: {report.tiles} tiles of {report.scenes} image(s){empty}{small}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--like", type=click.Path(path_type=Path, dir_okay=False), help="The image whose grid OUT gets.")
@click.option(
    "--resampling",
    default="nearest",
    show_default=True,
    type=click.Choice(["nearest", "bilinear"]),
    help="nearest keeps every number (labels, backscatter); bilinear is for elevation.",
)
def regrid(file: Path, out: Path, like: Path | None, resampling: str) -> None:
    """Write FILE anew as the GeoTIFF OUT: onto the grid of an image, or without --like on its own, in small blocks.

    Its names, unit, scale, nodata and tags stay. What FILE does not cover is masked, so that it is no data in OUT.
    """
    from tiles.cutting.regrid import regrid as make

    covered = make(file, out, like, resampling)  # type: ignore[arg-type]
    share = f", of which it covers {100 * covered:.0f} %" if like is not None else ""
    click.echo(f"{out}: {file.name} on {'the grid of ' + like.name if like is not None else 'its own grid'}{share}")


@click.command()
@click.argument("product", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--spacing", default="10", show_default=True, type=click.Choice(["10", "20"]), help="Metres of a pixel of OUT."
)
def geocode(product: Path, out: Path, spacing: str) -> None:
    """Lay PRODUCT, a Sentinel-1 IW GRD product (.SAFE or its zip), onto a map: the GeoTIFF OUT.

    OUT holds VV and VH, sigma0 in dB without the thermal noise, in UTM, placed by the product's geolocation grid. Terrain is
    not corrected. A PRODUCT that is given as a SOURCE needs no such step: its map is made and kept by itself, at 10 m.
    """
    from tiles.errors import SourceError, UsageError
    from tiles.layouts.safe import is_safe
    from tiles.products.kept import write_map
    from tiles.products.product import Product

    if not product.exists():
        raise SourceError("{file} does not exist: check the path.", file=product)
    if not is_safe(product):
        raise UsageError(f"{product} is no Sentinel-1 product: give a .SAFE folder or its zip.")
    if out.suffix.lower() not in {".tif", ".tiff"}:
        raise UsageError(f"{out} is not named like a GeoTIFF: choose a name that ends in .tif.")
    with progress_bar("Laying onto the map", "%") as tick:
        write_map(Product(product), out, int(spacing), lambda share: tick(round(100 * share), 100))
    click.echo(
        f"{out}: sigma0 of VV and VH in dB at {spacing} m, placed by the geolocation grid; no terrain correction"
    )
