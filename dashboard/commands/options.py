"""Arguments, options and small steps that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model.store import Store
    from tiles.catalog import Catalog

SOURCES = click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOURCE...")
MODEL = click.option(
    "--model",
    default="backscatter",
    show_default=True,
    help='"backscatter" (VH below -22 dB), "backscatter:-21.5", "backscatter:otsu", or the path of a model bundle.',
)
DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the predictions. Default: this user's data folder.",
)
DATABASE = click.option(
    "--database", help="Database of the predictions, as a SQLAlchemy URL. Default: SQLite in the data folder."
)
DEVICE = click.option(
    "--device", type=click.Choice(["cpu", "cuda", "mps"]), help="Where a bundle runs. Default: the best there is."
)


PORT = click.option(
    "--port", default=8050, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one."
)
HOST = click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 serves others too.")
BROWSER = click.option("--browser/--no-browser", default=True, help="Open the page in a browser.")
BUNDLES = click.option(
    "--bundle",
    "bundles",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A further model, or a folder of models, on offer.",
)


@contextmanager
def progress_bar(what: str, unit: str = "chip") -> Iterator[Callable[[int, int], None]]:
    """Give a function that moves a progress bar on stderr; nothing is drawn where stderr is no terminal."""
    from tqdm import tqdm

    with tqdm(desc=what, unit=unit, disable=None, file=sys.stderr, leave=False) as bar:

        def tick(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tick


def open_store(data: Path | None, database: str | None) -> Store:
    """Open the store of predictions that the options name."""
    from dashboard.settings import default_data_folder
    from model.store import Store

    return Store(data or default_data_folder(), database)


def open_sources(sources: tuple[Path, ...]) -> Catalog:
    """Open the catalog of the sources, and tell on stderr of every file that cannot be used."""
    from tiles.catalog import open_catalog

    catalog = open_catalog(sources)
    for chip_id, problem in catalog.problems():
        click.echo(f"floodscope: {chip_id}: {problem}", err=True)
    return catalog


def require_usable(catalog: Catalog) -> None:
    """Raise where not one chip can be used."""
    from tiles.errors import SourceError

    if not catalog.usable():
        raise SourceError(
            f"None of the {len(catalog)} chip(s) can be used: give a source whose VV and VH are on disk and in dB."
        )
