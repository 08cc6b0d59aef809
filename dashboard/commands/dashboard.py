"""floodscope dashboard, floodscope demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dashboard.commands.door import given_answers
from dashboard.commands.options import (
    MODEL,
    SERVING,
    SOURCES,
    given_labels,
    open_sources,
    places,
    progress_bar,
    require_usable,
)

# Of the simulated chips one of which a third is water: whoever comes first is shown it.
_WELCOME = "India_sim0002"


@click.command()
@SOURCES
@MODEL
@SERVING
@click.option("--name", default="", help="What the catalog is called on the page.")
@click.option(
    "--scheduler",
    metavar="tcp://HOST:8786",
    help='A Dask scheduler whose workers do "Predict all"; see `floodscope batch`.',
)
def dashboard(sources: tuple[Path, ...], browser: bool, host: str, port: int, **options: Any) -> None:
    """Open the map of SOURCEs' chips, and predict and score them there."""
    if options["scheduler"] is not None:
        from dashboard.commands.batch import require_dask
        from model.scale.batch import require_address

        require_dask()
        require_address(options["scheduler"])
    _serve(sources, browser, host, port, **options)


@click.command()
@MODEL
@SERVING
@click.option("--chips", default=44, show_default=True, type=click.IntRange(1, 1000), help="How many simulated chips.")
def demo(browser: bool, host: str, port: int, chips: int, **options: Any) -> None:
    """Open the map with simulated chips: no data, no network and no account needed."""
    folder = places(options["data"])[0] / f"simulated-{chips}"
    if not (folder / "SIMULATED.json").is_file():
        from tiles.simulate import simulate as make

        with progress_bar("Simulating") as tick:
            make(folder, chips=chips, progress=tick)
    _serve((folder,), browser, host, port, name="Demo", welcome=_WELCOME, **options)


def _serve(sources: tuple[Path, ...], browser: bool, host: str, port: int, **options: Any) -> None:
    from dashboard.basemaps.basemap import basemap_of
    from dashboard.basemaps.hosts import layer_hosts
    from dashboard.server import serve
    from dashboard.workspace.settings import Settings

    basemap = basemap_of(options["basemap"], options["basemap_attribution"])
    hosts = layer_hosts(options["layer_hosts"])
    data, rasters = places(options["data"])
    found = open_sources(sources, data)
    if not len(found):
        require_usable(found)
    settings = Settings(
        sources=sources,
        data=data,
        rasters=rasters,
        database=options["database"],
        model=options["model"],
        bundles=tuple(options["bundles"]),
        endpoints=tuple(options["endpoints"]),
        name=options["name"],
        answers=given_answers(),
        labels=given_labels(),
        url_prefixes=(options["url_prefix"],) if options["url_prefix"] else (),
        trusted_proxies=tuple(options["trusted_proxies"]),
        allowed_hosts=tuple(options["allowed_hosts"]),
        scheduler=options.get("scheduler"),
        basemap=basemap,
        layer_hosts=hosts,
        apart=True,
        welcome=options.get("welcome", ""),
    )
    serve(settings, found, host=host, port=port, browser=browser, announce=lambda text: click.echo(text, err=True))
