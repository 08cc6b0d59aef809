"""How often the answer for a chip is right: is more than a given share of it under water?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.evaluation.answer import ShareAnswer, ShareError, answer, fit_share_error, log_likelihoods
from model.evaluation.report import Alert, Answer, RocPoint
from model.predictors.protocol import Predictor
from model.scores.histogram import Confusion, ScoreHistogram
from tiles.chip import ChipRecord

DEFAULT_ABOVE = 0.05
"""The share that is asked about unless told otherwise."""


def recorded_share_error(predictor: Predictor) -> ShareError | None:
    """Return the error of shares that a model's bundle records, measured where it was validated; None without one."""
    return None if predictor.bundle is None else ShareError.recorded(predictor.bundle.scores)


class ShareErrors:
    """The error of a model's shares, for each chip: as its bundle records it, else measured on other labelled chips.

    Never on a chip of the same country: chips of one flood err alike, and would make each other look well known. Of chips
    that name no flood and have no place, a series of numbered names counts as one. And never on simulated chips for a real one.

    Args:
        recorded: of the model's bundle, used for every chip.
        labelled: chips with their histograms, which the error is measured on.
    """

    def __init__(self, recorded: ShareError | None, labelled: Sequence[tuple[ChipRecord, ScoreHistogram]]) -> None:
        self._recorded = recorded
        self._records = [record for record, h in labelled if h.pixels]
        self._likelihoods = log_likelihoods([] if recorded else [h for _, h in labelled if h.pixels])
        self._fitted: dict[tuple[int, ...], ShareError] = {}

    def of(self, record: ChipRecord) -> ShareError:
        """Return the error to reckon with for a chip."""
        if self._recorded is not None:
            return self._recorded
        others = tuple(
            i
            for i, r in enumerate(self._records)
            if r.id != record.id
            and r.simulated == record.simulated
            and (r.country is None or r.country != record.country)
            and (r.series is None or r.series != record.series)
        )
        if others not in self._fitted:
            groups = [_group(self._records[i]) for i in others]
            self._fitted[others] = fit_share_error(self._likelihoods[list(others)], groups)
        return self._fitted[others]


def _group(record: ChipRecord) -> str:
    """Return what a chip errs alike with: its country, else its series of names, else itself."""
    return record.country or record.series or record.id


def alert_report(
    scored: Sequence[tuple[ChipRecord, ScoreHistogram]], recorded: ShareError | None, above: float = DEFAULT_ABOVE
) -> Alert:
    """Return how often the answer is right over labelled chips, as JSON-able values.

    Truth and answer are both about the labelled valid pixels of a chip. Where the model records no error of its shares, each
    chip's is measured on the chips of other countries (`ShareErrors`), so that no chip vouches for itself.

    Args:
        scored: labelled chips with their histograms; those without a labelled valid pixel are left out.
        recorded: the error that the model's bundle records.
        above: share in [0, 1) that is asked about.

    Returns:
        Counts of right and wrong answers, precision and recall of "yes", the area under the ROC curve of its probability, the
        curve itself, the share of chips whose true share lies in its 95 % interval, the mean width of these, and each chip.
    """
    errors = ShareErrors(recorded, scored)
    # Chips are ranked under one error for all: errors that each leave another truth out would rank the chips by those truths
    # (Parker, Gunter & Bedo 2007, "Stratification bias in low signal microarray studies").
    known = [(record, h) for record, h in scored if h.pixels]
    common = recorded or fit_share_error(log_likelihoods(h for _, h in known), [_group(record) for record, _ in known])
    ranks: list[float] = []
    chips: list[tuple[ChipRecord, float, ShareAnswer, ShareError]] = []
    for record, histogram in scored:
        error = errors.of(record)
        said = answer(histogram.water + histogram.dry, histogram.pixels, error, above)
        ranked = answer(histogram.water + histogram.dry, histogram.pixels, common, above)
        if said is not None and ranked is not None:
            ranks.append(ranked.probability)
            chips.append((record, histogram.water_pixels / histogram.pixels, said, error))
    yes = [said.yes for _, _, said, _ in chips]
    truth = [share > above for _, share, _, _ in chips]
    pairs = list(zip(yes, truth, strict=True))
    counts = Confusion(
        tp=pairs.count((True, True)),
        fp=pairs.count((True, False)),
        fn=pairs.count((False, True)),
        tn=pairs.count((False, False)),
    )
    probabilities = [said.probability for _, _, said, _ in chips]
    inside = [said.low <= share <= said.high for _, share, said, _ in chips]
    return {
        "above": above,
        "question": f"Is more than {100 * above:g} % of the chip's labelled valid pixels under water?",
        "chips": len(chips),
        "true": sum(truth),
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
        "tn": counts.tn,
        "precision": counts.precision,
        "recall": counts.recall,
        "accuracy": counts.accuracy,
        "auc": roc_area(ranks, truth),
        "brier": float(np.mean((np.array(probabilities) - np.array(truth)) ** 2)) if chips else None,
        "coverage": sum(inside) / len(inside) if inside else None,
        "interval": "95 %",
        "mean_width": float(np.mean([said.high - said.low for _, _, said, _ in chips])) if chips else None,
        "roc": roc_curve(ranks, truth),
        "answers": [
            {
                "id": record.id,
                "country": record.country,
                "true_share": share,
                **answer_json(said, error),
            }
            for record, share, said, error in chips
        ],
    }


def answer_json(said: ShareAnswer, error: ShareError) -> Answer:
    """Return an answer as JSON-able values, with what its interval rests on."""
    return {
        "share": said.share,
        "share_ci": [said.low, said.high],
        "above": said.above,
        "probability": said.probability,
        "alert": said.yes,
        "share_error": error.to_json(),
    }


def roc_area(scores: Sequence[float], truth: Sequence[bool]) -> float | None:
    """Return the area under the ROC curve, or None where the truth is one class only.

    The share of (true, false) pairs in which the true one has the higher score, ties counting half (Hanley & McNeil 1982,
    "The meaning and use of the area under a receiver operating characteristic curve").
    """
    positive = np.array([s for s, t in zip(scores, truth, strict=True) if t])
    negative = np.array([s for s, t in zip(scores, truth, strict=True) if not t])
    if not positive.size or not negative.size:
        return None
    difference = positive[:, None] - negative[None, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def roc_curve(scores: Sequence[float], truth: Sequence[bool]) -> list[RocPoint]:
    """Return the points of the ROC curve by falling probability; none where the truth is one class only."""
    positives, negatives = sum(truth), len(truth) - sum(truth)
    if not positives or not negatives:
        return []
    points: list[RocPoint] = [{"probability": 1.0, "false_alarm_rate": 0.0, "recall": 0.0}]
    for limit in sorted(set(scores), reverse=True):
        named = [t for s, t in zip(scores, truth, strict=True) if s >= limit]
        points.append(
            {
                "probability": limit,
                "false_alarm_rate": (len(named) - sum(named)) / negatives,
                "recall": sum(named) / positives,
            }
        )
    return points
