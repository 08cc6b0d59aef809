"""The command line. Commands import what they need when they run, so that --help is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tiles.errors import FloodscopeError, UsageError, exit_code

if TYPE_CHECKING:
    from model.store import Store
    from tiles.catalog import Catalog

_SOURCES = click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOURCE...")
_MODEL = click.option(
    "--model",
    default="backscatter",
    show_default=True,
    help='"backscatter" (VH below -22 dB), "backscatter:-21.5", "backscatter:otsu", or the path of a model bundle.',
)
_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the predictions. Default: this user's data folder.",
)
_DATABASE = click.option(
    "--database", help="Database of the predictions, as a SQLAlchemy URL. Default: SQLite in the data folder."
)
_DEVICE = click.option(
    "--device", type=click.Choice(["cpu", "cuda", "mps"]), help="Where a bundle runs. Default: the best there is."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "FLOODSCOPE"})
@click.version_option(package_name="floodscope")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Sentinel-1 flood chips on a map: predict their water, lay it over the truth, and see where to trust the model.

    SOURCE is a DrivenData or Sen1Floods11 folder, a folder of VV/VH GeoTIFFs, one GeoTIFF, or a catalog (.parquet).
    """


@contextmanager
def _bar(what: str, unit: str = "chip") -> Iterator[Callable[[int, int], None]]:
    """Give a function that moves a progress bar on stderr; nothing is drawn where stderr is no terminal."""
    from tqdm import tqdm

    with tqdm(desc=what, unit=unit, disable=None, file=sys.stderr, leave=False) as bar:

        def tick(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tick


def _open_store(data: Path | None, database: str | None) -> Store:
    from dashboard.settings import default_data_folder
    from model.store import Store

    return Store(data or default_data_folder(), database)


def _open_catalog(sources: tuple[Path, ...]) -> Catalog:
    from tiles.catalog import open_catalog

    catalog = open_catalog(sources)
    for chip_id, problem in catalog.problems():
        click.echo(f"floodscope: {chip_id}: {problem}", err=True)
    return catalog


def _usable(catalog: Catalog) -> None:
    """Raise where not one chip can be used."""
    from tiles.errors import SourceError

    if not catalog.usable():
        raise SourceError(
            f"None of the {len(catalog)} chip(s) can be used: give a source whose VV and VH are on disk and in dB."
        )


# --- catalog ---------------------------------------------------------------------------------------------------------


@cli.group()
def catalog() -> None:
    """Build and show catalogs of chips."""


@catalog.command("build")
@_SOURCES
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def catalog_build(sources: tuple[Path, ...], out: Path) -> None:
    """Write the chips of one or several SOURCEs as a GeoParquet file OUT."""
    if out.suffix.lower() != ".parquet":
        raise UsageError(f"The catalog {out} must end in .parquet: floodscope catalog build SOURCE OUT.parquet")
    found = _open_catalog(sources)
    _usable(found)
    found.to_parquet(out)
    click.echo(f"{out}: {_counted(found)}")


@catalog.command("show")
@_SOURCES
@click.option("--country", help="Only chips of this country.")
@click.option("--event", help="Only chips of this event.")
@click.option("--split", help="Only chips of this split.")
@click.option("--all", "everything", is_flag=True, help="Also list the chips without imagery.")
def catalog_show(
    sources: tuple[Path, ...], country: str | None, event: str | None, split: str | None, everything: bool
) -> None:
    """List the chips of SOURCEs: id, country, event, date, split, what there is of them."""
    from tiles.places import country_name

    found = _open_catalog(sources).filter(country=country_name(country), event=event, split=split)
    for r in found.records():
        if r.has_imagery or everything:
            state = "image and label" if r.has_label and r.has_imagery else "image" if r.has_imagery else "no image"
            click.echo(
                "  ".join(
                    [
                        f"{r.id:24}",
                        f"{r.country or '-':26}",
                        f"{r.event or '-':12}",
                        r.date or "-",
                        f"{r.split or '-':8}",
                        state,
                    ]
                )
            )
    click.echo(_counted(found))


def _counted(found: Catalog) -> str:
    from tiles.catalog import counts

    n = counts(found)
    text = (
        f"{n['chips']} chips: {n['imagery']} with imagery ({n['labelled']} labelled), {n['outline_only']} known by their "
        f"footprint alone, {n['listed_only']} listed only"
    )
    return text + (f"; {n['simulated']} are simulated" if n["simulated"] else "")


# --- data ------------------------------------------------------------------------------------------------------------


@cli.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--chips", default=44, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="The same seed gives the same chips."
)
@click.option("--layout", default="sen1floods11", show_default=True, type=click.Choice(["sen1floods11", "drivendata"]))
def simulate(out: Path, chips: int, seed: int, layout: str) -> None:
    """Write simulated flood chips with labels into the folder OUT, for trying things out."""
    from tiles.simulate import simulate as make

    with _bar("Simulating") as tick:
        folder = make(out, chips=chips, seed=seed, layout=layout, progress=tick)  # type: ignore[arg-type]
    click.echo(f"{folder}: {chips} simulated chips")


@cli.group()
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

    from tiles.download import SEN1FLOODS11_URL
    from tiles.download import download_sen1floods11 as fetch

    with tqdm(desc="Downloading", unit="B", unit_scale=True, disable=None, file=sys.stderr, leave=False) as bar:

        def tick(done: int, total: int, _files: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = fetch(out, country=country, limit=limit, base_url=base_url or SEN1FLOODS11_URL, progress=tick)
    click.echo(f"{report.folder}: {report.chips} chips ({report.fetched} files brought, {report.kept} were there)")


# --- prediction ------------------------------------------------------------------------------------------------------


@cli.command()
@_SOURCES
@_MODEL
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Also write each chip's rasters and a table here."
)
@click.option("--threshold", type=click.FloatRange(0, 1), help="Of the masks and areas. Default: the model's own.")
@click.option("--force", is_flag=True, help="Predict again what is predicted already.")
@_DATA
@_DATABASE
@_DEVICE
def predict(
    sources: tuple[Path, ...],
    model: str,
    out: Path | None,
    threshold: float | None,
    force: bool,
    data: Path | None,
    database: str | None,
    device: str | None,
) -> None:
    """Predict the water of every chip of SOURCEs and keep it in the data folder, where the dashboard finds it.

    With --out: ID_probability.tif (0..254 is p * 254, 255 is no data), ID_mask.tif (0 dry, 1 water, 255 no data) and
    predictions.csv with the km2 of water.
    """
    from model.evaluate import predict_missing
    from model.predictors.select import open_predictor
    from model.store import key_of

    found = _open_catalog(sources)
    _usable(found)
    predictor = open_predictor(model, device)
    with _open_store(data, database) as store:
        with _bar("Predicting") as tick:
            job = predict_missing(found.usable(), predictor, store, tick, force=force)
        for chip_id, message in job.failed.items():
            click.echo(f"floodscope: {chip_id}: {message}", err=True)
        stored = store.fresh(found.usable(), key_of(predictor))
        limit = predictor.threshold if threshold is None else threshold
        if out is not None:
            from model.export import write_predictions

            write_predictions(out, [(found.get(i), p) for i, p in stored.items()], store, limit)
        progress = job.snapshot()
        km2 = sum(p.water_km2(limit) for p in stored.values())
        click.echo(
            f"{progress.done} predicted, {progress.skipped} were there, {progress.failed} failed; {km2:.1f} km² of water at "
            f"p >= {limit:.2f} under {predictor.name} on {predictor.device}" + (f"; written to {out}" if out else "")
        )
        if not stored:
            raise click.exceptions.Exit(1)


@cli.command()
@_SOURCES
@_MODEL
@click.option("--threshold", type=click.FloatRange(0, 1), help="Default: the model's own.")
@click.option("--by", default="country", show_default=True, type=click.Choice(["country", "event", "chip", "split"]))
@click.option(
    "--json",
    "json_file",
    is_flag=False,
    flag_value="-",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the report as JSON to FILE, or to stdout.",
)
@click.option(
    "--csv",
    "csv_file",
    is_flag=False,
    flag_value="-",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the chips' counts as CSV to FILE, or to stdout.",
)
@_DATA
@_DATABASE
@_DEVICE
def evaluate(
    sources: tuple[Path, ...],
    model: str,
    threshold: float | None,
    by: str,
    json_file: Path | None,
    csv_file: Path | None,
    data: Path | None,
    database: str | None,
    device: str | None,
) -> None:
    """Score a model against the labels of SOURCEs: micro IoU, by group with 95 % intervals, and every chip."""
    from model.evaluate import evaluate as score
    from model.predictors.select import open_predictor
    from tiles.errors import SourceError

    found = _open_catalog(sources)
    _usable(found)
    if not any(r.has_label for r in found.usable()):
        raise SourceError(
            "No chip has a label, so there is nothing to score: use `floodscope predict`, or give labelled chips."
        )
    predictor = open_predictor(model, device)
    with _open_store(data, database) as store, _bar("Predicting") as tick:
        report = score(found.records(), predictor, store, threshold=threshold, by=by, tick=tick).report()  # type: ignore[arg-type]
    from dashboard.report import as_csv, as_json, as_table

    if json_file is not None:
        _write(json_file, as_json(report))
    if csv_file is not None:
        _write(csv_file, as_csv(report))
    if json_file is None and csv_file is None:
        click.echo(as_table(report))


def _write(file: Path, text: str) -> None:
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written ({error.strerror}): choose another file.") from error


# --- dashboard -------------------------------------------------------------------------------------------------------

_PORT = click.option(
    "--port", default=8050, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one."
)
_HOST = click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 serves others too.")
_BROWSER = click.option("--browser/--no-browser", default=True, help="Open the page in a browser.")
_BUNDLES = click.option(
    "--bundle",
    "bundles",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A further model, or a folder of models, on offer.",
)


@cli.command()
@_SOURCES
@_MODEL
@_BUNDLES
@_DATA
@_DATABASE
@_HOST
@_PORT
@_BROWSER
@click.option("--name", default="", help="What the catalog is called on the page.")
def dashboard(sources: tuple[Path, ...], browser: bool, host: str, port: int, **options: Any) -> None:
    """Open the map of SOURCEs' chips, and predict and score them there."""
    _serve(sources, browser, host, port, **options)


@cli.command()
@_MODEL
@_BUNDLES
@_DATA
@_DATABASE
@_HOST
@_PORT
@_BROWSER
@click.option("--chips", default=44, show_default=True, type=click.IntRange(1, 1000), help="How many simulated chips.")
def demo(browser: bool, host: str, port: int, chips: int, **options: Any) -> None:
    """Open the map with simulated chips: no data, no network and no account needed."""
    from dashboard.settings import default_data_folder

    folder = (options["data"] or default_data_folder()) / f"simulated-{chips}"
    if not (folder / "SIMULATED.json").is_file():
        from tiles.simulate import simulate as make

        with _bar("Simulating") as tick:
            make(folder, chips=chips, progress=tick)
    _serve((folder,), browser, host, port, name="Demo", **options)


def _serve(sources: tuple[Path, ...], browser: bool, host: str, port: int, **options: Any) -> None:
    from dashboard.server import serve
    from dashboard.settings import Settings, default_data_folder

    found = _open_catalog(sources)
    if not len(found):
        _usable(found)
    settings = Settings(
        sources=sources,
        data=options["data"] or default_data_folder(),
        database=options["database"],
        model=options["model"],
        bundles=tuple(options["bundles"]),
        name=options["name"],
    )
    serve(settings, host=host, port=port, browser=browser, announce=lambda text: click.echo(text, err=True))


def main() -> None:
    """Run the command line: errors are one line on stderr and an exit code, with --debug a traceback too."""
    debug = "--debug" in sys.argv[1:]
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 2
    except click.ClickException as error:
        code = _fail(error.format_message(), error.exit_code, debug)
    except click.Abort:
        code = _fail("Interrupted. What was finished is kept.", 1, False)
    except FloodscopeError as error:
        code = _fail(str(error), exit_code(error), debug)
    except BrokenPipeError:
        # The reader of our output is gone, as `| head` is: nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        code = _fail(f"{type(error).__name__}: {error} (a defect of floodscope; --debug shows where)", 1, debug)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    click.echo("floodscope: " + " ".join(message.split()), err=True)
    return code
