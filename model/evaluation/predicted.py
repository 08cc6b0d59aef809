"""What was predicted of some chips, as JSON-able values: areas, shares with intervals, and the answer to one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from model.evaluation.alert import DEFAULT_ABOVE, ShareErrors, answer_json, recorded_share_error
from model.evaluation.answer import answer
from model.predictors.protocol import Predictor
from model.store.store import Prediction
from tiles.chip import ChipRecord


def prediction_report(
    predictions: Sequence[tuple[ChipRecord, Prediction]],
    predictor: Predictor,
    threshold: float,
    alert_above: float | None = None,
    failed: Mapping[str, str] | None = None,
    notes: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Return each chip's water, computed from what the store holds; no raster is read.

    The error of the shares is the one that the model's bundle records, else it is measured on the labelled ones among these
    chips (`model.evaluation.alert.ShareErrors`), else assumed; each chip's "share_error" says which.

    Args:
        predictions: with their records.
        predictor: the model that made them.
        threshold: of the areas, in [0, 1].
        alert_above: share in [0, 1) that is asked about; None asks nothing.
        failed: chips that could not be predicted, and why.
        notes: what has to be told of chips' files, by chip id.

    Raises:
        UsageError: `alert_above` is not in [0, 1).
    """
    errors = ShareErrors(
        recorded_share_error(predictor), [(r, p.histogram) for r, p in predictions if p.histogram is not None]
    )
    chips = [
        {**_chip(record, prediction, errors, threshold, alert_above), "notes": list((notes or {}).get(record.id, ()))}
        for record, prediction in predictions
    ]
    asked = {} if alert_above is None else {"alert_above": alert_above, "alerts": sum(c["alert"] for c in chips)}
    return {
        "model": {
            "name": predictor.name,
            "id": predictor.model_id,
            "parameters": dict(predictor.parameters),
            "device": predictor.device,
        },
        "threshold": threshold,
        **asked,
        "chips": chips,
        "failed": [{"id": chip_id, "reason": reason} for chip_id, reason in (failed or {}).items()],
    }


def _chip(
    record: ChipRecord, prediction: Prediction, errors: ShareErrors, threshold: float, alert_above: float | None
) -> dict[str, Any]:
    error = errors.of(record)
    said = answer(
        prediction.area, prediction.valid_pixels, error, DEFAULT_ABOVE if alert_above is None else alert_above
    )
    share = {} if said is None else answer_json(said, error)
    if alert_above is None:
        share = {k: v for k, v in share.items() if k not in {"above", "probability", "alert"}}
    elif said is None:  # a chip without a valid pixel is never stored
        share = {"above": alert_above, "probability": None, "alert": False}
    return {
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
        **share,
    }
