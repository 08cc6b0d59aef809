"""A training's epochs as lines of a log, where no progress bar is drawn: for people and for programs that follow it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

TRAIN_LOSS = "train_loss"
VALIDATION = "validation_iou"
BEST_IOU = "best_validation_iou"


def epoch_line(row: Mapping[str, float]) -> str:
    """Return a row of the history as `epoch=3 train_loss=0.41235 validation_iou=0.53310`."""
    figures = [f"{name}={row[name]:.5f}" for name in (TRAIN_LOSS, VALIDATION) if name in row]
    return " ".join([f"epoch={row['epoch']:.0f}", *figures])


def best_line(history: Sequence[Mapping[str, float]]) -> str | None:
    """Return the best validation IoU of some epochs as `best_validation_iou=0.53310`, or None where nothing validates."""
    values = [row[VALIDATION] for row in history if VALIDATION in row]
    return f"{BEST_IOU}={max(values):.5f}" if values else None


def tell_epoch(row: Mapping[str, float]) -> None:
    """Write a row to stderr, where that is no terminal with a progress bar; of several processes only the first does."""
    if is_logging():
        print(epoch_line(row), file=sys.stderr, flush=True)


def is_logging() -> bool:
    """Return whether this process logs its epochs as lines."""
    return not sys.stderr.isatty() and os.environ.get("LOCAL_RANK", "0") == "0"
