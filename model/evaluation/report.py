"""The shapes of what an evaluation says, as JSON holds it. A figure whose denominator is 0 is None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from model.predictors.protocol import Parameter, Predictor
from model.seen.headline import CrossValidated, Tally
from tiles.errors import Problem

METRIC = "micro: pixels of all chips counted together; unknown label pixels and pixels without data left out"


class ModelFacts(TypedDict):
    """The model that a report is about."""

    name: str
    id: str
    parameters: dict[str, Parameter]
    device: str


def model_facts(predictor: Predictor) -> ModelFacts:
    """Return what a report says of its model."""
    return {
        "name": predictor.name,
        "id": predictor.model_id,
        "parameters": dict(predictor.parameters),
        "device": predictor.device,
    }


class Counts(TypedDict):
    """Pixels by truth and mask."""

    tp: int
    fp: int
    fn: int
    tn: int


class Figures(Counts):
    """Micro figures of some chips: `scored` of them have a labelled valid pixel."""

    chips: int
    scored: int
    iou: float | None
    iou_ci: list[float] | None
    f1: float | None
    precision: float | None
    recall: float | None
    accuracy: float | None
    calibration_error: float | None


class MarkedFigures(Figures):
    """Figures of some chips, those of the unseen ones among them, and how many are which."""

    micro_unseen: Figures | None
    seen: Tally


class Group(MarkedFigures):
    """The chips of one country, event, split or chip."""

    name: str


class WaterShareGroup(Group):
    """The chips of which so much is water."""

    above: float | None
    up_to: float


class MeanFigures(TypedDict):
    """Means over chips."""

    iou: float | None
    f1: float | None
    chips: int
    rule: str


class ChipScore(Counts):
    """One scored chip."""

    id: str
    country: str | None
    event: str | None
    date: str | None
    split: str | None
    file: str | None
    iou: float | None
    water_km2: float | None
    water_share: float
    label_water_km2: float | None
    seen_in_training: bool | None
    notes: list[str]


class LeftOut(TypedDict):
    """A chip that is not in a report, and why."""

    id: str
    reason: str


def left_out(problem: Problem) -> LeftOut:
    """Return a chip with a problem as a report holds it."""
    return {"id": problem.name, "reason": problem.message}


class ShareErrorFacts(TypedDict):
    """What the intervals of shares rest on (`model.evaluation.answer.ShareError`)."""

    spread: float
    chips: int
    origin: str
    groups: NotRequired[int]


class Answer(TypedDict):
    """What is said of a chip's share of water."""

    share: float
    share_ci: list[float]
    above: float
    probability: float
    alert: bool
    share_error: ShareErrorFacts


class JudgedAnswer(Answer):
    """An answer beside the truth."""

    id: str
    country: str | None
    true_share: float


class RocPoint(TypedDict):
    """One point of an ROC curve."""

    probability: float
    false_alarm_rate: float
    recall: float


class Alert(Counts):
    """How often the answer for a chip is right; counts are of chips."""

    above: float
    question: str
    chips: int
    true: int
    precision: float | None
    recall: float | None
    accuracy: float | None
    auc: float | None
    brier: float | None
    coverage: float | None
    interval: str
    mean_width: float | None
    roc: list[RocPoint]
    answers: list[JudgedAnswer]


class Difference(TypedDict):
    """Two models on the same chips; the difference is the first one's micro IoU less the second's."""

    chips: int
    first_iou: float | None
    second_iou: float | None
    difference: float | None
    difference_ci: list[float] | None
    share_of_resamples_above_0: float | None


class MarkedDifference(Difference):
    """A difference, that over the chips new to both models, and how many are which."""

    micro_unseen: Difference | None
    seen: Tally


class CountryDifference(MarkedDifference):
    """The difference in one country."""

    name: str


class Mover(TypedDict):
    """A chip on which two models differ much."""

    id: str
    country: str | None
    fewer_wrong_pixels: int
    first_iou: float | None
    second_iou: float | None
    seen_in_training: bool | None


class Pair(MarkedDifference):
    """Two models compared."""

    first: str
    second: str
    countries: list[CountryDifference]
    moved_most: list[Mover]


class Compared(TypedDict):
    """One of the models of a comparison, on the chips that all have scored."""

    model: ModelFacts
    threshold: float
    seen: Tally
    iou: float | None
    f1: float | None
    precision: float | None
    recall: float | None


class Comparison(TypedDict):
    """Models side by side (`model.evaluation.comparison`)."""

    metric: str
    interval: str
    chips: int
    models: list[Compared]
    pairs: list[Pair]


class ChangeFigures(TypedDict):
    """Chips under a change, beside the same pixels without it."""

    iou: float | None
    plain_iou: float | None
    delta: float | None
    delta_ci: list[float] | None


class ChangeRow(ChangeFigures):
    """What one change does."""

    name: str
    title: str
    family: str
    differing_share: float | None
    countries: dict[str, ChangeFigures]


class RobustnessReport(TypedDict):
    """What changes that leave the truth as it is do to the scores (`model.evaluation.robustness`)."""

    metric: str
    threshold: float
    seed: int
    speckle_looks: float
    dropped_share: float
    chips: int
    spread_over_views: float | None
    changes: list[ChangeRow]
    skipped: list[LeftOut]


class EvaluationReport(TypedDict):
    """All of `Evaluation.report`; comparison and robustness where they were asked for."""

    model: ModelFacts
    threshold: float
    metric: str
    simulated: bool
    seen: Tally
    crossvalidated: CrossValidated | None
    micro: Figures
    micro_unseen: Figures | None
    mean_over_chips: MeanFigures
    mean_over_unseen_chips: MeanFigures | None
    by: str
    groups: list[Group]
    by_water_share: list[WaterShareGroup]
    alert: Alert
    chips: list[ChipScore]
    skipped: list[LeftOut]
    comparison: NotRequired[Comparison]
    robustness: NotRequired[RobustnessReport]


class PredictedChip(TypedDict):
    """What was predicted of one chip; of the answer only what was asked."""

    id: str
    country: str | None
    event: str | None
    date: str | None
    file: str | None
    simulated: bool
    water_km2: float | None
    valid_km2: float | None
    water_share: float
    valid_pixels: int
    share: NotRequired[float]
    share_ci: NotRequired[list[float]]
    above: NotRequired[float]
    probability: NotRequired[float | None]
    alert: NotRequired[bool]
    share_error: NotRequired[ShareErrorFacts]
    notes: NotRequired[Sequence[str]]


class PredictionReport(TypedDict):
    """All of `model.evaluation.predicted.prediction_report`."""

    model: ModelFacts
    threshold: float
    alert_above: NotRequired[float]
    alerts: NotRequired[int]
    chips: list[PredictedChip]
    failed: list[LeftOut]


class SummaryFigures(TypedDict):
    """Rounded micro figures, as model.json and the card give them."""

    chips: int
    iou: float | None
    f1: float | None
    precision: float | None
    recall: float | None
    iou_ci: list[float] | None
    calibration_error: float | None
    water_share: float


class Summary(TypedDict):
    """The scores of some chips, as model.json and the card give them."""

    metric: str
    threshold: float
    micro: SummaryFigures
    mean_over_chips_iou: float | None
    countries: dict[str, SummaryFigures]


class CrossSummary(Summary):
    """A cross-validation at one threshold for all folds; no share error where chips are too few."""

    share_error: NotRequired[ShareErrorFacts]
    by: str
    groups: int


class CalibrationFacts(TypedDict):
    """What turns logits into probabilities, and these into a mask."""

    temperature: float
    threshold: float


class FoldChip(Counts):
    """One chip, by the model that had not seen it, at its fold's threshold."""

    id: str
    country: str | None
    seen_in_training: bool | None
    iou: float | None


class FoldScores(CalibrationFacts):
    """One fold at its own threshold."""

    left_out: str
    iou: float | None
    water_share: float | None
    calibration_error: float | None
    chips: list[FoldChip]


class CrossReport(TypedDict):
    """All of `CrossValidation.report`."""

    micro_iou: float | None
    mean_over_countries_with_water: float | None
    countries: dict[str, float | None]
    calibration_error: float | None
    best_micro_iou_of_any_threshold: float | None
    seconds_a_chip: float
    calibration: CalibrationFacts
    at_one_threshold: CrossSummary
    skipped: dict[str, str]
    folds: list[FoldScores]
