"""A static STAC catalog written to files, and a real STAC API server on it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.waiting import eventually

Json = dict[str, Any]

# Its headers for other pages are left out: they fail under the pinned starlette.
_SERVER = """
import sys, uvicorn
from stac_fastapi.static.api import Settings, make_api
app = make_api(Settings()).app
app.user_middleware = [one for one in app.user_middleware if "CORS" not in one.cls.__name__]
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""


def item(
    name: str,
    *,
    day: str = "2024-09-21",
    west: float = 16.0,
    south: float = 48.0,
    assets: Json | None = None,
    collection: str = "rtc",
    **properties: object,
) -> Json:
    """Return an item of a square of a tenth of a degree."""
    east, north = west + 0.1, south + 0.1
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    tiff = {"type": "image/tiff; application=geotiff", "roles": ["data"]}
    given = {"vv": {"href": f"{name}_vv.tif"}, "vh": {"href": f"{name}_vh.tif"}} if assets is None else assets
    return {
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": name, "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [west, south, east, north],
        "properties": {"datetime": f"{day}T05:12:29Z", **properties},
        "assets": {key: {**tiff, **asset} for key, asset in given.items()},
        "links": [],
    }  # fmt: skip


def write_catalog(folder: Path, items: list[Json]) -> Path:
    """Write a catalog with a collection of items, each in a folder of its own; returns catalog.json."""
    collections: dict[str, list[Json]] = {}
    for one in items:
        collections.setdefault(one["collection"], []).append(one)
    for name, members in collections.items():
        links = []
        for one in members:
            (place := folder / name / one["id"]).mkdir(parents=True)
            linked = {**one, "links": _links("../../catalog.json", "../collection.json", name)}
            (place / f"{one['id']}.json").write_text(json.dumps(linked))
            links.append({"rel": "item", "href": f"./{one['id']}/{one['id']}.json", "type": "application/geo+json"})
        boxes = [one["bbox"] for one in members]
        bbox = [min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)]
        days = sorted(one["properties"]["datetime"] for one in members)
        collection = {
            "type": "Collection", "stac_version": "1.0.0", "id": name, "description": name, "license": "other",
            "extent": {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[days[0], days[-1]]]}},
            "links": [*_links("../catalog.json", "../catalog.json"), *links],
        }  # fmt: skip
        (folder / name / "collection.json").write_text(json.dumps(collection))
    catalog = {
        "type": "Catalog", "stac_version": "1.0.0", "id": "root", "description": "for tests",
        "links": [
            {"rel": "root", "href": "./catalog.json"},
            *({"rel": "child", "href": f"./{name}/collection.json", "type": "application/json"} for name in collections),
        ],
    }  # fmt: skip
    (folder / "catalog.json").write_text(json.dumps(catalog))
    return folder / "catalog.json"


def _links(root: str, parent: str, collection: str | None = None) -> list[Json]:
    links = [
        {"rel": "root", "href": root, "type": "application/json"},
        {"rel": "parent", "href": parent, "type": "application/json"},
    ]
    if collection is not None:
        links.append({"rel": "collection", "href": parent, "type": "application/json"})
    return links


@contextlib.contextmanager
def api(catalog: Path, port: int | None = None) -> Iterator[str]:
    """Run stac-fastapi-static on a catalog in a process of its own, and give the address of its first page."""
    port = free_port() if port is None else port
    settings = {"catalog_href": catalog.absolute().as_uri(), "assume_best_practice_layout": "true", "reload": "false"}
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(port)],
        env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/").status == 200)
        assert process.poll() is None, "the server has ended"
        return False

    try:
        eventually(answers)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
