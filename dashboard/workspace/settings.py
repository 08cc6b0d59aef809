"""Settings of the dashboard, read once at the command line and handed in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dashboard.basemaps.basemap import Basemap
from tiles.answers import NOTHING_SAID, Answers


@dataclass(frozen=True)
class Settings:
    """What a dashboard is started with.

    Attributes:
        sources: folders, GeoTIFFs or catalogs, as `tiles.catalog.catalog.open_catalog` takes them.
        data: folder of the predictions.
        database: URL of the database of predictions; SQLite in `data` where it is None.
        rasters: s3://BUCKET/PREFIX of the predictions' rasters; in `data` where it is None.
        model: spec of the model to begin with: "floodscope" (the shipped one), "backscatter", "backscatter:otsu", or a
            bundle's path.
        bundles: further bundles on offer, or folders of bundles.
        endpoints: models that are served elsewhere, as `model.predictors.endpoint_spec` names them.
        name: what the catalog is called in the header.
        labels: folders of labels for the images of the sources.
        url_prefixes: paths below which the page is reached, as `dashboard.routes.proxies.url_prefix` returns them.
        answers: what the user says of the sources' files.
        allowed_hosts: names that the server may be asked by, beside localhost, this machine's and bare addresses; "*" is any.
        scheduler: address of a Dask scheduler whose workers predict all chips, as tcp://HOST:8786; None predicts them here.
        trusted_proxies: addresses and networks whose X-Forwarded headers are heard beside this machine's own.
        apart: bundles' networks run in a process of their own (`model.predictors.apart`), not in the server's.
        welcome: chip that whoever comes first is shown, with a word on what this is; "" for none.
        basemap: a base map: of somebody else, whom the browser then asks, or in a file; None, and it asks nobody else.
        layer_hosts: origins that layers which people add to the map may come from, as `dashboard.basemaps.hosts` returns them.
    """

    sources: tuple[Path, ...]
    data: Path
    database: str | None = None
    rasters: str | None = None
    model: str = "floodscope"
    bundles: tuple[Path, ...] = ()
    endpoints: tuple[str, ...] = ()
    name: str = ""
    labels: tuple[Path, ...] = ()
    url_prefixes: tuple[str, ...] = ()
    answers: Answers = NOTHING_SAID
    trusted_proxies: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    scheduler: str | None = None
    basemap: Basemap | None = None
    layer_hosts: tuple[str, ...] = ()
    apart: bool = False
    welcome: str = ""


def default_data_folder() -> Path:
    """Return the folder that the operating system keeps for data of this program and user."""
    import platformdirs  # noqa: PLC0415

    return Path(platformdirs.user_data_dir("floodscope", appauthor=False))
