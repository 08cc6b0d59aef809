"""Arguments, options and small steps that several commands share."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dashboard.commands.door import ANSWERS, given_answers
from dashboard.commands.values import Place
from dashboard.routes.proxies import PREFIX_VARIABLES, url_prefix

if TYPE_CHECKING:
    from model.store.store import Store
    from tiles.catalog.catalog import Catalog
    from tiles.errors import Problem

_STDOUT = "-"
_REPORTS = "floodscope.reports"
_TOLD_EVERY_S = 10.0
Command = TypeVar("Command", bound=Callable[..., Any])


def together(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return one decorator that gives a command several arguments and options, in the order that --help lists them."""

    def give(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return give


def _database_url(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    if url is not None and "://" not in url:
        raise click.BadParameter(
            f"{url!r} is no URL of a database: give one like postgresql+pg8000://host/name or sqlite:////folder/file.db."
        )
    return url


def _url_prefix(_: click.Context, __: click.Parameter, path: str | None) -> str | None:
    from tiles.errors import UsageError

    try:
        return url_prefix(path) if path else None
    except UsageError as error:
        raise click.BadParameter(str(error)) from error


_LABELS = "floodscope.labels"


def _hold_labels(context: click.Context, _: click.Parameter, folders: tuple[Path, ...]) -> None:
    context.meta[_LABELS] = folders


SOURCES = together(
    click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOURCE..."),
    click.option(
        "--labels",
        multiple=True,
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        callback=_hold_labels,
        expose_value=False,
        help="A folder of labels for the images of the SOURCEs, each of the name of its image.",
    ),
    *ANSWERS,
)
"""What every command that reads chips takes: `sources`; folders of labels and what the user says, for `open_sources`."""


def given_labels() -> tuple[Path, ...]:
    """Return the folders of labels that stand on the command line."""
    return tuple(click.get_current_context().meta.get(_LABELS, ()))


MODEL = click.option(
    "--model",
    default="floodscope",
    envvar="FLOODSCOPE_DEFAULT_MODEL",
    show_envvar=True,
    show_default=True,
    help='"floodscope" (the model that comes with the program), "backscatter" (VH below -22 dB), "backscatter:-21.5", '
    '"backscatter:adaptive", "backscatter:otsu", the path of a model bundle, or an endpoint: '
    "http://HOST:8080/invocations, sagemaker:NAME?region=REGION.",
)


def was_given(name: str) -> bool:
    """Return whether a parameter of this command stands on the command line; the environment's value is a default."""
    return click.get_current_context().get_parameter_source(name) in {
        click.core.ParameterSource.COMMANDLINE,
        click.core.ParameterSource.PROMPT,
    }


def bundle_path(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Return the path of a bundle, for an option's callback: "floodscope" is the one that comes with the program."""
    from model.weights import SHIPPED, WEIGHTS

    return WEIGHTS if path is not None and str(path) == SHIPPED and not path.exists() else path


DEVICE = click.option(
    "--device", type=click.Choice(["cpu", "cuda", "mps"]), help="Where a bundle runs. Default: the best there is."
)
THRESHOLD = click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Smallest probability that is water. Default: the model's own."
)
STORE = together(
    click.option(
        "--data",
        type=Place(),
        metavar="FOLDER",
        help="Folder of the predictions, or s3://BUCKET/PREFIX for their rasters, with --database. Default: this user's data "
        "folder.",
    ),
    click.option(
        "--database",
        callback=_database_url,
        help="Database of the predictions, as a SQLAlchemy URL. Default: SQLite in the data folder.",
    ),
)
"""Where predictions are kept: `data` and `database`, which `open_store` takes."""

SERVING = together(
    click.option(
        "--bundle",
        "bundles",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A further model, or a folder of models, on offer.",
    ),
    click.option(
        "--endpoint",
        "endpoints",
        multiple=True,
        envvar="FLOODSCOPE_ENDPOINTS",
        metavar="ENDPOINT",
        help="A model that is served elsewhere, on offer: http://HOST:8080/invocations or sagemaker:NAME?region=REGION.",
    ),
    STORE,
    click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 serves others too."),
    click.option(
        "--port", default=8050, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one."
    ),
    click.option(
        "--url-prefix",
        callback=_url_prefix,
        envvar=list(PREFIX_VARIABLES),
        show_envvar=True,
        metavar="PATH",
        help="Path below which a proxy shows the page, such as /user/me/proxy/8050/, whether it takes that off or leaves it on. "
        "In JupyterHub it is found by itself.",
    ),
    click.option(
        "--basemap",
        metavar="FILE|URL",
        help="A base map under the chips: a PMTiles or MBTiles file of pictures, from which this server hands them out; or "
        "https://HOST/{z}/{x}/{y}.png, osm, opentopomap, for which the browser asks its owner. Without, nothing is asked of "
        "anybody else.",
    ),
    click.option(
        "--basemap-attribution",
        metavar="TEXT",
        help="Whom the base map is of, as its owner wants to be named on the map; a file may say it.",
    ),
    click.option(
        "--layer-host",
        "layer_hosts",
        multiple=True,
        envvar="FLOODSCOPE_LAYER_HOST",
        show_envvar=True,
        metavar="HOST",
        help="A host that people may add layers of to the map: tiles, WMS and GeoJSON, which their browsers ask it for. Without, "
        "layers are of their own files alone, and nobody else is asked.",
    ),
    click.option(
        "--trust-proxy",
        "trusted_proxies",
        multiple=True,
        envvar="FLOODSCOPE_TRUST_PROXY",
        show_envvar=True,
        metavar="ADDRESS",
        help="Address or network (10.0.0.0/8) of a proxy on another machine whose X-Forwarded-Host, -Proto and -Prefix are "
        "heard; those of this machine's own proxies are.",
    ),
    click.option(
        "--allowed-host",
        "allowed_hosts",
        multiple=True,
        envvar="FLOODSCOPE_ALLOWED_HOST",
        show_envvar=True,
        metavar="NAME",
        help="A name by which the page is opened, such as flood.example.org; * is any. localhost, this machine's name, that of "
        "--host and bare addresses need none.",
    ),
    click.option("--browser/--no-browser", default=True, help="Open the page in a browser."),
)
"""What every command that serves the page takes, beside the model it begins with."""


def report_option(name: str, what: str) -> Callable[[Command], Command]:
    """Return an option that takes a file for a report: `--json FILE`; `--json -` or `--json` alone is stdout.

    The command gets it as `json_file`, for `write_report`. Two reports in one place are refused before anything is done.

    Args:
        name: "--json" or "--csv".
        what: what is written, as "the report as JSON".
    """
    return click.option(
        name,
        f"{name.removeprefix('--')}_file",
        is_flag=False,
        flag_value="-",
        type=click.Path(path_type=Path, allow_dash=True),
        callback=_claim,
        metavar="FILE",
        help=f"Write {what} to FILE; to stdout where FILE is - or left out.",
    )


def _claim(context: click.Context, option: click.Parameter, file: Path | None) -> Path | None:
    if file is not None:
        first = context.meta.setdefault(_REPORTS, {}).setdefault(str(file), option.opts[0])
        if first != option.opts[0]:
            place = "stdout" if str(file) == _STDOUT else str(file)
            raise click.UsageError(
                f"{first} and {option.opts[0]} cannot both be written to {place}: name a file for one of them."
            )
    return file


def write_report(file: Path, text: str) -> None:
    """Write a report to a file, whole or not at all, and say so; or to stdout where it is named `-`.

    Raises:
        UsageError: the name is that of an image or a catalog, such as a SOURCE that was taken for the option's FILE.
        OutputError: the file cannot be written.
    """
    from tiles.errors import UsageError
    from tiles.files import unwritable, write_whole

    if str(file) == _STDOUT:
        click.echo(text, nl=False)
        return
    if file.suffix.lower() in {".tif", ".tiff", ".parquet"}:
        raise UsageError(f"{file} is named like an image or a catalog, not a report: choose another file.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not file.is_file():  # a pipe or /dev/null, or a folder, which says so by itself
            file.write_text(text, encoding="utf-8")
            return
        write_whole(file.resolve(), text.encode())
    except OSError as error:
        raise unwritable(file, error) from error
    # A report that goes to stdout is alone there.
    click.echo(f"Written to {file}", err=_STDOUT in click.get_current_context().meta[_REPORTS])


@contextmanager
def progress_bar(what: str, unit: str = "chip") -> Iterator[Callable[[int, int], None]]:
    """Give a function that moves a progress bar on stderr; nothing is drawn where stderr is no terminal."""
    from tqdm import tqdm

    with tqdm(desc=what, unit=unit, disable=None, file=sys.stderr, leave=False) as bar:

        def tick(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tick


class _Reading:
    """Counts chips that are read, where that takes long: as a bar, or a line now and then where stderr is no terminal."""

    def __init__(self) -> None:
        self._read, self._told = 0, time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Callable[[], None]:
        return self._count

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _count(self) -> None:
        self._read += 1
        if self._bar is not None:
            self._bar.update()
        elif time.monotonic() - self._told > (1 if sys.stderr.isatty() else _TOLD_EVERY_S):
            self._told = time.monotonic()
            if not sys.stderr.isatty():
                click.echo(f"floodscope: reading chips, {self._read:,} so far", err=True)
                return
            from tqdm import tqdm

            self._bar = tqdm(desc="Reading", unit=" chips", initial=self._read, file=sys.stderr, leave=False)


def open_store(data: Path | str | None, database: str | None) -> Store:
    """Open the store of predictions that the options name."""
    from model.store.store import Store

    folder, rasters = places(data)
    return Store(folder, database, rasters=rasters)


def places(data: Path | str | None) -> tuple[Path, str | None]:
    """Return the folder on this machine, and where rasters are if not in it, that `--data` names."""
    from dashboard.workspace.settings import default_data_folder

    if isinstance(data, str):
        return default_data_folder(), data
    return data or default_data_folder(), None


def open_sources(sources: tuple[Path, ...], data: Path | None = None) -> Catalog:
    """Open the catalog of the sources, and tell on stderr of every file that cannot be used.

    Args:
        sources: as they were given.
        data: where it is kept what large ones hold.
    """
    from tiles.catalog.catalog import open_catalog
    from tiles.reading.headers import counting

    with _Reading() as count, counting(count):
        catalog = open_catalog(sources, given_answers(), labels=given_labels(), data=data)
    problems = catalog.problems()
    tell_problems(problems)
    lost = click.get_current_context().find_root().obj
    if isinstance(lost, list):  # what `main` ends with 1 for, where all else is well
        lost += [problem for problem in problems if problem.source]
    return catalog


def tell_problems(problems: Iterable[Problem]) -> None:
    """Say on stderr what could not be used or done, and why."""
    for problem in problems:
        click.echo(f"floodscope: {problem.name}: {problem.message}", err=True)


def make_maps(catalog: Catalog) -> None:
    """Lay the Sentinel-1 products of a catalog onto maps, with progress on stderr: it takes minutes each, once."""
    from tiles.reading.elsewhere import make_maps as make

    with progress_bar("Laying products onto maps", "%") as tick:
        make(catalog.usable(), lambda name, share: tick(round(100 * share), 100))


def require_usable(catalog: Catalog) -> None:
    """Raise where not one chip can be used."""
    from tiles.errors import SourceError

    if not catalog.usable():
        raise SourceError(
            f"None of the {len(catalog)} chip(s) can be used: give a source whose VV and VH are on disk and in dB."
        )
