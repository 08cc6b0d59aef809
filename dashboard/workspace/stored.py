"""The predictions of a store, and those of scenes that are being made, as the tile service sees them."""

from __future__ import annotations

import threading
from collections import OrderedDict

from model.inference.partial import Partial
from model.store.rasters import RasterFolder
from model.store.store import Prediction, Store
from tiles.cache import BoundedCache
from tiles.chip import ByteArray, ChipRecord
from tiles.drawing.levels import Levels
from tiles.drawing.scenes import Scenes, file_levels
from tiles.errors import PredictionNotFoundError, StoreError
from tiles.probability import NODATA

_FILES = 64
"""Rasters of scenes whose headers are kept."""
NOT_DRAWN = (
    "Rasters of scenes lie in an object store here, from where they are not drawn: take the prediction away as a file, or keep "
    "rasters in a folder (--data DIR)."
)
_REVISIONS = 32
"""Revisions of scenes that are being predicted by which pages may still ask."""


class StoredPredictions:
    """The store, as the tile service sees it."""

    def __init__(self, store: Store, scenes: Scenes) -> None:
        self._store, self._scenes = store, scenes
        self._files: BoundedCache[Levels] = BoundedCache(_FILES, lambda levels: 1)
        self._partials: OrderedDict[str, tuple[str, Partial]] = OrderedDict()
        self._lock = threading.Lock()

    def probability(self, record: ChipRecord, revision: str) -> ByteArray:
        """Return the raster of one revision of a chip's prediction."""
        return self._store.read(self._found(record, revision))

    def levels(self, record: ChipRecord, revision: str) -> tuple[Levels, bool]:
        """Return the raster of one revision of a scene's prediction, whole or as far as it was made, and its overviews.

        And whether the scene's label is part of what the revision stands for.

        Raises:
            PredictionNotFoundError: there is none.
            StoreError: it cannot be read, or lies in an object store, from which scenes are not drawn.
        """
        with self._lock:
            chip, made = self._partials.get(revision, ("", None))
        if made is not None and chip == record.id and made.run.revision == record.revision():
            return made, made.settled
        prediction = self._found(record, revision)
        if not isinstance(self._store.rasters, RasterFolder):
            raise StoreError(NOT_DRAWN)
        path = self._store.raster_path(prediction)
        levels = self._files.get(revision, lambda: file_levels(path, int(NODATA)))
        return self._scenes.blocks(levels, "prediction", revision), True

    def note(self, record: ChipRecord, revision: str, made: Partial) -> None:
        """Have what is predicted of a scene so far found by its present revision; later it shows more, and never less."""
        with self._lock:
            self._partials[revision] = record.id, made
            while len(self._partials) > _REVISIONS:
                self._partials.popitem(last=False)

    def _found(self, record: ChipRecord, revision: str) -> Prediction:
        prediction = self._store.find(record.id, revision)
        # A score tile shows the label too: under one address it may never be of other files than were predicted.
        if prediction is None or prediction.chip_revision != record.revision():
            raise PredictionNotFoundError(
                f"There is no prediction {revision[:20]!r} of {record.id}: predict it, or reload."
            )
        return prediction

    def latest_revision(self, record: ChipRecord) -> str:
        """Return the revision of the chip's newest prediction under any model."""
        prediction = self._store.latest(record)
        if prediction is None:
            raise PredictionNotFoundError(
                f"{record.id} is not predicted yet: open it in the dashboard, or use `floodscope predict`."
            )
        return prediction.revision
