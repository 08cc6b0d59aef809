"""What jobs at SageMaker came to: how one stands, and the best one's bundle, fetched, checked and put beside the others."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from model.aws.account.account import Account, Tell
from model.aws.account.objects import get_file, parse_s3
from model.aws.account.refusals import explained, missing
from model.aws.account.waiting import Wait
from model.aws.endpoint.package import ARCHIVE
from model.bundle.archive import MANIFEST, read_files, read_manifest
from model.bundle.manifest import Bundle, read_bundle
from tiles.errors import CloudError
from tiles.files import unwritable, write_whole

MODELS = "models"
"""Name of the folder of bundles in this user's data folder; `floodscope dashboard --bundle` takes it whole."""

_TUNING_NAME = 32
"""The longest name of a tuning job; what is longer is a training job's."""
_ENDED = {"Completed", "Failed", "Stopped"}
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Best:
    """The best training of a job.

    Attributes:
        job: name of the training job.
        path: folder of its bundle, here.
        bundle: what model.json says.
        objective: the value that tuning sought, or None of a training that was not tuned.
    """

    job: str
    path: Path
    bundle: Bundle
    objective: float | None


def wait_for_job(account: Account, name: str, wait: Wait, tell: Tell) -> None:
    """Wait until a training or tuning job has ended, and tell how it stands whenever that changes.

    Raises:
        CloudError: it failed, or there is none of that name.
    """
    last = _describe(account, name)

    def over() -> bool:
        nonlocal last
        last = _describe(account, name)
        return last["status"] in _ENDED

    wait.until(over, lambda: f"{name}: {last['told']}", tell)
    if last["status"] != "Completed":
        raise CloudError(
            f"The job {name} is {last['status']} ({last['reason'] or 'no reason given'}): its log is in CloudWatch (`aws logs "
            f"tail /aws/sagemaker/TrainingJobs --log-stream-name-prefix {name}`)."
        )


def best(account: Account, name: str, data: Path, tell: Tell) -> Best | None:
    """Fetch the bundle of a training job, or of a tuning job's best one, check it, and put it into data/models/JOB.

    Args:
        account: where.
        name: of a tuning or a training job.
        data: this user's data folder.
        tell: told what is done.

    Returns:
        The bundle, or None in a dry run.

    Raises:
        CloudError: there is no such job, or it has no result.
        BundleError: what it wrote is no whole bundle.
        OutputError: the folder cannot be written.
    """
    found = _describe(account, name)
    job = str(found["best"] or name)
    training = found if job == name else _describe_training(account, job)
    if training is None:
        raise CloudError(f"The best training of {name}, {job}, is not there any more: give the name of another job.")
    if training["status"] != "Completed" or not training["artifacts"]:
        raise CloudError(
            f"The training job {job} is {training['status']} and has no model: wait for it, or see `floodscope sagemaker "
            f"train --help` ({training['reason'] or 'no reason given'})."
        )
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / ARCHIVE
        get_file(account, parse_s3(str(training["artifacts"])), archive)
        if account.dry:
            return None
        tell(f"{training['artifacts']}: {archive.stat().st_size / 1e6:.1f} MB fetched")
        bundle = read_bundle(archive)  # every hash
        path = data / MODELS / _UNSAFE.sub("_", job)
        _put_bundle(archive, bundle, path)
    return Best(job, path, bundle, found["objective"])


def _put_bundle(archive: Path, bundle: Bundle, path: Path) -> None:
    """Write an archive's bundle as a folder, whole or not at all; nothing but the files that model.json names."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(3)}")
    try:
        fresh.mkdir(parents=True)
        for name, content in read_files(archive, bundle.files):
            write_whole(fresh / name, content)
        write_whole(fresh / MANIFEST, read_manifest(archive))
        if path.exists():
            shutil.rmtree(path)
        fresh.rename(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


class JobState(TypedDict):
    """How a tuning or training job stands: `best` is the best training of a tuning job, else ""."""

    status: str
    told: str
    reason: str
    artifacts: str
    best: str
    objective: float | None


def _describe(account: Account, name: str) -> JobState:
    """Return how a tuning or training job stands."""
    client = account.client("sagemaker")
    job = None
    if len(name) <= _TUNING_NAME:
        with explained(f"asking for the job {name}"):
            try:
                job = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            except client.exceptions.ClientError as error:
                if not missing(error):
                    raise
    if job is None:
        training = _describe_training(account, name)
        if training is None:
            raise CloudError(
                f"There is no training or tuning job {name} in {account.region}: check the name and --region."
            )
        return training
    counts = job.get("TrainingJobStatusCounters", {})
    objective = job.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
    told = f"{job['HyperParameterTuningJobStatus']}, {counts.get('Completed', 0)} trained, {counts.get('InProgress', 0)} running"
    return {
        "status": job["HyperParameterTuningJobStatus"],
        "told": told if objective is None else f"{told}, best {objective:.4f}",
        "reason": job.get("FailureReason", ""),
        "artifacts": "",
        "best": job.get("BestTrainingJob", {}).get("TrainingJobName", ""),
        "objective": objective,
    }


def _describe_training(account: Account, name: str) -> JobState | None:
    client = account.client("sagemaker")
    with explained(f"asking for the training job {name}"):
        try:
            job = client.describe_training_job(TrainingJobName=name)
        except client.exceptions.ClientError as error:
            if missing(error):
                return None
            raise
    metrics = {m["MetricName"]: m["Value"] for m in job.get("FinalMetricDataList", [])}
    told = job.get("SecondaryStatus") or job["TrainingJobStatus"]
    figures = ", ".join(f"{n} {v:.4g}" for n, v in sorted(metrics.items()))
    return {
        "status": job["TrainingJobStatus"],
        "told": f"{told}, {figures}" if figures else told,
        "reason": job.get("FailureReason", ""),
        "artifacts": job.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
        "best": "",
        "objective": None,
    }


def dry_answers(name: str) -> dict[str, dict[str, object]]:
    """Return what a dry run of `best` shall take to be there: a tuning job, its best training, and its model."""
    best_job = {"TrainingJobName": f"{name}-best"}
    return {
        "DescribeHyperParameterTuningJob": {
            "HyperParameterTuningJobStatus": "Completed",
            "BestTrainingJob": best_job,
        },
        "DescribeTrainingJob": {
            "TrainingJobStatus": "Completed",
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://bucket/jobs/{name}-best/output/{ARCHIVE}"},
        },
    }
