"""Batch transform: chips to S3, one job over all of them, and its answers into the store like any prediction.

Everything is named after its content, so that the same command goes on wherever an earlier one stopped: chips that are in S3
are not sent again, a job that runs is waited for, one that has ended is collected.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from model.aws.account.account import Account, Tell
from model.aws.account.names import fingerprint
from model.aws.account.objects import S3Place, get_bytes, put_file
from model.aws.account.refusals import explained, missing
from model.aws.account.waiting import Wait
from model.aws.endpoint.deploy import Endpoint, ensure_model
from model.bundle.manifest import Bundle, Channel, read_bundle
from model.store.prediction import ModelIdentity, ModelKey
from model.store.store import Store
from tiles.chip import Chip, ChipRecord
from tiles.errors import BandError, ChipError, CloudError, NoValidPixelError, PredictionError, StoreError
from tiles.reading.door import read_chip

NPY = "application/x-npy"
_OURS = f"{NPY}; from=floodscope"  # as model.wire.OURS, which would load rasterio here
_ENDED = {"Completed", "Failed", "Stopped"}
_CONNECTIONS = 8
# Batch transform takes up to 100 MB a request; a chip of 512 x 512 is 2.1 MB.
_MOST_MB = 100
_MOST_TRIES = 20


@dataclass
class BatchResult:
    """What a batch came to.

    Attributes:
        job: name of the transform job, "" where nothing was to be predicted.
        done: chips that are in the store since.
        skipped: chips that were there.
        failed: chips that could not be predicted, with the reason.
        running: the job has not ended, and nobody waits for it.
    """

    job: str
    done: int
    skipped: int
    failed: dict[str, str]
    running: bool = False


def batch(
    account: Account,
    records: Sequence[ChipRecord],
    bundle_path: Path,
    runner: Endpoint,
    store: Store,
    *,
    wait: Wait | None,
    tell: Tell,
    tick: Callable[[int, int], None] | None = None,
    force: bool = False,
) -> BatchResult:
    """Predict chips by a batch transform, and store what it answers.

    Args:
        account: where.
        records: the chips.
        bundle_path: a bundle, folder or .tar.gz.
        runner: name, place, role, image, instance and number of instances (`most`).
        store: where predictions are and go.
        wait: how to wait for the job; None starts it and comes back.
        tell: told what is done.
        tick: told (chips that are sent, chips in all).
        force: predict again what the store holds.

    Raises:
        BundleError: the bundle is damaged.
        CloudError: AWS refused, or the job failed.
    """
    replace(runner, mode="real-time").check()
    bundle = read_bundle(bundle_path)
    # The same model as the bundle run here, so the same key: nothing but the bundle decides its answers.
    model = ModelIdentity(
        ModelKey(bundle.id, "{}"), bundle.name, f"sagemaker batch {runner.instance}", bundle.threshold
    )
    known = {} if force or account.dry else store.fresh(records, model.key)
    missing_ones = [record for record in records if record.id not in known]
    if not missing_ones:
        return BatchResult("", 0, len(known), {})
    hosted, _ = ensure_model(account, bundle_path, runner, tell)
    run = fingerprint(bundle.id, hosted, [(r.id, r.revision()) for r in missing_ones])
    home = runner.place / "batch" / f"{runner.name}-{run}"
    failed = _send(account, missing_ones, _channels(bundle), home / "input", tick)
    sent = [record for record in missing_ones if record.id not in failed]
    if not sent:
        return BatchResult("", 0, len(known), failed)
    job = _ensure_job(account, f"{runner.name}-{run}", hosted, home, runner, anew=force)
    if account.dry or not _wait_for(account, job, wait, tell):
        return BatchResult(job, 0, len(known), failed, running=True)
    done = _collect(account, sent, home / "output", store, model, failed)
    return BatchResult(job, done, len(known), failed)


def _channels(bundle: Bundle) -> tuple[Channel, ...]:
    """Return what is sent: VV and VH, then elevation and permanent water, up to the last that the bundle sees."""
    every = get_args(Channel)
    return every[: max(2, 1 + max(every.index(channel) for channel in bundle.channels))]


def _send(
    account: Account,
    records: Sequence[ChipRecord],
    channels: tuple[Channel, ...],
    place: S3Place,
    tick: Callable[[int, int], None] | None,
) -> dict[str, str]:
    """Send each chip as npy float32 (1, C, H, W), NaN where there is no data; return those that cannot be sent."""
    import tempfile  # noqa: PLC0415

    failed: dict[str, str] = {}
    account.client("s3")

    def send(record: ChipRecord, folder: Path) -> None:
        try:
            chip = read_chip(record, with_label=False, with_ancillary=len(channels) > 2)
            bands = [getattr(chip, channel) for channel in channels]
            if any(band is None for band in bands):
                raise BandError(f"Chip {record.id} lacks a channel that the model sees: {', '.join(channels)}.")
            if not chip.valid.any():
                raise NoValidPixelError(f"Chip {record.id} has no valid pixel, so there is nothing to predict.")
        except ChipError as error:
            failed[record.id] = str(error)
            return
        file = folder / f"{record.id}.npy"
        np.save(file, np.stack(bands)[None].astype("<f4"), allow_pickle=False)
        put_file(account, file, place / file.name)
        file.unlink()

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1 if account.dry else _CONNECTIONS) as pool:
        tasks = [pool.submit(send, record, Path(folder)) for record in records]
        try:
            for count, task in enumerate(tasks, 1):
                task.result()
                if tick is not None:
                    tick(count, len(tasks))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return failed


def _ensure_job(account: Account, name: str, model: str, home: S3Place, runner: Endpoint, *, anew: bool) -> str:
    """Return the name of the job that runs or has run, or start one; one that failed is started again by another name."""
    client = account.client("sagemaker")
    for attempt in range(1, _MOST_TRIES):
        job = name if attempt == 1 else f"{name[:58]}-{attempt}"
        found = _describe(account, job)
        if found is None:
            break
        if found["TransformJobStatus"] in {"InProgress", "Stopping"} or (
            found["TransformJobStatus"] == "Completed" and not anew
        ):
            return job
    with explained(f"starting the transform job {job}"):
        client.create_transform_job(
            TransformJobName=job,
            ModelName=model,
            MaxConcurrentTransforms=2,
            ModelClientConfig={"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 1},
            MaxPayloadInMB=_MOST_MB // 2,  # times the concurrent transforms it must not pass 100
            BatchStrategy="SingleRecord",
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": (home / "input").url + "/"}},
                "ContentType": _OURS,
                "SplitType": "None",
                "CompressionType": "None",
            },
            TransformOutput={"S3OutputPath": (home / "output").url, "Accept": NPY, "AssembleWith": "None"},
            TransformResources={"InstanceType": runner.instance, "InstanceCount": max(1, runner.most)},
        )
    return job


def _describe(account: Account, job: str) -> dict[str, object] | None:
    client = account.client("sagemaker")
    with explained(f"asking for the transform job {job}"):
        try:
            found: dict[str, object] = client.describe_transform_job(TransformJobName=job)
        except client.exceptions.ClientError as error:
            if missing(error):
                return None
            raise
    return found


def _wait_for(account: Account, job: str, wait: Wait | None, tell: Tell) -> bool:
    """Wait for a job; return whether it has ended. A failed one is an error."""
    last: dict[str, object] = {}

    def over() -> bool:
        last.clear()
        last.update(_describe(account, job) or {"TransformJobStatus": "Failed", "FailureReason": "it is gone"})
        return last["TransformJobStatus"] in _ENDED

    if wait is None:
        return False
    wait.until(over, lambda: f"{job}: {last['TransformJobStatus']}", tell)
    if last["TransformJobStatus"] != "Completed":
        raise CloudError(
            f"The transform job {job} is {last['TransformJobStatus']} ({last.get('FailureReason', 'no reason given')}): its log "
            f"is in CloudWatch (`aws logs tail /aws/sagemaker/TransformJobs --log-stream-name-prefix {job}`)."
        )
    return True


def _collect(
    account: Account,
    records: Sequence[ChipRecord],
    place: S3Place,
    store: Store,
    model: ModelIdentity,
    failed: dict[str, str],
) -> int:
    """Store what the job answered for each chip; a chip without a usable answer disturbs no other."""
    done = 0
    for record in records:
        try:
            revision = record.revision()
            chip = read_chip(record)
            answer = _raster(get_bytes(account, place / f"{record.id}.npy.out"), record.id, chip)
            store.put(chip, record, model, answer, 0.0, chip_revision=revision)
        except (ChipError, PredictionError, StoreError) as error:
            failed[record.id] = str(error)
        else:
            done += 1
    return done


def _raster(content: bytes | None, chip_id: str, chip: Chip) -> npt.NDArray[np.uint8]:
    """Return one chip's answer, uint8 (H, W)."""
    if content is None:
        raise PredictionError(f"The job gave no answer for chip {chip_id}: see its log, then give the command again.")
    try:
        values = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise PredictionError(
            f"The job's answer for chip {chip_id} is no npy file ({error}): check the image."
        ) from error
    if values.dtype != np.uint8 or values.shape != (1, *chip.valid.shape):
        raise PredictionError(
            f"The job's answer for chip {chip_id} is {values.dtype} {values.shape}, not uint8 (1, H, W): check the image."
        )
    raster: npt.NDArray[np.uint8] = values[0]
    return raster


def summary(result: BatchResult, bundle: Bundle) -> str:
    """Return what a batch came to, as a line for people."""
    if result.running:
        return f"{result.job} runs; give the same command again to collect what it predicts"
    text = f"{result.done} predicted, {result.skipped} were there, {len(result.failed)} failed under {bundle.name}"
    return f"{text} by {result.job}" if result.job else text
