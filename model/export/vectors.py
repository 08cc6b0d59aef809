"""Water polygons as GeoPackage, GeoJSON and FlatGeobuf: collected on disk once, streamed to each format."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import shapely

from model.export.formats import FLOOD, FLOOD_POLYGONS, file_of
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
"""The formats of polygons of water: GDAL's driver, and its options."""
FLOOD_VECTORS: dict[str, tuple[str, dict[str, str]]] = {FLOOD_POLYGONS: ("GPKG", {})}
"""Those of flood alone."""
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
        ("predicted_share", pa.float64()),
        pa.field("geometry", pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"}),
    ]
)
# What a polygon takes in GeoJSON beside its corners and texts, and a corner: two numbers of seven digits with brackets.
_FEATURE_BYTES, _CORNER_BYTES = 300, 34
_BATCH = 10_000
"""Most polygons that are written, and read again, at once."""
_PACKED = pa.ipc.IpcWriteOptions(compression="lz4")  # texts that are the same in all polygons take next to nothing


SMALL_KM2 = 0.001
"""Below this a polygon is told to be small: it has fewer than ten pixels of 10 m."""


class WaterPolygons:
    """The water polygons of many chips, kept in a scratch file, so that memory holds those of one chip or block at a time.

    Attributes:
        features: number of polygons.
        small: how many of these are smaller than SMALL_KM2.
        km2, small_km2: area of all, and of the small ones.
        geojson_alone: as it was said at the beginning.
    """

    def __init__(self, folder: Path, *, geojson_limit: int = GEOJSON_LIMIT_BYTES, geojson_alone: bool = False) -> None:
        """Begin the scratch file, which has no name: nothing is left of it, however the process ends.

        Args:
            folder: on whose disk it lies.
            geojson_limit: most bytes of a GeoJSON.
            geojson_alone: no other format is written, so that whoever adds may stop once that would be too large.

        Raises:
            OutputError: it cannot be written.
        """
        self._folder, self._limit, self.geojson_alone = folder, geojson_limit, geojson_alone
        self.features, self.small, self.km2, self.small_km2 = 0, 0, 0.0, 0.0
        self._geojson_bytes, self._begun = 0, 0
        self._left_out: set[int] = set()
        try:
            self._scratch = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - `close` does
            self._sink = pa.PythonFile(self._scratch, mode="w")
            self._writer = pa.ipc.new_file(self._sink, _SCHEMA, options=_PACKED)
        except OSError as error:
            raise unwritable(folder, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    @property
    def too_large_for_geojson(self) -> bool:
        """Whether what there is so far would make a GeoJSON that is not written."""
        return self._geojson_bytes > self._limit

    @contextlib.contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Take in what is added in the block, or nothing of it where the block ends by an error."""
        kept = self.features, self.small, self.km2, self.small_km2, self._geojson_bytes, self._begun
        try:
            yield
        except BaseException:
            self.features, self.small, self.km2, self.small_km2, self._geojson_bytes, begun = kept
            self._left_out.update(range(begun, self._begun))
            raise

    def add(
        self, record: ChipRecord, bodies: Sequence[WaterBody], threshold: float, model: str, share: float = 1.0
    ) -> None:
        """Take in the water of one chip, or of a block of a scene.

        Args:
            record: the chip.
            bodies: its water.
            threshold: smallest probability that is water.
            model: its name.
            share: how much of the chip is predicted: 1, but for a scene that is not predicted to its end.

        Raises:
            OutputError: the scratch file cannot be written.
        """
        for begin in range(0, len(bodies), _BATCH):
            self._add(record, bodies[begin : begin + _BATCH], threshold, model, share)

    def _add(self, record: ChipRecord, bodies: Sequence[WaterBody], threshold: float, model: str, share: float) -> None:
        geometries = [body.geometry for body in bodies]
        small = [body.km2 for body in bodies if body.km2 < SMALL_KM2]
        self.features, self.small = self.features + len(bodies), self.small + len(small)
        self.km2, self.small_km2 = self.km2 + sum(body.km2 for body in bodies), self.small_km2 + sum(small)
        same: dict[str, object] = {
            "chip": record.id,
            "country": record.country,
            "event": record.event,
            "date": record.date,
            "threshold": threshold,
            "model": model,
            "simulated": record.simulated,
            "predicted_share": share,
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
            raise unwritable(self._folder, error) from error
        self._begun += 1

    def write(self, out: Path, kind: str, *, told: Callable[[float], None] = lambda share: None) -> Path:
        """Write all of it as one file; a file of that name in `out` is replaced whole or not at all.

        Args:
            out: the folder.
            kind: one of VECTORS or FLOOD_VECTORS.
            told: of the share that is written, as it grows; what it raises ends the writing, and nothing is left of it.

        Raises:
            UsageError: it would be a GeoJSON of more bytes than are allowed.
            OutputError: the file cannot be written.
        """
        import pyogrio  # noqa: PLC0415 - it brings geopandas: a second to import, and only now

        driver, options = (VECTORS | FLOOD_VECTORS)[kind]
        target = out / file_of(kind)
        if kind == "geojson":
            self._require_small(target)
        stopped: list[BaseException] = []
        try:
            self._writer.close()
            with replacing(target) as part:
                pyogrio.write_arrow(
                    pa.RecordBatchReader.from_batches(_SCHEMA, self._batches(told, stopped)),
                    part,
                    layer=FLOOD if kind in FLOOD_VECTORS else LAYER,
                    driver=driver,
                    geometry_name="geometry",
                    geometry_type="Polygon",
                    crs="EPSG:4326",
                    **options,
                )
        except (pyogrio.errors.DataSourceError, RuntimeError, OSError) as error:
            if stopped:  # GDAL, which asks for the polygons, has made it an error of its own
                raise stopped[0] from None
            raise unwritable(target, error) from error
        return target

    def on_speckle(self, what: str) -> list[str]:
        """Return a sentence on the many small polygons that a scene has, where it has such; `what` they are of."""
        if not self.small or (self.too_large_for_geojson and self.geojson_alone):
            return []
        return [
            f"Of {self.features:,} {what} polygons {self.small:,} are smaller than {SMALL_KM2:g} km², together "
            f"{self.small_km2:,.2f} of {self.km2:,.2f} km²: speckle for the most part. None is left out; "
            f'in QGIS the filter "km2" >= {SMALL_KM2:g} hides them.'
        ]

    def close(self) -> None:
        """Let go of the scratch file."""
        with contextlib.suppress(OSError):
            self._writer.close()
        with contextlib.suppress(OSError):
            self._scratch.close()

    def _batches(self, told: Callable[[float], None], stopped: list[BaseException]) -> Iterator[pa.RecordBatch]:
        self._scratch.seek(0)
        reader = pa.ipc.open_file(pa.PythonFile(self._scratch, mode="r"))
        for number in range(reader.num_record_batches):
            try:
                told(number / reader.num_record_batches)
            except BaseException as error:
                stopped.append(error)
                raise
            if number not in self._left_out:
                yield reader.get_batch(number)

    def _require_small(self, target: Path) -> None:
        if self.too_large_for_geojson:
            size = f"{self._geojson_bytes / 2**20:,.0f} MiB"
            raise UsageError(
                f"{target.name} is left out: {self.features:,} polygons{' and more' if self.geojson_alone else ''} would make "
                f"{'more than' if self.geojson_alone else 'about'} {size} of GeoJSON, "
                f"{self._limit / 2**20:,.0f} MiB is the most; take the GeoPackage or the FlatGeobuf, or fewer chips."
            )
