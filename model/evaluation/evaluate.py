"""Scores of a model over a catalog: micro figures, the mean over chips, groups with intervals, and every chip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from model.evaluation.alert import DEFAULT_ABOVE, alert_report, recorded_share_error
from model.evaluation.answer import ShareError
from model.evaluation.judge import Judge, crossvalidated_of
from model.evaluation.report import (
    METRIC,
    Counts,
    EvaluationReport,
    Figures,
    MarkedFigures,
    MeanFigures,
    ModelFacts,
    left_out,
    model_facts,
)
from model.inference.missing import Tick, predict_missing
from model.predictors.protocol import Predictor
from model.scores.histogram import MEAN_RULE, Confusion, ScoreHistogram, mean_over_chips
from model.scores.intervals import bootstrap_interval
from model.scores.water_share import BINS
from model.seen.headline import CrossValidated, Tally, tally
from model.store.store import Prediction, Store, key_of
from tiles.chip import ChipRecord
from tiles.errors import ChipError, Problem
from tiles.reading.door import read_chip

_Chip = tuple[ChipRecord, ScoreHistogram]
GroupBy = Literal["country", "event", "chip", "split"]

NO_LABEL = "no label"
"""Why a chip without a label is not scored."""


@dataclass(frozen=True)
class Evaluation:
    """The scores of one model at one threshold.

    Attributes:
        model: name, id, parameters and device of the model.
        threshold: in [0, 1].
        by: what the groups are.
        predictions: the scored predictions, in the order of the catalog, each with its record.
        skipped: the chips that are not scored.
        share_error: of the model's shares of water, where its bundle records it.
        seen: whether the model was trained or calibrated on a chip, by id; None, or no entry, where it does not tell.
        notes: what has to be told of chips' files, by id.
        crossvalidated: how good it is where it has never been, by its bundle (`model.evaluation.judge.crossvalidated`).
    """

    model: ModelFacts
    threshold: float
    by: GroupBy
    predictions: list[tuple[ChipRecord, Prediction, ScoreHistogram]]
    skipped: list[Problem]
    share_error: ShareError | None = None
    seen: Mapping[str, bool | None] = field(default_factory=dict)
    crossvalidated: CrossValidated | None = None
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def report(self, alert_above: float = DEFAULT_ABOVE) -> EvaluationReport:
        """Return everything as JSON-able values; a figure whose denominator is 0 is None.

        Args:
            alert_above: share of a chip in [0, 1) that the answer for a chip is asked about.

        Raises:
            UsageError: `alert_above` is not in [0, 1).
        """
        chips = [(record, histogram) for record, _, histogram in self.predictions]
        histograms, new = [h for _, h in chips], self._new(chips)
        groups: dict[str, list[_Chip]] = {}
        for record, histogram in chips:
            groups.setdefault(_group_of(record, self.by), []).append((record, histogram))
        return {
            "model": self.model,
            "threshold": self.threshold,
            "metric": METRIC,
            "simulated": any(record.simulated for record, _, _ in self.predictions),
            "seen": self._tally(chips),
            "crossvalidated": self.crossvalidated,
            "micro": self._part(histograms),
            "micro_unseen": self._part(new) if new else None,
            "mean_over_chips": self._mean(histograms),
            "mean_over_unseen_chips": self._mean(new) if new else None,
            "by": self.by,
            "groups": [{"name": name, **self._marked(members)} for name, members in sorted(groups.items())],
            "by_water_share": [
                {
                    "name": b.name,
                    "above": b.low if b.high else None,
                    "up_to": b.high,
                    **self._marked([chip for chip in chips if b.holds(chip[1])]),
                }
                for b in BINS
            ],
            "alert": alert_report(chips, self.share_error, alert_above),
            "chips": [
                {
                    "id": record.id,
                    "country": record.country,
                    "event": record.event,
                    "date": record.date,
                    "split": record.split,
                    "file": record.file,
                    **_counts(histogram.confusion(self.threshold)),
                    "iou": histogram.confusion(self.threshold).iou,
                    "water_km2": prediction.water_km2(self.threshold),
                    "water_share": prediction.water_share(self.threshold),
                    "label_water_km2": prediction.label_water_km2,
                    "seen_in_training": self.seen.get(record.id),
                    "notes": list(self.notes.get(record.id, ())),
                }
                for record, prediction, histogram in self.predictions
            ],
            "skipped": [left_out(problem) for problem in self.skipped],
        }

    def _new(self, chips: Iterable[_Chip]) -> list[ScoreHistogram]:
        """Return those that the model has not seen."""
        return [h for record, h in chips if self.seen.get(record.id) is False]

    def _tally(self, chips: Iterable[_Chip]) -> Tally:
        return tally(self.seen.get(record.id) for record, _ in chips)

    def _marked(self, chips: Sequence[_Chip]) -> MarkedFigures:
        """Return the figures of some chips, those of the unseen ones among them, and how many are which."""
        new = self._new(chips)
        return {
            **self._part([h for _, h in chips]),
            "micro_unseen": self._part(new) if new else None,
            "seen": self._tally(chips),
        }

    def _mean(self, histograms: Sequence[ScoreHistogram]) -> MeanFigures:
        return {
            "iou": mean_over_chips(histograms, self.threshold),
            "f1": mean_over_chips(histograms, self.threshold, "f1"),
            "chips": sum(1 for h in histograms if h.confusion(self.threshold).iou is not None),
            "rule": MEAN_RULE,
        }

    def _part(self, histograms: Sequence[ScoreHistogram]) -> Figures:
        total = ScoreHistogram.sum_of(histograms)
        counts = total.confusion(self.threshold)
        interval = bootstrap_interval(histograms, self.threshold)
        return {
            "chips": len(histograms),
            "scored": _scored(histograms),
            "iou": counts.iou,
            "iou_ci": list(interval) if interval is not None else None,
            "f1": counts.f1,
            "precision": counts.precision,
            "recall": counts.recall,
            "accuracy": counts.accuracy,
            "calibration_error": total.calibration_error(),
            **_counts(counts),
        }


def _scored(histograms: Iterable[ScoreHistogram]) -> int:
    """Return how many chips have a labelled valid pixel, so that they count in an interval."""
    return sum(1 for h in histograms if h.water.any() or h.dry.any())


def _counts(counts: Confusion) -> Counts:
    return {"tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "tn": counts.tn}


def _group_of(record: ChipRecord, by: GroupBy) -> str:
    names = {"chip": record.id, "country": record.country_group}
    return str(names.get(by) or getattr(record, by) or "Unknown")


def evaluate(
    records: Sequence[ChipRecord],
    predictor: Predictor,
    store: Store,
    *,
    threshold: float | None = None,
    by: GroupBy = "country",
    tick: Tick | None = None,
) -> Evaluation:
    """Score a model over chips, predicting those that the store does not hold yet.

    Args:
        records: the chips, in the order that intervals are drawn in.
        predictor: the model.
        store: where predictions are and go.
        threshold: in [0, 1]; the model's own where it is None.
        by: what chips are grouped by.
        tick: told (chips ready, chips in all).
    """
    job = predict_missing([r for r in records if r.has_imagery], predictor, store, tick)
    stored = store.fresh([r for r in records if r.has_imagery], key_of(predictor))
    failed = job.failed
    scored: list[tuple[ChipRecord, Prediction, ScoreHistogram]] = []
    skipped: list[Problem] = []
    for record in records:
        prediction = stored.get(record.id)
        if prediction is not None and (known := prediction.scored) is not None:
            scored.append((record, prediction, known))
        elif prediction is not None and prediction.histogram is not None:
            skipped.append(Problem(record.id, KNOWS_NOTHING))
        else:
            skipped.append(Problem(record.id, _why(record, failed.get(record.id))))
    return Evaluation(
        model_facts(predictor),
        predictor.threshold if threshold is None else threshold,
        by,
        scored,
        skipped,
        recorded_share_error(predictor),
        Judge.of(store, predictor).judge([(record, prediction) for record, prediction, _ in scored], reading=True),
        crossvalidated_of(predictor),
        with_places(records, store.notes(stored.values())),
    )


def with_places(records: Iterable[ChipRecord], notes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return what has to be told of chips, and of which of their files it is assumed where they lie."""
    told = {
        record.id: (*([record.assumed_grid] if record.assumed_grid else ()), *notes.get(record.id, ()))
        for record in records
    }
    return {chip: sentences for chip, sentences in told.items() if sentences}


KNOWS_NOTHING = "its label knows no pixel that has data"


def _why(record: ChipRecord, failure: Problem | None) -> str:
    if record.problem is not None:
        return record.problem
    if failure is not None:
        return failure.message
    if not record.has_imagery:
        return "no imagery on disk"
    if record.label is None:
        return NO_LABEL
    try:
        problem = record.label_problem or read_chip(record).label_problem
    except ChipError as error:
        problem = str(error)
    return problem or "not predicted"
