"""What the page asks for when a chip is looked at closely: a pixel, its histograms, an area, where two models agree."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dashboard.workspace.closely import SceneClosely
from model.scores.area import polygon_of, score_area
from model.scores.disagreement import agreement
from model.scores.pixel import BIN_DB, BINS, LOWEST_DB, pixel_at, spread
from tiles.cache import BoundedCache
from tiles.chip import CLASSES, ByteArray, ChipRecord
from tiles.errors import LayerNotFoundError, UsageError
from tiles.scenes.windows import is_scene

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace


class Inspection:
    """Answers about one chip of a workspace. Methods may be called from several threads."""

    def __init__(self, workspace: Workspace, *, raster_cache_mb: int = 16) -> None:
        """Make one.

        Args:
            workspace: whose chips and predictions are looked at.
            raster_cache_mb: bound of the probability rasters in memory (0.26 MB of 512 x 512 pixels).
        """
        self._workspace = workspace
        self._rasters: BoundedCache[ByteArray] = BoundedCache(raster_cache_mb << 20, lambda raster: raster.nbytes)

    def _record(self, chip_id: str) -> ChipRecord:
        return self._workspace.catalog.get(chip_id).now()

    def _raster(self, record: ChipRecord, revision: str) -> ByteArray:
        """Return a prediction's raster.

        Raises:
            PredictionNotFoundError: the chip has no prediction of that revision, or its files are others now.
        """
        key = (record.id, record.revision(), revision)
        return self._rasters.get(key, lambda: self._workspace.stored.probability(record, revision))

    def _closely(self, record: ChipRecord, *, labelled: bool = True) -> SceneClosely:
        scenes = self._workspace.scenes
        scenes.label(record, settled=labelled)  # what is told of it is kept, and its label may be part of that
        return SceneClosely(scenes.scene(record), record, self._workspace.stored)

    def point(self, chip_id: str, chip_revision: str, revisions: tuple[str, ...], place: tuple[float, float]) -> Any:
        """Return the pixel at a place, or None where the place is not on the chip.

        Args:
            chip_id: a chip of the catalog.
            chip_revision: the present one of its files: what is answered under it never changes.
            revisions: of predictions, whose probability values are told in this order.
            place: longitude and latitude, WGS84.

        Raises:
            ChipNotFoundError, ChipError, StoreError: it cannot be told.
            LayerNotFoundError: the chip's files are others now.
        """
        record = self._record(chip_id)
        if chip_revision != record.revision():
            raise LayerNotFoundError(
                f"The image of {chip_id} has no revision {chip_revision[:20]!r} now: reload the page."
            )
        if is_scene(record):
            return self._closely(record).point(revisions, place)
        rasters = tuple(self._raster(record, revision) for revision in revisions)
        pixel = pixel_at(self._workspace.tiles.chip(record), rasters, *place)
        return None if pixel is None else asdict(pixel)

    def spread(self, chip_id: str, revision: str) -> dict[str, Any]:
        """Return the counts of `model.scores.pixel.spread`, base64 of little-endian uint32, and what their axes are.

        `looked` is how many pixels of a scene they are of, None where they are of all.

        Raises:
            ChipNotFoundError, ChipError, StoreError: they cannot be told.
        """
        record = self._record(chip_id)
        if is_scene(record):
            counts, looked = self._closely(record).spread(revision)
        else:
            counts, looked = spread(self._workspace.tiles.chip(record), self._raster(record, revision)), None
        return {
            "looked": looked,
            "classes": list(CLASSES),
            "bins": BINS,
            "bin_db": BIN_DB,
            "lowest_db": LOWEST_DB,
            "counts": base64.b64encode(counts.astype("<u4").tobytes()).decode(),
        }

    def area(self, chip_id: str, revision: str, geometry: Mapping[str, Any]) -> dict[str, Any]:
        """Return the score histogram of an area of a chip (contract 3) and its pixels, in numbers and, with a place, km2.

        Args:
            chip_id: a chip of the catalog.
            revision: of the prediction that is looked at.
            geometry: GeoJSON Polygon or MultiPolygon, WGS84.

        Raises:
            UsageError: it is none, or lies off the chip.
            ChipNotFoundError, ChipError, StoreError: it cannot be told.
        """
        polygon = polygon_of(geometry)
        record = self._record(chip_id)
        if is_scene(record):
            score = self._closely(record).area(revision, polygon)
        else:
            score = score_area(self._workspace.tiles.chip(record), self._raster(record, revision), polygon)
        histogram = score.histogram
        return {
            "pixels": score.pixels,
            "valid_pixels": score.valid_pixels,
            "km2": score.km2,
            "polygon_km2": score.polygon_km2,
            "area": base64.b64encode(score.area.astype("<f8").tobytes()).decode(),
            "histogram": None if histogram is None else base64.b64encode(histogram.to_bytes()).decode(),
            "label_water_km2": score.label_water_km2,
            "placed": score.placed,
        }

    def agreement(self, chip_id: str, one: str, other: str) -> dict[str, list[int]]:
        """Return the counts of `model.scores.disagreement.agreement` of two predictions, by their revisions.

        Raises:
            ChipNotFoundError, StoreError: they cannot be told.
        """
        record = self._record(chip_id)
        if is_scene(record):
            counts = self._closely(record, labelled=False).agreement(one, other)
        else:
            counts = agreement(self._raster(record, one), self._raster(record, other))
        return dict(zip(("a", "b", "both"), counts.tolist(), strict=True))


def place_of(lon: str | None, lat: str | None) -> tuple[float, float]:
    """Return longitude and latitude as a request writes them.

    Raises:
        UsageError: one is missing or no place on Earth.
    """
    try:
        place = float(lon or ""), float(lat or "")
    except ValueError:
        place = (float("nan"), float("nan"))
    if not (-720.0 <= place[0] <= 720.0 and -90.0 <= place[1] <= 90.0):
        raise UsageError(f"lon={str(lon)[:20]}, lat={str(lat)[:20]} is no place: give degrees, WGS84.")
    return place
