"""What was predicted of some chips, as JSON-able values: areas, shares with intervals, and the answer to one question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from model.evaluation.alert import DEFAULT_ABOVE, ShareErrors, answer_json, recorded_share_error
from model.evaluation.answer import answer
from model.evaluation.report import PredictedChip, PredictionReport, left_out, model_facts
from model.predictors.protocol import Predictor
from model.store.store import Prediction
from tiles.chip import ChipRecord
from tiles.errors import Problem


def prediction_report(
    predictions: Sequence[tuple[ChipRecord, Prediction]],
    predictor: Predictor,
    threshold: float,
    alert_above: float | None = None,
    failed: Iterable[Problem] = (),
    notes: Mapping[str, Sequence[str]] | None = None,
) -> PredictionReport:
    """Return each chip's water, computed from what the store holds; no raster is read.

    The error of the shares is the one that the model's bundle records, else it is measured on the labelled ones among these
    chips (`model.evaluation.alert.ShareErrors`), else assumed; each chip's "share_error" says which.

    Args:
        predictions: with their records.
        predictor: the model that made them.
        threshold: of the areas, in [0, 1].
        alert_above: share in [0, 1) that is asked about; None asks nothing.
        failed: the chips that could not be predicted.
        notes: what has to be told of chips' files, by chip id.

    Raises:
        UsageError: `alert_above` is not in [0, 1).
    """
    errors = ShareErrors(
        recorded_share_error(predictor), [(r, p.histogram) for r, p in predictions if p.histogram is not None]
    )
    chips = [_chip(record, prediction, errors, threshold, alert_above) for record, prediction in predictions]
    for chip in chips:
        chip["notes"] = list((notes or {}).get(chip["id"], ()))
    report: PredictionReport = {
        "model": model_facts(predictor),
        "threshold": threshold,
        "chips": chips,
        "failed": [left_out(problem) for problem in failed],
    }
    if alert_above is not None:
        report |= {"alert_above": alert_above, "alerts": sum(bool(chip["alert"]) for chip in chips)}
    return report


def _chip(
    record: ChipRecord, prediction: Prediction, errors: ShareErrors, threshold: float, alert_above: float | None
) -> PredictedChip:
    error = errors.of(record)
    said = answer(
        prediction.area, prediction.valid_pixels, error, DEFAULT_ABOVE if alert_above is None else alert_above
    )
    chip: PredictedChip = {
        "id": record.id,
        "country": record.country,
        "event": record.event,
        "date": record.date,
        "file": record.file,
        "simulated": record.simulated,
        "water_km2": prediction.water_km2(threshold),
        "valid_km2": prediction.valid_km2,
        "water_share": prediction.water_share(threshold),
        "valid_pixels": prediction.valid_pixels,
    }
    if said is not None:
        found = answer_json(said, error)
        chip |= {"share": found["share"], "share_ci": found["share_ci"], "share_error": found["share_error"]}
        if alert_above is not None:
            chip |= {"above": found["above"], "probability": found["probability"], "alert": found["alert"]}
    elif alert_above is not None:  # a chip without a valid pixel is never stored
        chip |= {"above": alert_above, "probability": None, "alert": False}
    return chip
