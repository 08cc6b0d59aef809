"""Robustness: does the model say the same of an image that is turned, blurred, brighter, noisier or has holes?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model.evaluation.changes import CHANGES, DROPPED, SPECKLE_LOOKS, Change, back
from model.evaluation.report import ChangeFigures, ChangeRow, RobustnessReport, left_out
from model.predictors.protocol import Predictor
from model.scores.histogram import ScoreHistogram
from model.scores.intervals import paired_interval
from model.store.store import Prediction, Store
from tiles.chip import Chip, ChipRecord
from tiles.errors import ChipError, PredictionError, Problem, StoreError
from tiles.probability import NODATA, level
from tiles.reading.door import read_chip

Scored = tuple[ChipRecord, Prediction, ScoreHistogram]
Tick = Callable[[int, int], None]

# Changed chips that are predicted in one call, as far as they are no larger than this together.
_PIXELS_AT_ONCE = 4 * 512 * 512


@dataclass(frozen=True)
class ChangedChip:
    """A chip under one change.

    Attributes:
        record: of the chip.
        changed: counts of the changed chip's prediction against its label, moved with it.
        plain: counts of the unchanged chip's prediction on the same pixels.
        differing: valid pixels at which the two masks differ, in the place of the plain one.
        pixels: valid pixels of the changed chip.
    """

    record: ChipRecord
    changed: ScoreHistogram
    plain: ScoreHistogram
    differing: int
    pixels: int


@dataclass
class Robustness:
    """The answers to all changes, at one threshold.

    Attributes:
        threshold: in [0, 1].
        seed: of what is random in the changes.
        results: one list of chips a change, in the order of the changes.
        skipped: the chips that could not be read or predicted again.
    """

    threshold: float
    seed: int
    results: list[tuple[Change, list[ChangedChip]]]
    skipped: list[Problem] = field(default_factory=list)

    def report(self) -> RobustnessReport:
        """Return everything as JSON-able values; a figure whose denominator is 0 is None."""
        changes = [self._row(change, members) for change, members in self.results]
        views = [row["iou"] for row in changes if row["family"] == "view" and row["iou"] is not None]
        return {
            "metric": "micro IoU of the changed chips, less that of the unchanged chips on the same pixels (delta)",
            "threshold": self.threshold,
            "seed": self.seed,
            "speckle_looks": SPECKLE_LOOKS,
            "dropped_share": DROPPED,
            "chips": len(self.results[0][1]) if self.results else 0,
            "spread_over_views": max(views) - min(views) if views else None,
            "changes": changes,
            "skipped": [left_out(problem) for problem in self.skipped],
        }

    def _row(self, change: Change, members: Sequence[ChangedChip]) -> ChangeRow:
        countries: dict[str, list[ChangedChip]] = {}
        for member in members:
            countries.setdefault(member.record.country_group, []).append(member)
        pixels = sum(m.pixels for m in members)
        return {
            "name": change.name,
            "title": change.title,
            "family": change.family,
            **self._figures(members),
            "differing_share": sum(m.differing for m in members) / pixels if pixels else None,
            "countries": {name: self._figures(group) for name, group in sorted(countries.items())},
        }

    def _figures(self, members: Sequence[ChangedChip]) -> ChangeFigures:
        changed = ScoreHistogram.sum_of(m.changed for m in members).confusion(self.threshold)
        plain = ScoreHistogram.sum_of(m.plain for m in members).confusion(self.threshold)
        paired = paired_interval(
            [m.changed.confusion(self.threshold) for m in members], [m.plain.confusion(self.threshold) for m in members]
        )
        return {
            "iou": changed.iou,
            "plain_iou": plain.iou,
            "delta": None if changed.iou is None or plain.iou is None else changed.iou - plain.iou,
            "delta_ci": None if paired is None else [paired.low, paired.high],
        }


def measure_robustness(
    scored: Sequence[Scored],
    predictor: Predictor,
    store: Store,
    threshold: float,
    *,
    changes: Sequence[Change] = CHANGES,
    seed: int = 0,
    tick: Tick | None = None,
) -> Robustness:
    """Predict every scored chip again under every change. Predictions of changed chips are not stored.

    Args:
        scored: the chips with their plain predictions; those without a labelled valid pixel are left out.
        predictor: the model that made them.
        store: where the plain predictions' rasters are.
        threshold: of the masks, in [0, 1].
        changes: what is done to the chips.
        seed: of what is random in the changes.
        tick: told (chips ready, chips in all).

    Raises:
        ModelError: the model cannot be run.
    """
    wanted = [(record, prediction) for record, prediction, histogram in scored if histogram.pixels]
    results: list[tuple[Change, list[ChangedChip]]] = [(change, []) for change in changes]
    skipped: list[Problem] = []
    for done, (record, prediction) in enumerate(wanted):
        if tick is not None:
            tick(done, len(wanted))
        try:
            answers = _under_all_changes(record, store.read(prediction), predictor, level(threshold), changes, seed)
        except (ChipError, PredictionError, StoreError) as error:
            skipped.append(Problem.of(error, record.id))
            continue
        for (_, members), answer in zip(results, answers, strict=True):
            members.append(answer)
    if tick is not None:
        tick(len(wanted), len(wanted))
    return Robustness(threshold, seed, results, skipped)


def _under_all_changes(
    record: ChipRecord,
    plain: npt.NDArray[np.uint8],
    predictor: Predictor,
    first_wet: int,
    changes: Sequence[Change],
    seed: int,
) -> list[ChangedChip]:
    chip = read_chip(record)
    if chip.label is None:
        raise ChipError(chip.label_problem or f"The label of chip {record.id} is gone: evaluate again.")
    together = max(1, _PIXELS_AT_ONCE // max(1, chip.valid.size))
    answers = []
    for start in range(0, len(changes), together):
        part = changes[start : start + together]
        changed = [change.apply(chip, seed) for change in part]
        for change, image, probability in zip(part, changed, predictor.predict(changed), strict=True):
            answers.append(_judge(record, chip, change, image, probability, plain, first_wet))
    return answers


def _judge(
    record: ChipRecord,
    chip: Chip,
    change: Change,
    image: Chip,
    probability: npt.NDArray[np.uint8],
    plain: npt.NDArray[np.uint8],
    first_wet: int,
) -> ChangedChip:
    assert image.label is not None and chip.label is not None  # noqa: S101 - a change keeps the label
    # The plain score is made of the plain label, in its own place: a label that was not moved with the image shows.
    remaining = np.where(back(change.view, image.valid), plain, np.uint8(NODATA))
    answered = back(change.view, probability)
    differing = ((answered >= first_wet) != (remaining >= first_wet)) & (remaining != NODATA)
    return ChangedChip(
        record,
        ScoreHistogram.of(probability, image.label),
        ScoreHistogram.of(remaining, chip.label),
        int(differing.sum()),
        int(image.valid.sum()),
    )
