"""A stored prediction and the key of the model that made it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from model.predictors.protocol import Predictor
from model.scores.histogram import LEVELS, ScoreHistogram, water_area
from tiles.chip import Chip, ChipRecord
from tiles.errors import ModelError

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
        total = float(self.area.sum())
        return float(self.area[_UNCERTAIN].sum()) / total if total > 0 else None

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


def prediction_of(
    chip: Chip,
    record: ChipRecord,
    model: ModelIdentity,
    probability: npt.NDArray[np.uint8],
    seconds: float,
    chip_revision: str,
    revision: str,
    raster: str,
) -> Prediction:
    """Return what is stored of a chip's raster, uint8 (H, W), that a model answered: its areas and scores among it."""
    # Without a place pixels are counted: as they all have one size then, shares follow from them as well.
    placed = chip.grid.placed
    km2 = chip.grid.pixel_area_km2() if placed else np.ones(chip.grid.shape)
    labelled = chip.label is not None
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
        valid_pixels=int(chip.valid.sum()),
        total_pixels=int(chip.valid.size),
        area=np.bincount(probability[chip.valid], weights=km2[chip.valid], minlength=LEVELS).astype(np.float64),
        histogram=ScoreHistogram.of(probability, chip.label) if chip.label is not None else None,
        label_water_km2=float(km2[(chip.label == 1) & chip.valid].sum()) if labelled and placed else None,
        country=record.country,
        event=record.event,
        split=record.split,
        placed=placed,
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
