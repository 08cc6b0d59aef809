"""What can be exported: one table for the command line, the page and the files. It imports nothing, so that all may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class ExportFormat:
    """A format.

    Attributes:
        name: what it is asked for by.
        title: for people.
        note: what it is for, in a few words.
        file: its file in the folder of the export; where there is one a chip, ID stands for the chip's.
        about: what that is, as the README beside them says it.
        chosen: whether the page proposes it.
    """

    name: str
    title: str
    note: str
    file: str
    about: str
    chosen: bool = False

    def among(self, files: Iterable[str]) -> bool:
        """Return whether some of an export's files, by their paths in it, are of this format."""
        begin, _, end = self.file.partition("ID")
        return any(file.startswith(begin) and file.endswith(end) for file in files)


REPORT = "report"
"""The one format that is made of more than predictions: `dashboard.report` writes it."""
RASTERS = "rasters"
FLOOD, FLOOD_POLYGONS = "flood", "flood-geopackage"
"""What is told only of chips beside which a file says where water is usual (`model.export.flood`)."""

_COG = "Cloud-optimised GeoTIFF on the chip's own grid."

FORMATS: tuple[ExportFormat, ...] = (
    ExportFormat(
        "probability",
        "Probability, GeoTIFF",
        "0 to 254 is p × 254; cloud-optimised",
        f"{RASTERS}/ID_probability.tif",
        f"0..254 is p * 254, 255 is no data. {_COG}",
        chosen=True,
    ),
    ExportFormat(
        "mask",
        "Mask, GeoTIFF",
        "water, dry and no data, with colours",
        f"{RASTERS}/ID_mask.tif",
        f"0 dry, 1 water, 255 no data. {_COG}",
        chosen=True,
    ),
    ExportFormat(
        "geopackage",
        "Water polygons, GeoPackage",
        "with km²; QGIS, ArcGIS",
        "water.gpkg",
        "water polygons with km2, WGS84, layer water; GeoPackage: QGIS, ArcGIS, GDAL.",
        chosen=True,
    ),
    ExportFormat(
        "geojson",
        "Water polygons, GeoJSON",
        "web maps; 100 MiB at most",
        "water.geojson",
        "water polygons with km2, WGS84; GeoJSON (RFC 7946): any web map.",
    ),
    ExportFormat(
        "flatgeobuf",
        "Water polygons, FlatGeobuf",
        "large sets, read in part",
        "water.fgb",
        "water polygons with km2, WGS84; FlatGeobuf: quick to read in part.",
    ),
    ExportFormat(
        FLOOD,
        "Flood, GeoTIFF",
        "flood apart from usual water, where a file tells it",
        f"{RASTERS}/ID_{FLOOD}.tif",
        "0 dry, 1 flood, 2 usual water, 3 usual water that is not found, 4 water of which it is not known whether it is usual, "
        f"255 no data. {_COG}",
    ),
    ExportFormat(
        FLOOD_POLYGONS,
        "Flood polygons, GeoPackage",
        "water that is not usual, with km²",
        "flood.gpkg",
        "polygons of flood, which is water that is not usual, with km2, WGS84, layer flood; GeoPackage.",
    ),
    ExportFormat(
        "csv",
        "Scores, CSV",
        "one row a chip",
        "scores.csv",
        "one row a chip: water, scores where there is a label, model, whether the model has seen the chip.",
        chosen=True,
    ),
    ExportFormat(
        "json",
        "Scores, JSON",
        "with the scores of all together",
        "scores.json",
        "the scores and areas of each chip, and of all chips together.",
    ),
    ExportFormat(
        "geoparquet",
        "Scores, GeoParquet",
        "with each chip's outline",
        "scores.parquet",
        "scores and areas with each chip's outline; GeoParquet: geopandas, DuckDB.",
    ),
    ExportFormat(
        "stac",
        "STAC collection",
        "describes the GeoTIFFs, and brings them",
        "collection.json",
        "a STAC 1.1 collection; its items are in items/, and point at the rasters.",
    ),
    ExportFormat(
        REPORT,
        "Report, HTML",
        "map, regions, worst chips, model card; opens offline",
        "report.html",
        "map, regions, worst chips, model card; opens in a browser, offline.",
        chosen=True,
    ),
)
CHOICES: tuple[str, ...] = tuple(one.name for one in FORMATS)
"""Everything that can be asked for."""
PACKAGE: tuple[str, ...] = tuple(name for name in CHOICES if name != REPORT)
"""What is made of predictions alone (`model.export.package`)."""


def file_of(name: str) -> str:
    """Return the file of a format that is one file."""
    return next(one.file for one in FORMATS if one.name == name)
