"""How far a prediction can be trusted: the range of its water, and how good the model was where it had never been."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from model.bundle.card import FAILS
from model.bundle.manifest import Bundle
from model.bundle.told import count, figure, interval, part, words
from model.evaluation.alert import DEFAULT_ABOVE, recorded_share_error
from model.evaluation.answer import answer
from model.predictors.protocol import Predictor
from model.predictors.select import is_rule
from model.store.prediction import Prediction
from tiles.chip import ChipRecord
from tiles.places import nearest_country
from tiles.sentences import shown


class Range(TypedDict):
    """The 95 % interval of the share of a chip's valid area that is water, whatever the threshold, and what it rests on.

    `groups` were left out in turn, each a `by`; None and "group" where that is not recorded.
    """

    low: float
    high: float
    chips: int
    groups: int | None
    by: str


class HeldOutCountry(TypedDict):
    """Figures of a country's chips that the model had not seen; `iou` is None where their labels hold no water."""

    country: str
    chips: int
    iou: float | None
    km: int | None


class HeldOut(TypedDict):
    """How good the model was where it had never been: in the chip's country, in the nearest other one with water, over all."""

    here: HeldOutCountry | None
    nearest: HeldOutCountry | None
    iou: float | None
    iou_ci: list[float] | None
    chips: int
    note: str | None


class Trust(TypedDict):
    """All that is said of a chip; None for what the model does not record."""

    range: Range | None
    held_out: HeldOut | None
    fails: str | None


def trust_in(record: ChipRecord, prediction: Prediction, predictor: Predictor | None) -> Trust:
    """Return how far a prediction can be trusted, from what is stored and recorded: no raster is read.

    Args:
        record: of the chip.
        prediction: of it.
        predictor: that made it; None where it is not on offer any more, so that nothing is known of it.
    """
    if predictor is None:
        return {"range": None, "held_out": None, "fails": None}
    bundle = predictor.bundle
    return {
        "range": _range(prediction, predictor),
        "held_out": None if bundle is None else _held_out(record, bundle),
        "fails": FAILS if bundle is not None or is_rule(predictor.model_id) else None,
    }


def _range(prediction: Prediction, predictor: Predictor) -> Range | None:
    error = recorded_share_error(predictor)
    said = None if error is None else answer(prediction.area, prediction.valid_pixels, error, DEFAULT_ABOVE)
    if error is None or said is None or predictor.bundle is None:
        return None
    by = words(part(predictor.bundle.scores, "cross_validation").get("by"), "group")
    return {"low": said.low, "high": said.high, "chips": error.chips, "groups": error.groups, "by": by}


def _held_out(record: ChipRecord, bundle: Bundle) -> HeldOut | None:
    """Return the figures of a bundle's cross-validation, in which each group of chips was left out in turn."""
    scores = part(bundle.scores, "cross_validation")
    micro = part(scores, "micro")
    found = [_country(str(name), row) for name, row in part(scores, "countries").items() if isinstance(row, Mapping)]
    countries = {one["country"]: one for one in found if one["chips"]}
    overall, ends = figure(micro.get("iou")), interval(micro.get("iou_ci"))
    if overall is None and not countries:
        return None
    here = countries.get(record.country or "")
    return {
        "here": here,
        "nearest": None if here else _nearest(record, countries),
        "iou": overall,
        "iou_ci": None if ends is None else list(ends),
        "chips": count(micro.get("chips")),
        "note": words(scores.get("note"), "") or None,
    }


def _country(name: str, row: Mapping[str, object]) -> HeldOutCountry:
    # Without water in the labels IoU is 0 or undefined, and says nothing of how much of it would be found.
    iou = figure(row.get("iou")) if figure(row.get("water_share")) else None
    return {"country": shown(name), "chips": count(row.get("chips")), "iou": iou, "km": None}


def _nearest(record: ChipRecord, countries: Mapping[str, HeldOutCountry]) -> HeldOutCountry | None:
    """Return the nearest country whose figures say something, with its distance; None of a chip that has no place."""
    if record.footprint is None or record.unplaced is not None:
        return None
    found = nearest_country(record.footprint, [name for name, row in countries.items() if row["iou"] is not None])
    if found is None:
        return None
    near = countries[found[0]].copy()
    near["km"] = round(found[1])
    return near
