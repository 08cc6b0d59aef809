"""floodscope store check, copy, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.options import STORE, open_store, places, progress_bar
from dashboard.commands.values import Place

if TYPE_CHECKING:
    from model.store.store import Store


def _existing(data: Path | str | None, database: str | None) -> Store:
    """Open a store that is there; a name that is mistyped makes none."""
    from model.store.care import require_store

    if not isinstance(data, str) or database is not None:  # else there is no database to ask, and that is told
        require_store(places(data)[0], database)
    return open_store(data, database)


@click.group()
def store() -> None:
    """Look after a store of predictions: check and mend it, move it, take its table away."""


@store.command()
@click.option("--mend", is_flag=True, help="Remove rows whose raster is lost, and rasters that no row names.")
@STORE
def check(mend: bool, **store_options: Any) -> None:
    """Look at every prediction: is its raster there, whole, and its own? And at every raster: does a row name it?

    Exit codes: 0, all is whole or was mended; 1, something is lost or stray.
    """
    from model.store.care import check as look

    with _existing(**store_options) as opened, progress_bar("Checking") as tick:
        found = look(opened, mend=mend, tick=tick)
    for chip_id, why in found.lost:
        click.echo(f"floodscope: {chip_id}: {why}", err=True)
    for name in found.stray:
        click.echo(f"floodscope: {name}: no row names it", err=True)
    done = " removed" if mend else ""
    click.echo(
        f"{found.whole} predictions are whole; {len(found.lost)} rows without their raster{done}, "
        f"{len(found.stray)} rasters without a row{done}, {found.young} younger than an hour left alone"
    )
    if (found.lost or found.stray) and not mend:
        click.echo(
            "floodscope: `floodscope store check --mend` removes both; the chips are then predicted again.", err=True
        )
        raise click.exceptions.Exit(1)


@store.command()
@STORE
@click.option("--to-data", type=Place(), metavar="FOLDER", help="Folder, or s3://BUCKET/PREFIX, that it is copied to.")
@click.option("--to-database", metavar="URL", help="Database that it is copied to. Default: SQLite in --to-data.")
def copy(to_data: Path | str | None, to_database: str | None, **store_options: Any) -> None:
    """Copy a store to another place: from SQLite and a disk to PostgreSQL and S3, and back. Given again, it goes on."""
    from model.store.care import copy as move

    if to_data is None and to_database is None:
        raise click.UsageError("Nothing says where to: give --to-data, --to-database or both.")
    if to_data is None:
        to_data = store_options["data"]
    with (
        _existing(**store_options) as source,
        open_store(to_data, to_database) as target,
        progress_bar("Copying") as tick,
    ):
        count = move(source, target, tick)
    click.echo(f"{count} predictions copied")


@store.command()
@STORE
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def export(out: Path, **store_options: Any) -> None:
    """Write a table of every prediction as CSV: chip, model, when, pixels, water at the model's threshold, and its raster."""
    from model.store.care import table
    from tiles.files import unwritable, write_whole

    with _existing(**store_options) as opened:
        text, rows = table(opened)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error
    write_whole(out, text.encode())
    click.echo(f"{rows} predictions written to {out}")
