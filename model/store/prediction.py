"""A stored prediction and the key of the model that made it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from model.predictors.protocol import Predictor
from model.scores.histogram import LEVELS, ScoreHistogram, water_area
from tiles.chip import ChipRecord
from tiles.errors import ModelError, StoreError
from tiles.grid import Grid
from tiles.probability import NODATA

# The values v with 0.25 < v / 254 < 0.75.
_UNCERTAIN = slice(64, 191)


@dataclass(frozen=True)
class ModelKey:
    """What decides a model's answers: the model's identity, and its parameters as canonical JSON."""

    model_id: str
    parameters: str

    @property
    def digest(self) -> str:
        """Return 32 hex digits that stand for the key in the database."""
        return hashlib.sha256(f"{self.model_id}\n{self.parameters}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class ModelIdentity:
    """What the store notes of the model that made a prediction.

    Attributes:
        key: decides the answers.
        name, device: for people.
        threshold: the mask threshold to begin with, in [0, 1].
    """

    key: ModelKey
    name: str
    device: str
    threshold: float

    def tags(self, chip_id: str, revision: str) -> dict[str, str]:
        """Return what a raster's file says of itself."""
        return {"chip": chip_id, "model": self.key.model_id, "parameters": self.key.parameters, "revision": revision}


def identity_of(predictor: Predictor) -> ModelIdentity:
    """Return what the store notes of a predictor.

    Raises:
        ModelError: its parameters cannot be written as JSON.
    """
    return ModelIdentity(key_of(predictor), predictor.name, predictor.device, float(predictor.threshold))


def key_of(predictor: Predictor) -> ModelKey:
    """Return the key under which a predictor's answers are stored.

    Raises:
        ModelError: its parameters cannot be written as JSON.
    """
    try:
        parameters = json.dumps(dict(predictor.parameters), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"The parameters of {predictor.name} cannot be stored ({error}): give plain values."
        ) from error
    return ModelKey(predictor.model_id, parameters)


class OfFiles(Protocol):
    """What is of the files that a chip had at a time: a stored prediction, or what is listed of one."""

    @property
    def chip_id(self) -> str:
        """The chip."""
        ...

    @property
    def chip_revision(self) -> str:
        """`ChipRecord.revision()` of the files."""
        ...


@dataclass(frozen=True, eq=False)
class Prediction:
    """A stored prediction.

    Attributes:
        chip_id: the chip.
        chip_revision: `ChipRecord.revision()` of the files that were predicted.
        model_id, parameters: the model's key; parameters are canonical JSON.
        revision: 12 hex digits, others at each write.
        raster: path of the raster, relative to the store's folder.
        model_name, device: for people.
        seconds: how long the model took for the chip.
        created: UTC, ISO 8601.
        threshold: the model's own mask threshold.
        valid_pixels, total_pixels: pixels with data, all pixels.
        area: float64 (255,), km2 of the valid pixels at each probability value; of an unplaced chip their number.
        histogram: the scores, or None where the chip has no label.
        label_water_km2: area of the valid pixels whose label is water, or None where the chip has no label, or
            no place.
        country, event, split: of the chip's record, for groups.
        placed: whether the chip has a place on Earth: without one nobody knows its area.
    """

    chip_id: str
    chip_revision: str
    model_id: str
    parameters: str
    revision: str
    raster: str
    model_name: str
    device: str
    seconds: float
    created: str
    threshold: float
    valid_pixels: int
    total_pixels: int
    area: npt.NDArray[np.float64]
    histogram: ScoreHistogram | None
    label_water_km2: float | None
    country: str | None
    event: str | None
    split: str | None
    placed: bool = True

    @property
    def key(self) -> ModelKey:
        """The key of the model that made it."""
        return ModelKey(self.model_id, self.parameters)

    @property
    def scored(self) -> ScoreHistogram | None:
        """The scores, where the label knows a pixel that has data: only such chips are counted, as seen, unseen or at all."""
        return self.histogram if self.histogram is not None and self.histogram.pixels else None

    @property
    def uncertain_share(self) -> float | None:
        """Share of the valid area where 0.25 < p < 0.75, labelled or not; None where nothing is valid."""
        return uncertain_share(self.area)

    def water_km2(self, threshold: float) -> float | None:
        """Return the area predicted as water at a threshold, in km2; None where the chip has no place."""
        return water_area(self.area, threshold) if self.placed else None

    @property
    def valid_km2(self) -> float | None:
        """Area of the valid pixels in km2; None where the chip has no place."""
        return float(self.area.sum()) if self.placed else None

    def water_share(self, threshold: float) -> float:
        """Return the share of the valid area that is predicted as water at a threshold, in [0, 1]."""
        return water_area(self.area, threshold) / float(self.area.sum())


COLUMNS = tuple(name for name in Prediction.__dataclass_fields__ if name != "placed")
"""What a row holds of a prediction; `placed` follows from how its area is stored."""
KM2, PIXELS = np.dtype("<f8"), np.dtype("<u4")
"""How areas are stored: at each probability value km2; of a chip without a place numbers of pixels, which take half the bytes."""


def uncertain_share(area: npt.NDArray[np.float64]) -> float | None:
    """Return the share of an area, float64 (LEVELS,), that lies where 0.25 < p < 0.75; None where nothing is valid."""
    total = float(area.sum())
    return float(area[_UNCERTAIN].sum()) / total if total > 0 else None


def stored_area(stored: bytes) -> npt.NDArray[np.float64]:
    """Return the area that a row holds at each probability value, float64 (LEVELS,); raises ValueError where it is damaged."""
    kind = PIXELS if len(stored) == LEVELS * PIXELS.itemsize else KM2
    return np.frombuffer(stored, kind).astype(np.float64).reshape(LEVELS)


@contextmanager
def whole_row(chip_id: str, where: str) -> Iterator[None]:
    """Turn what a damaged row of a chip raises into a StoreError that names the chip and what the database is called."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise StoreError(f"{where} holds a damaged row of chip {chip_id} ({error}): predict the chip again.") from error


def stored_prediction(row: Mapping[str, Any], where: str) -> Prediction:
    """Return the prediction that a row holds.

    Args:
        row: its columns.
        where: what the database is called.

    Raises:
        StoreError: the row is damaged.
    """
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    with whole_row(row["chip_id"], where):
        area = stored_area(values["area"])
        placed = len(values["area"]) != LEVELS * PIXELS.itemsize
        histogram = None if values["histogram"] is None else ScoreHistogram.from_bytes(values["histogram"])
    area.setflags(write=False)
    return Prediction(**{**values, "area": area, "histogram": histogram, "placed": placed})


class Counts:
    """What the pixels of a chip or scene add up to, part by part.

    Attributes:
        area: km2 of the valid pixels at each value, float64 (255,); without a place their number: as they all have one size
            then, shares follow from it as well.
        valid, total: numbers of pixels.
        histogram: None where no part has a label.
        label_water_km2: of the valid pixels that are water in the label.
    """

    def __init__(self) -> None:
        self.area: npt.NDArray[np.float64] = np.zeros(LEVELS)
        self.valid = self.total = 0
        self.histogram: ScoreHistogram | None = None
        self.label_water_km2 = 0.0
        self.placed = True

    def add(self, probability: npt.NDArray[np.uint8], label: npt.NDArray[np.uint8] | None, grid: Grid) -> None:
        """Count a part: its raster (contract 2), its label, uint8 as a chip's, and its own grid, all of one shape."""
        valid = probability != NODATA
        self.placed = grid.placed
        km2 = grid.pixel_area_km2() if grid.placed else np.ones(grid.shape)
        self.area += np.bincount(probability[valid], weights=km2[valid], minlength=LEVELS)
        self.valid += int(np.count_nonzero(valid))
        self.total += int(valid.size)
        if label is not None:
            found = ScoreHistogram.of(probability, label)
            self.histogram = found if self.histogram is None else self.histogram + found
            self.label_water_km2 += float(km2[(label == 1) & valid].sum())


def prediction_of(
    counts: Counts,
    record: ChipRecord,
    model: ModelIdentity,
    seconds: float,
    chip_revision: str,
    revision: str,
    raster: str,
) -> Prediction:
    """Return what is stored of what a model answered for a chip or scene, whose pixels are counted."""
    labelled = counts.histogram is not None
    return Prediction(
        chip_id=record.id,
        chip_revision=chip_revision,
        model_id=model.key.model_id,
        parameters=model.key.parameters,
        revision=revision,
        raster=raster,
        model_name=model.name,
        device=model.device,
        seconds=float(seconds),
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        threshold=model.threshold,
        valid_pixels=counts.valid,
        total_pixels=counts.total,
        area=counts.area,
        histogram=counts.histogram,
        label_water_km2=counts.label_water_km2 if labelled and counts.placed else None,
        country=record.country,
        event=record.event,
        split=record.split,
        placed=counts.placed,
    )


@dataclass(frozen=True)
class WaterTotal:
    """The water of several predictions.

    Attributes:
        km2: of those whose chip has a place; None where none has.
        unplaced: how many have none.
        share: of the valid pixels of those, the share that is water; None where there are none.
    """

    km2: float | None
    unplaced: int
    share: float | None

    def words(self, digits: int = 2) -> str:
        """Return it in words: an area with so many digits, and what is water of the chips that have none."""
        if not self.unplaced:
            return f"{self.km2 or 0.0:.{digits}f} km² of water"
        some = f"{self.unplaced} chip{' has' if self.unplaced == 1 else 's have'} no place"
        of_them = f"water on {100 * (self.share or 0.0):.1f} % of {'its' if self.unplaced == 1 else 'their'} pixels"
        return (
            f"{of_them} (no km²: {some})"
            if self.km2 is None
            else f"{self.km2:.{digits}f} km² of water, and {of_them} where {some}"
        )


def water_total(predictions: Iterable[Prediction], threshold: float) -> WaterTotal:
    """Return the water of several predictions at a threshold in [0, 1]; of none at all 0 km2."""
    listed = list(predictions)
    areas = [p.area for p in listed if p.placed]
    pixels = [p.area for p in listed if not p.placed]
    km2 = math.fsum(water_area(area, threshold) for area in areas) if areas or not pixels else None
    if not pixels:
        return WaterTotal(km2, 0, None)
    total = np.sum(pixels, axis=0)
    return WaterTotal(km2, len(pixels), water_area(total, threshold) / float(total.sum()))


@dataclass(frozen=True)
class ModelSummary:
    """A model that the store has predictions of.

    Attributes:
        key: the model.
        name: its name at the latest prediction.
        chips: how many chips it has predicted.
        latest: time of the latest prediction, UTC, ISO 8601.
    """

    key: ModelKey
    name: str
    chips: int
    latest: str
