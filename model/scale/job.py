"""Predicting many chips on a cluster as a job of a dashboard: with progress, failures by chip, and an end at any time."""

from __future__ import annotations

from collections.abc import Iterable

from model.inference.job import Job
from model.predictors.protocol import Predictor
from model.scale.batch import ClusterError, Outcome, connect, missing, run_batch
from model.scale.worker import Order
from model.store.store import Store
from tiles.chip import ChipRecord
from tiles.errors import ChipError, PredictionError


def predict_on(address: str, records: Iterable[ChipRecord], predictor: Predictor, store: Store, order: Order) -> Job:
    """Ask a cluster for the predictions that the store does not hold; as `InferenceWorker.predict_all`.

    What went wrong with the cluster itself is the message of the job. A job that is cancelled ends with the task that is
    finished next; others that are begun then are finished and stored.

    Args:
        address: of the scheduler, as tcp://HOST:8786.
        records: the chips, with imagery.
        predictor: the model as it is here.
        store: where the predictions come to.
        order: what the workers open.

    Raises:
        StoreError: the store cannot be read.
    """
    pending, held = missing(records, predictor, store, force=order.force)
    job = Job((record.id for record in pending), held)

    def told(so_far: Outcome) -> None:
        for chip in so_far.predicted[job.snapshot().done :]:
            job.note_done(chip)
        for problem in so_far.failed[job.snapshot().failed :]:
            error = ChipError if problem.unusable else PredictionError
            job.note_failed(problem.name, error(problem.message))
        job.require_wanted()

    def work() -> None:
        try:
            client = connect(address)
        except ClusterError as error:  # its address is nothing for a stranger
            raise ClusterError(
                "The scheduler that this dashboard was started with does not answer: start it and its workers, then try again."
            ) from error
        with client:
            run_batch(client, pending, held, order, told)

    if pending:
        job.start(work, "floodscope-cluster")
    return job
