"""floodscope catalog: build and show."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dashboard.commands.options import (
    SOURCES,
    open_sources,
    require_usable,
)
from tiles.errors import UsageError

if TYPE_CHECKING:
    from tiles.catalog.catalog import Catalog


@click.group()
def catalog() -> None:
    """Build and show catalogs of chips."""


@catalog.command("build")
@SOURCES
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def catalog_build(sources: tuple[Path, ...], out: Path) -> None:
    """Write the chips of one or several SOURCEs as a GeoParquet file OUT."""
    if out.suffix.lower() != ".parquet":
        raise UsageError(f"The catalog {out} must end in .parquet: floodscope catalog build SOURCE OUT.parquet")
    found = open_sources(sources)
    require_usable(found)
    found.to_parquet(out)
    click.echo(f"{out}: {_counted(found)}")


@catalog.command("show")
@SOURCES
@click.option("--country", help="Only chips of this country.")
@click.option("--event", help="Only chips of this event.")
@click.option("--split", help="Only chips of this split.")
@click.option("--why", metavar="CHIP", help="What was decided of this chip's files, and on what grounds.")
@click.option("--all", "everything", is_flag=True, help="Also list the chips without imagery.")
def catalog_show(
    sources: tuple[Path, ...],
    country: str | None,
    event: str | None,
    split: str | None,
    why: str | None,
    everything: bool,
) -> None:
    """List the chips of SOURCEs: id, country, event, date, split, what there is of them, files.

    It ends with 1 where not one chip can be used.
    """
    from tiles.places import country_name

    all_chips = open_sources(sources)
    if why is not None:
        from tiles.reading.door import read_chip

        record = all_chips.get(why)
        click.echo(f"{record.id}: {record.file}")
        for decision in read_chip(record).decisions:
            click.echo(f"  {decision.about + ':':9} {decision.sentence()}")
        return
    found = all_chips.filter(country=country_name(country), event=event, split=split)
    for r in found.records():
        if r.has_imagery or everything:
            state = "image and label" if r.has_label and r.has_imagery else "image" if r.has_imagery else "no image"
            state += ", no place" if r.unplaced is not None and r.has_imagery else ""
            click.echo(
                "  ".join(
                    [
                        f"{r.id:24}",
                        f"{r.country or '-':26}",
                        f"{r.event or '-':12}",
                        r.date or "-",
                        f"{r.split or '-':8}",
                        state,
                        r.file or "",
                    ]
                )
            )
    click.echo(_counted(found))
    for line in _assumed(found):
        click.echo(line)
    require_usable(all_chips)


def _counted(found: Catalog) -> str:
    from tiles.catalog.catalog import counts

    n = counts(found)
    text = (
        f"{n['chips']} chips: {n['imagery']} with imagery ({n['labelled']} labelled), {n['outline_only']} known by their "
        f"footprint alone, {n['listed_only']} listed only"
    )
    text += f", {n['unusable']} cannot be used" if n["unusable"] else ""
    text += f"; {n['unplaced']} with imagery have no place" if n["unplaced"] else ""
    return text + (f"; {n['simulated']} are simulated" if n["simulated"] else "")


def _assumed(found: Catalog) -> list[str]:
    """Return what was found or assumed of the chips' places, each sentence once, with how many chips it is true of."""
    said = Counter(text for r in found.usable() for text in (r.unplaced, r.assumed_grid) if text is not None)
    return [f"{count} chip{'' if count == 1 else 's'}: {text}" for text, count in said.items()]
