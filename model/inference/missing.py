"""Predicting what the store does not hold yet, and waiting for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from model.inference.job import Job
from model.inference.worker import InferenceWorker
from model.predictors.protocol import Predictor
from model.store.store import Store
from tiles.chip import ChipRecord

Tick = Callable[[int, int], None]
"""Called with (steps done, steps in all): a chip is one, of a scene each window."""


def predict_missing(
    records: Iterable[ChipRecord],
    predictor: Predictor,
    store: Store,
    tick: Tick | None = None,
    *,
    force: bool = False,
) -> Job:
    """Predict what the store does not hold yet, and wait for it; one chip's failure stops no other.

    Args:
        records: the chips.
        predictor: the model.
        store: where predictions are and go.
        tick: told (chips ready, chips in all) as they come.
        force: predict again what the store holds.
    """
    with InferenceWorker(store) as worker:
        job = worker.predict_all(records, predictor, force=force)
        try:
            over = False
            while not over:
                over = job.wait(0.1)
                progress = job.snapshot()
                if tick is not None:
                    tick(progress.steps_ready, progress.steps)
        except BaseException:  # Ctrl-C: what is done stays, what is not begun is dropped
            job.cancel()
            raise
    return job
