"""Makes assets/countries.geojson, the offline world map, from Natural Earth as the npm package world-atlas has it.

Usage: npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
       python assets/sources/make_countries.py package/countries-50m.json assets/countries.geojson
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from shapely.affinity import translate
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

# Corners whose triangle is smaller than this squared go (degrees at the equator). Found by trial: 500 KB at most.
TOLERANCE = 0.1
DECIMALS = 3

FULL_NAMES = {
    "Antigua and Barb.": "Antigua and Barbuda",
    "Ashmore and Cartier Is.": "Ashmore and Cartier Islands",
    "Bosnia and Herz.": "Bosnia and Herzegovina",
    "Br. Indian Ocean Ter.": "British Indian Ocean Territory",
    "British Virgin Is.": "British Virgin Islands",
    "Cayman Is.": "Cayman Islands",
    "Central African Rep.": "Central African Republic",
    "Congo": "Republic of the Congo",
    "Cook Is.": "Cook Islands",
    "Dem. Rep. Congo": "Democratic Republic of the Congo",
    "Dominican Rep.": "Dominican Republic",
    "Eq. Guinea": "Equatorial Guinea",
    "Faeroe Is.": "Faroe Islands",
    "Falkland Is.": "Falkland Islands",
    "Fr. Polynesia": "French Polynesia",
    "Fr. S. Antarctic Lands": "French Southern and Antarctic Lands",
    "Heard I. and McDonald Is.": "Heard Island and McDonald Islands",
    "Indian Ocean Ter.": "Indian Ocean Territories",
    "Macedonia": "North Macedonia",
    "Marshall Is.": "Marshall Islands",
    "N. Cyprus": "Northern Cyprus",
    "N. Mariana Is.": "Northern Mariana Islands",
    "Pitcairn Is.": "Pitcairn Islands",
    "S. Geo. and the Is.": "South Georgia and the South Sandwich Islands",
    "S. Sudan": "South Sudan",
    "Solomon Is.": "Solomon Islands",
    "St-Barthélemy": "Saint Barthélemy",
    "St-Martin": "Saint Martin",
    "St. Kitts and Nevis": "Saint Kitts and Nevis",
    "St. Pierre and Miquelon": "Saint Pierre and Miquelon",
    "St. Vin. and Gren.": "Saint Vincent and the Grenadines",
    "São Tomé and Principe": "São Tomé and Príncipe",
    "Turks and Caicos Is.": "Turks and Caicos Islands",
    "U.S. Virgin Is.": "United States Virgin Islands",
    "W. Sahara": "Western Sahara",
    "Wallis and Futuna Is.": "Wallis and Futuna",
    "eSwatini": "Eswatini",
}


def simplified(geometries: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Return the countries (lon, lat) with fewer corners: shared borders stay shared, no island disappears."""
    planar = [_polygonal([_cut_at_antimeridian(part) for part in shapely.get_parts(g)]) for g in geometries]
    # In an equal-area projection a corner counts for what it is on the ground, so the Arctic does not take all bytes.
    fewer = shapely.coverage_simplify(shapely.transform(np.array(planar, dtype=object), _equal_area), TOLERANCE)
    snapped = shapely.set_precision(shapely.transform(fewer, _lonlat), 10.0**-DECIMALS)
    return np.array([_polygonal([g]) for g in snapped], dtype=object)


def _equal_area(lonlat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Lambert's cylindrical projection of (n, 2) degrees."""
    return np.column_stack([lonlat[:, 0], np.degrees(np.sin(np.radians(lonlat[:, 1])))])


def _lonlat(projected: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the (n, 2) degrees whose `_equal_area` this is."""
    sine = np.clip(np.radians(projected[:, 1]), -1.0, 1.0)
    return np.column_stack([projected[:, 0], np.degrees(np.arcsin(sine))])


def _cut_at_antimeridian(polygon: Polygon) -> BaseGeometry:
    """Return the polygon, whose rings on the sphere may cross 180 degrees or go round the south pole, on the plane."""
    shell, *holes = (_unrolled(ring.coords) for ring in (polygon.exterior, *polygon.interiors))
    whole = shapely.make_valid(Polygon(shell, holes))
    worlds = [translate(whole & box(west, -90, west + 360, 90), -180.0 - west) for west in (-540, -180, 180)]
    return _polygonal(worlds)


def _unrolled(ring: Sequence[tuple[float, ...]]) -> npt.NDArray[np.float64]:
    """Return the ring (n, 2) with longitudes that go on past 180 rather than jump, closed along the pole if need be."""
    corners = np.array(ring)
    corners[:, 0] = np.unwrap(corners[:, 0], period=360.0)
    first, last = corners[0, 0], corners[-1, 0]
    if abs(last - first) > 180.0:
        corners = np.vstack([corners, [[last, -90.0], [first, -90.0], corners[0]]])
    return corners


def _polygonal(geometries: Sequence[BaseGeometry]) -> BaseGeometry:
    """Return the union of what has an area; cutting and snapping leave lines and points beside it."""
    parts = shapely.get_parts([shapely.make_valid(g) for g in geometries])
    while any(part.geom_type == "GeometryCollection" for part in parts):
        parts = shapely.get_parts(parts)
    polygons = [part for part in shapely.get_parts(parts) if part.geom_type == "Polygon"]
    return shapely.union_all(polygons)


def main(source: Path, target: Path) -> None:
    """Read world-atlas's TopoJSON and write the GeoJSON, one feature a line, and the same packed for browsers."""
    countries = gpd.read_file(source, layer="countries").sort_values("name")
    names = [FULL_NAMES.get(name, name) for name in countries["name"]]
    features = []
    for name, geometry in zip(names, simplified(countries.geometry.to_numpy()), strict=True):
        shape = json.dumps(shapely.geometry.mapping(geometry), separators=(",", ":"))
        features.append(
            f'{{"type":"Feature","properties":{{"name":{json.dumps(name, ensure_ascii=False)}}},"geometry":{shape}}}'
        )
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n"
    target.write_text(text, encoding="utf-8")
    target.with_name(f"{target.name}.br").write_bytes(brotli.compress(text.encode(), quality=11))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
