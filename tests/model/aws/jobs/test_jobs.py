"""Training and tuning jobs are started by the SDK with what the entry point reads; the best one's bundle comes back."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import pytest
from moto.sagemaker.models import HyperParameterTuningJob

from model.aws.endpoint.package import package
from model.aws.jobs.entry import hyperparameters, options_of
from model.aws.jobs.metrics import METRICS, OBJECTIVE
from model.bundle.manifest import read_bundle
from model.predictors.select import known_models
from tests.dashboard.command_line import Run
from tests.model.aws.conftest import PLACE, REGION, ROLE, Client

pytestmark = pytest.mark.slow

PLACED = ("--s3", PLACE, "--role", ROLE)
AWS_IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-training:2.10-gpu-py313"


def test_a_training_job_has_data_code_metrics_and_checkpoints(floodscope: Run, cloud: Client, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('base = "quick"\nepochs = 3\n')
    changes = ("--set", "augmentation.zoom=0.1", "--recipe", recipe)
    done = floodscope("train", *PLACED, *changes, "--spot", "--instance-type", "ml.g5.12xlarge", "--hours", "2")
    assert done.returncode == 0, done.stderr
    (name,) = done.stdout.split()
    assert f"{name}: Completed" in done.stderr
    job = cloud("sagemaker").describe_training_job(TrainingJobName=name)
    assert job["AlgorithmSpecification"]["TrainingImage"] == AWS_IMAGE
    assert job["EnableManagedSpotTraining"] is True
    assert job["CheckpointConfig"] == {"S3Uri": f"{PLACE}/checkpoints"}
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 14400}
    assert (job["ResourceConfig"]["InstanceType"], job["ResourceConfig"]["InstanceCount"]) == ("ml.g5.12xlarge", 1)
    channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in job["InputDataConfig"]}
    assert channels["training"] == f"{PLACE}/data/chips"
    code = channels["code"].removeprefix("s3://floods/")
    keys = [o["Key"] for o in cloud("s3").list_objects_v2(Bucket="floods", Prefix=code)["Contents"]]
    for file in ("train.py", "recipe.toml", "requirements.txt", "dashboard/cli.py", "model/aws/jobs/entry.py"):
        assert f"{code}/{file}" in keys
    # What the container would pass on is what floodscope train understands.
    told = options_of(hyperparameters({"SM_HPS": json.dumps(job["HyperParameters"])}))
    assert told[told.index("--recipe") + 1] == "recipe.toml"
    assert "augmentation.zoom=0.1" in told
    # No variable of the container may have a dot in its name: the SDK's script would fail on it.
    assert all(re.fullmatch(r"\w+", key) for key in job["HyperParameters"])


def test_a_tuning_job_searches_what_can_be_built(floodscope: Run, cloud: Client) -> None:
    done = floodscope("tune", *PLACED, "--recipe", "quick", "--trials", "4", "--no-wait")
    assert done.returncode == 0, done.stderr
    (name,) = done.stdout.split()
    job = cloud("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    config = job["HyperParameterTuningJobConfig"]
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Maximize", "MetricName": OBJECTIVE}
    assert config["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 4
    ranges = config["ParameterRanges"]
    categories = {r["Name"]: r["Values"] for r in ranges["CategoricalParameterRanges"]}
    # DeepLabV3+ does not take the recipe's list of decoder channels: its jobs would be paid for, and fail.
    assert categories["architecture"] == ["Unet", "UnetPlusPlus"]
    assert len(categories["encoder"]) == 3
    assert [r["Name"] for r in ranges["ContinuousParameterRanges"]] == ["learning_rate"]
    static = job["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["sagemaker_program"] == "train.py"
    bucket, _, key = static["sagemaker_submit_directory"].removeprefix("s3://").partition("/")
    with tarfile.open(fileobj=io.BytesIO(cloud("s3").get_object(Bucket=bucket, Key=key)["Body"].read())) as tar:
        assert {"train.py", "requirements.txt", "model/aws/jobs/entry.py"} <= set(tar.getnames())


@pytest.mark.parametrize("command", ["train", "tune"])
def test_a_dry_run_of_a_job_prints_what_the_sdk_would_call(floodscope: Run, nowhere: None, command: str) -> None:
    done = floodscope(command, *PLACED, "--recipe", "quick", "--dry-run")
    assert done.returncode == 0, done.stderr
    call = "create_training_job" if command == "train" else "create_hyper_parameter_tuning_job"
    assert done.stdout.count(f"\nsagemaker.{call}(") == 1
    assert "s3.put_object(" in done.stdout
    assert "s3.create_bucket(" not in done.stdout
    assert AWS_IMAGE in done.stdout
    for metric in METRICS:  # moto keeps others of its own in their place
        assert f'"Regex": {json.dumps(metric["Regex"])}' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--recipe", "quikc"), "did you mean quick"),
        (("--set", "learning_rat=1"), "learning_rate"),
        (("--name", "a-name-that-is-much-too-long"), "too long"),
    ],
)
def test_what_would_fail_hours_later_fails_now(
    floodscope: Run, nowhere: None, arguments: tuple[str, ...], said: str
) -> None:
    done = floodscope("train", *PLACED, *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_best_bundle_is_fetched_checked_and_on_offer(
    floodscope: Run, cloud: Client, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def little(folder: Path) -> None:  # what the code of jobs is has its own tests: two files in place of hundreds
        for name in ("train.py", "requirements.txt"):
            (folder / name).write_text("# code")

    monkeypatch.setattr("model.aws.jobs.jobs.training_code", little)
    name = floodscope("train", *PLACED, "--recipe", "quick").stdout.strip()
    artifacts = cloud("sagemaker").describe_training_job(TrainingJobName=name)["ModelArtifacts"]["S3ModelArtifacts"]
    key = artifacts.removeprefix("s3://floods/")
    package(bundle, tmp_path / "model.tar.gz")
    whole = (tmp_path / "model.tar.gz").read_bytes()
    cloud("s3").put_object(Bucket="floods", Key=key, Body=whole[:-1000])
    damaged = floodscope("best", name, "--data", tmp_path / "data")
    assert (damaged.returncode, (tmp_path / "data").exists()) == (1, False)
    assert "is not a whole .tar.gz" in damaged.stderr

    cloud("s3").put_object(Bucket="floods", Key=key, Body=whole)
    for _ in range(2):  # a second time replaces it
        done = floodscope("best", name, "--data", tmp_path / "data")
        assert done.returncode == 0, done.stderr
    folder = tmp_path / "data" / "models" / name
    assert read_bundle(folder).id == read_bundle(bundle).id
    assert f"--bundle {tmp_path / 'data' / 'models'}" in done.stdout
    assert [c.name for c in known_models([folder.parent]) if c.spec == str(folder)] == ["Test U-Net"]

    # Of a tuning job, the best training's. moto names one that does not exist: it is named after ours.
    initialise = HyperParameterTuningJob.__init__

    def named(self: HyperParameterTuningJob, *arguments: object, **options: object) -> None:
        initialise(self, *arguments, **options)  # type: ignore[arg-type]
        self.best_training_job["TrainingJobName"] = name
        self.best_training_job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] = 0.53

    monkeypatch.setattr(HyperParameterTuningJob, "__init__", named)
    tuning = floodscope("tune", *PLACED, "--recipe", "quick").stdout.strip()
    done = floodscope("best", tuning, "--data", tmp_path / "other")
    assert f"of {name}, validation IoU 0.5300" in done.stdout, done.stderr
    assert read_bundle(tmp_path / "other" / "models" / name).id == read_bundle(bundle).id


def test_a_dry_run_of_best_prints_its_calls(floodscope: Run, nowhere: None, tmp_path: Path) -> None:
    done = floodscope("best", "floods-1", "--data", tmp_path, "--dry-run")
    assert re.findall(r"^\S+(?=\()", done.stdout, re.MULTILINE) == [
        "sagemaker.describe_hyper_parameter_tuning_job",
        "sagemaker.describe_training_job",
        "s3.get_object",
    ]
    assert list(tmp_path.iterdir()) == []
