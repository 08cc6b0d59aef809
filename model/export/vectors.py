"""Water polygons as GeoPackage, GeoJSON and FlatGeobuf: collected on disk once, streamed to each format."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import shapely

from model.export.formats import file_of
from model.export.polygons import WaterBody
from tiles.chip import ChipRecord
from tiles.errors import UsageError
from tiles.files import replacing, unwritable

LAYER = "water"
GEOJSON_LIMIT_BYTES = 100 << 20
"""Largest GeoJSON: browsers and text editors take no more."""

VECTORS: dict[str, tuple[str, dict[str, str]]] = {
    "geopackage": ("GPKG", {}),
    # Longitude and latitude of WGS84 in seven digits (a centimetre), rings wound as the standard says.
    "geojson": ("GeoJSON", {"RFC7946": "YES", "COORDINATE_PRECISION": "7"}),
    "flatgeobuf": ("FlatGeobuf", {}),
}
"""The formats of polygons: GDAL's driver, and its options."""
_SCHEMA = pa.schema(
    [
        ("chip", pa.string()),
        ("country", pa.string()),
        ("event", pa.string()),
        ("date", pa.string()),
        ("km2", pa.float64()),
        ("threshold", pa.float64()),
        ("model", pa.string()),
        ("simulated", pa.bool_()),
        pa.field("geometry", pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"}),
    ]
)
# What a polygon takes in GeoJSON beside its corners and texts, and a corner: two numbers of seven digits with brackets.
_FEATURE_BYTES, _CORNER_BYTES = 300, 34


class WaterPolygons:
    """The water polygons of many chips, kept in a scratch file, so that memory holds one chip's at a time."""

    def __init__(self, scratch: Path) -> None:
        """Begin the scratch file.

        Args:
            scratch: the file, which `close` removes.

        Raises:
            OutputError: it cannot be written.
        """
        self._path = scratch
        self._features, self._geojson_bytes = 0, 0
        try:
            self._sink = pa.OSFile(str(scratch), "wb")
            self._writer = pa.ipc.new_file(self._sink, _SCHEMA)
        except OSError as error:
            raise unwritable(scratch, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def add(self, record: ChipRecord, bodies: Sequence[WaterBody], threshold: float, model: str) -> None:
        """Take in the water of one chip.

        Raises:
            OutputError: the scratch file cannot be written.
        """
        if not bodies:
            return
        geometries = [body.geometry for body in bodies]
        self._features += len(bodies)
        same: dict[str, object] = {
            "chip": record.id,
            "country": record.country,
            "event": record.event,
            "date": record.date,
            "threshold": threshold,
            "model": model,
            "simulated": record.simulated,
        }
        texts = sum(len(value.encode()) for value in same.values() if isinstance(value, str))
        corners = int(shapely.get_num_coordinates(geometries).sum())
        self._geojson_bytes += len(bodies) * (_FEATURE_BYTES + texts) + corners * _CORNER_BYTES
        own = {"km2": [body.km2 for body in bodies], "geometry": list(shapely.to_wkb(geometries))}
        columns = [own[f.name] if f.name in own else [same[f.name]] * len(bodies) for f in _SCHEMA]
        batch = pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA)
        try:
            self._writer.write_batch(batch)
        except OSError as error:
            raise unwritable(self._path, error) from error

    def write(self, out: Path, kind: str, *, geojson_limit: int = GEOJSON_LIMIT_BYTES) -> Path:
        """Write all of it as one file; a file of that name in `out` is replaced whole or not at all.

        Raises:
            UsageError: it would be a GeoJSON of more than `geojson_limit` bytes.
            OutputError: the file cannot be written.
        """
        import pyogrio  # noqa: PLC0415 - it brings geopandas: a second to import, and only now

        self._writer.close()
        driver, options = VECTORS[kind]
        target = out / file_of(kind)
        if kind == "geojson":
            self._require_small(target, geojson_limit)
        try:
            with replacing(target) as part:
                pyogrio.write_arrow(
                    pa.RecordBatchReader.from_batches(_SCHEMA, self._batches()),
                    part,
                    layer=LAYER,
                    driver=driver,
                    geometry_name="geometry",
                    geometry_type="Polygon",
                    crs="EPSG:4326",
                    **options,
                )
        except (pyogrio.errors.DataSourceError, RuntimeError) as error:
            raise unwritable(target, error) from error
        return target

    def close(self) -> None:
        """Remove the scratch file."""
        with contextlib.suppress(OSError):
            self._writer.close()
            self._sink.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(self._path), "rb") as source, pa.ipc.open_file(source) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)

    def _require_small(self, target: Path, limit: int) -> None:
        if self._geojson_bytes > limit:
            size = f"{self._geojson_bytes / 2**20:,.0f} MiB"
            raise UsageError(
                f"{target.name} is left out: {self._features:,} polygons would make about {size} of GeoJSON, "
                f"{limit / 2**20:,.0f} MiB is the most; take the GeoPackage or the FlatGeobuf, or fewer chips."
            )
