"""The foot of the panel: images of one's own come in here, and files go out. The dialogs are made by assets/ themselves."""

from __future__ import annotations

import json

from dash import html

from dashboard.uploads.batch import Limits

# What may be taken away: name, title, what it is for, and whether it is chosen at first. Names are those of
# dashboard.exports.files.CHOICES, which a test compares.
FORMATS: tuple[tuple[str, str, str, bool], ...] = (
    ("probability", "Probability, GeoTIFF", "0 to 254 is p × 254; cloud-optimised", True),
    ("mask", "Mask, GeoTIFF", "water, dry and no data, with colours", True),
    ("geopackage", "Water polygons, GeoPackage", "with km²; QGIS, ArcGIS", True),
    ("geojson", "Water polygons, GeoJSON", "web maps; 100 MiB at most", False),
    ("flatgeobuf", "Water polygons, FlatGeobuf", "large sets, read in part", False),
    ("csv", "Scores, CSV", "one row a chip", True),
    ("json", "Scores, JSON", "with the scores of all together", False),
    ("geoparquet", "Scores, GeoParquet", "with each chip's outline", False),
    ("stac", "STAC collection", "describes the GeoTIFFs, and brings them", False),
    ("report", "Report, HTML", "map, regions, worst chips, model card; opens offline", True),
)


def actions() -> html.Div:
    """Return the two buttons, which tell assets/uploads.js and assets/takeaway.js what they need to know."""
    limits = Limits()
    sizes = {"file": limits.file_bytes, "batch": limits.batch_bytes, "files": limits.files}
    choices = [{"name": n, "title": t, "note": note, "chosen": chosen} for n, t, note, chosen in FORMATS]
    return html.Div(
        className="fs-actions",
        children=[
            html.Button("Add images", id="add-images", className="fs-button", **{"data-limits": json.dumps(sizes)}),  # type: ignore[arg-type]
            html.Button("Take away", id="take-away", className="fs-button", **{"data-formats": json.dumps(choices)}),  # type: ignore[arg-type]
        ],
    )
