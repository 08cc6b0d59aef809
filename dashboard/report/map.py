"""A map of chips for the HTML report: countries and chips as one SVG, with nothing to fetch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from html import escape

from tiles import palette
from tiles.antimeridian import HALF_TURN, TURN, smallest_arc
from tiles.places import ASSETS

Dot = tuple[float, float, str, float | None]
"""Longitude, latitude, what is said of the chip, its IoU or None."""

STYLE = """
.map { width: 100%; height: auto; display: block; border-radius: 8px; background: #dde4eb; margin-top: 12px; }
.map .land { fill: #f6f7f8; stroke: #c3ccd6; vector-effect: non-scaling-stroke; }
.map circle { stroke: #1c2530; stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.map .unscored { fill: #ffffff; stroke-dasharray: 2 2; }
.ramp { display: flex; align-items: center; gap: 10px; flex-wrap: wrap; font-size: 13px; color: var(--soft); margin-top: 8px; }
.ramp i { width: 140px; height: 10px; border-radius: 3px; background: linear-gradient(90deg, RAMP); }
.ramp b { width: 11px; height: 11px; border-radius: 50%; border: 1.5px dashed currentColor; background: #ffffff; }
@media (prefers-color-scheme: dark) {
  .map { background: #141b24; } .map .land { fill: #3a4654; stroke: #141b24; } .map circle { stroke: #e6eaef; }
}
""".replace("RAMP", palette.ramp_css())

# Degrees around the chips, the least that is shown of the world, and width over height of the picture.
_MARGIN, _LEAST, _ASPECT = 6.0, 36.0, 2.1


def chip_map(dots: Sequence[Dot]) -> str:
    """Return the map of chips as HTML, or nothing where no chip has a place; each chip says what it is when pointed at."""
    if not dots:
        return ""
    west, north, width, height = _window(dots)
    radius = width / 170
    dots = [(dot[0] + TURN if dot[0] < west else dot[0], *dot[1:]) for dot in dots]
    land = "".join(f'<path class="land" d="{path}"/>' for path in _countries())
    if west + width > HALF_TURN:
        land = f'<g id="map-land">{land}</g><use href="#map-land" x="{TURN:g}"/>'
    marks = "".join(_mark(dot, radius) for dot in sorted(dots, key=lambda d: (d[3] is not None, d[3] or 0.0)))
    return (
        f'<svg class="map" role="img" aria-label="Map of the chips, coloured by IoU" viewBox="{west:.3f} {-north:.3f} '
        f'{width:.3f} {height:.3f}">{land}{marks}</svg>'
        '<div class="ramp">IoU 0 <i></i> 1 &nbsp; <b></b> not scored (no label)</div>'
    )


def _window(dots: Sequence[Dot]) -> tuple[float, float, float, float]:
    """Return west, north, width and height in degrees of what is shown."""
    first, last = smallest_arc((d[0], d[0]) for d in dots)
    across = last < first
    last += TURN if across else 0.0
    lat = [d[1] for d in dots]
    width = max(_LEAST, last - first + 2 * _MARGIN)
    height = max(_LEAST / _ASPECT, max(lat) - min(lat) + 2 * _MARGIN)
    width, height = max(width, height * _ASPECT), max(height, width / _ASPECT)
    width, height = min(width, TURN), min(height, 180.0)
    west = (first + last) / 2 - width / 2
    if not across or width >= TURN:
        west = min(max(west, -HALF_TURN), HALF_TURN - width)
    north = max(min((min(lat) + max(lat)) / 2 + height / 2, 90.0), -90.0 + height)
    return west, north, width, height


def _mark(dot: Dot, radius: float) -> str:
    lon, lat, text, iou = dot
    look = 'class="unscored"' if iou is None else f'fill="{palette.css(palette.ramp_at(iou))}"'
    return f'<circle cx="{lon:.3f}" cy="{-lat:.3f}" r="{radius:.3f}" {look}><title>{escape(text)}</title></circle>'


@lru_cache(maxsize=1)
def _countries() -> list[str]:
    """Return the outlines of all countries as SVG paths, in degrees, north up."""
    features = json.loads((ASSETS / "countries.geojson").read_text(encoding="utf-8"))["features"]
    return ["".join(_ring(ring) for ring in _rings(feature["geometry"])) for feature in features]


def _rings(geometry: dict[str, list[list[list[list[float]]]]]) -> list[list[list[float]]]:
    polygons = geometry["coordinates"] if str(geometry["type"]) == "MultiPolygon" else [geometry["coordinates"]]
    return [ring for polygon in polygons for ring in polygon]  # type: ignore[misc]


def _ring(ring: list[list[float]]) -> str:
    return "M" + "L".join(f"{lon:g} {-lat:g}" for lon, lat in ring) + "Z"
