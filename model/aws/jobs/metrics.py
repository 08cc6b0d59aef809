"""What SageMaker reads out of the log of a training: names and regular expressions of the numbers in its lines."""

from __future__ import annotations

from model.training.epochs import BEST_IOU, TRAIN_LOSS, VALIDATION

OBJECTIVE = "validation:best_iou"
"""What tuning seeks. SageMaker takes the latest value that a job has logged, so it is logged once, at the end: the validation
IoU of the weights that are kept."""

_NUMBER = r"([0-9.eE+-]+|nan)"

METRICS: tuple[dict[str, str], ...] = (
    {"Name": "train:loss", "Regex": rf"\b{TRAIN_LOSS}={_NUMBER}"},
    {"Name": "validation:iou", "Regex": rf"\b{VALIDATION}={_NUMBER}"},
    {"Name": OBJECTIVE, "Regex": rf"\b{BEST_IOU}={_NUMBER}"},
    {"Name": "epoch", "Regex": r"\bepoch=([0-9]+)"},
)
