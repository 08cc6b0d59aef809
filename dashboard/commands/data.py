"""floodscope simulate, floodscope download."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dashboard.commands.options import (
    progress_bar,
)


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--chips", default=44, show_default=True, type=click.IntRange(1, 9999), help="How many.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="The same seed gives the same chips."
)
@click.option("--layout", default="sen1floods11", show_default=True, type=click.Choice(["sen1floods11", "drivendata"]))
@click.option(
    "--variety",
    default="floods",
    show_default=True,
    type=click.Choice(["floods", "wide", "fields"]),
    help="For training. wide: with what looks like water and is not, and other processors; fields: with dark dry land alone.",
)
@click.option(
    "--scene",
    metavar="WIDTHxHEIGHT",
    help="One large scene of so many pixels with its truth in place of chips, as 25000x16000; of the rest --seed alone counts.",
)
@click.option("--replace", is_flag=True, help="Let other simulated chips in OUT go. Nothing else is ever replaced.")
def simulate(out: Path, chips: int, seed: int, layout: str, variety: str, scene: str | None, replace: bool) -> None:
    """Write simulated flood chips with labels into the folder OUT, for trying things out."""
    from tiles.simulate import simulate as make
    from tiles.simulate.folder import simulate_scene

    if scene is not None:
        width, height = _sides(scene)
        with progress_bar("Simulating", "square") as tick:
            folder = simulate_scene(out, width, height, seed, tick, replace=replace)
        click.echo(f"{folder}: a simulated scene of {width:,} x {height:,} pixels")
        return
    with progress_bar("Simulating") as tick:
        folder = make(
            out,
            chips=chips,
            seed=seed,
            layout=layout,  # type: ignore[arg-type]
            progress=tick,
            replace=replace,
            variety=variety,  # type: ignore[arg-type]
        )
    click.echo(f"{folder}: {chips} simulated chips")


def _sides(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.strip().isdecimal() and height.strip().isdecimal()):
        raise click.BadParameter(f"{text!r} is no size: give WIDTHxHEIGHT, as 25000x16000.", param_hint="--scene")
    return int(width), int(height)


@click.group()
def download() -> None:
    """Download public data sets."""


@download.command("sen1floods11")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--country", help="Only this event or country, such as Ghana or Mekong.")
@click.option("--limit", type=click.IntRange(1), help="At most this many chips.")
@click.option("--base-url", help="Another server with the bucket's layout (https, or http on this machine).")
def download_sen1floods11(out: Path, country: str | None, limit: int | None, base_url: str | None) -> None:
    """Download the hand-labelled chips of Sen1Floods11 into the folder OUT; run it again to resume."""
    from tqdm import tqdm

    from tiles.download.download import SEN1FLOODS11_URL
    from tiles.download.download import download_sen1floods11 as fetch

    with tqdm(desc="Downloading", unit="B", unit_scale=True, disable=None, file=sys.stderr, leave=False) as bar:

        def tick(done: int, total: int, _files: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = fetch(out, country=country, limit=limit, base_url=base_url or SEN1FLOODS11_URL, progress=tick)
    click.echo(f"{report.folder}: {report.chips} chips ({report.fetched} files brought, {report.kept} were there)")
