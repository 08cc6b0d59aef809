"""Training and tuning jobs, by the SageMaker SDK 3: the only part of floodscope that imports it, and only when it runs."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.aws.account.account import Account
from model.aws.account.objects import S3Place
from model.aws.account.refusals import explained
from model.aws.endpoint.deploy import check_role
from model.aws.endpoint.package import training_code
from model.aws.jobs.metrics import METRICS, OBJECTIVE
from model.training.recipe import load_recipe
from tiles.errors import FloodscopeError, ModelError, UsageError

if TYPE_CHECKING:
    from model.training.tune import Choice

IMAGE = ("2.10", "py313")
"""The newest PyTorch training image of AWS that the SDK knows, and its Python."""

_CHANNEL = "training"
# A name of the job: SageMaker takes 63 characters, a tuning job's 32, and the SDK adds the time.
_NAME = 20
_TUNED = {"architecture", "encoder", "learning_rate"}
_HOUR = 3600


@dataclass(frozen=True)
class Job:
    """What a training runs on.

    Attributes:
        data: where `floodscope sagemaker upload` put the chips.
        place: where code, checkpoints and results go.
        role: ARN of the role that SageMaker takes on.
        image: of the container; None takes AWS's own PyTorch image.
        instance: type of the instance; all its GPUs are used.
        spot: take spare capacity, cheaper and interrupted; training goes on from its checkpoint.
        hours: at most, of training.
        name: what the job's name begins with.
        recipe: a preset's name or a .toml file.
        changes: "field=value" each.
        options: further options of `floodscope train`, as {"split": "event"}.
    """

    data: S3Place
    place: S3Place
    role: str
    image: str | None = None
    instance: str = "ml.g5.xlarge"
    spot: bool = False
    hours: float = 6.0
    name: str = "floodscope"
    recipe: str = "floodscope"
    changes: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise UsageError or ModelError where the job would fail hours later."""
        check_role(self.role)
        load_recipe(self.recipe, self.changes)
        if len(self.name) > _NAME:
            raise UsageError(
                f"The name {self.name!r} is too long, since the time is added: give up to {_NAME} letters."
            )

    def hyperparameters(self) -> dict[str, object]:
        """Return what the entry point is told. A dot cannot be part of a variable's name: two underscores stand for it."""
        file = self.recipe.endswith(".toml")
        values: dict[str, object] = {"recipe": "recipe.toml" if file else self.recipe, **self.options}
        for change in self.changes:
            name, _, text = change.partition("=")
            values[name.strip().replace(".", "__")] = text.strip()
        return values


def start_training(account: Account, job: Job) -> str:
    """Start a training job, and return its name.

    Raises:
        UsageError, ModelError: the job is not what SageMaker or the recipe takes.
        CloudError: AWS refused.
    """
    job.check()
    _require_bucket(account, job.place)
    with _trainer(account, job) as trainer, explained("starting the training job"):
        from sagemaker.core.training.configs import InputData, MetricDefinition  # noqa: PLC0415

        definitions = [MetricDefinition(name=m["Name"], regex=m["Regex"]) for m in METRICS]
        trainer.with_metric_definitions(definitions)
        channel = InputData(channel_name=_CHANNEL, data_source=job.data.url)
        trainer.train(input_data_config=[channel], wait=False, logs=False)
        name: str = trainer._latest_training_job.training_job_name  # the SDK says it nowhere else
    return name


def start_tuning(account: Account, job: Job, space: Path | None, trials: int, parallel: int) -> str:
    """Start a tuning job over a space, and return its name.

    Args:
        account: where.
        job: what every trial has in common.
        space: TOML as for `floodscope tune`; None searches architecture, encoder and learning rate.
        trials: trainings in all.
        parallel: at the same time.

    Raises:
        UsageError, ModelError: the job or the space is not what SageMaker or the recipe takes.
        CloudError: AWS refused.
    """
    job.check()
    choices = _space(job, space)
    _require_bucket(account, job.place)
    with _trainer(account, job) as trainer, explained("starting the tuning job"):
        from sagemaker.train.tuner import HyperparameterTuner  # noqa: PLC0415

        tuner = HyperparameterTuner(
            model_trainer=trainer,
            objective_metric_name=OBJECTIVE,
            metric_definitions=[dict(m) for m in METRICS],
            hyperparameter_ranges={c.field.replace(".", "__"): _range(c) for c in choices},
            strategy="Bayesian",
            objective_type="Maximize",
            max_jobs=trials,
            max_parallel_jobs=parallel,
            early_stopping_type="Off",  # it compares medians of epochs, and our objective is logged once
            base_tuning_job_name=job.name,
        )
        tuner.tune(inputs={_CHANNEL: job.data.url}, wait=False)
        name: str = tuner.latest_tuning_job.hyper_parameter_tuning_job_name
    return name


def _space(job: Job, path: Path | None) -> list[Choice]:
    """Return what is searched. An architecture that cannot be built is told here, not by jobs that are paid for."""
    from model.bundle.network import build_network  # noqa: PLC0415
    from model.training.tune import read_space  # noqa: PLC0415 - the extra [train], which only tuning needs here

    recipe = load_recipe(job.recipe, job.changes)
    choices = [c for c in read_space(path) if path is not None or c.field in _TUNED]
    fields = [c.field for c in choices]
    tried = {c.field: c.values for c in choices if c.field in ("architecture", "encoder", "options")}
    if "options" in fields:  # a table is no value of a hyperparameter
        raise UsageError(
            f"The space {path} searches options, which SageMaker cannot: set them with --set, or tune here."
        )
    encoder = str(tried.get("encoder", (recipe.encoder,))[0])
    fit = []
    for architecture in tried.get("architecture", ()):
        try:
            build_network(
                str(architecture), encoder, len(recipe.channels), classes=recipe.classes, options=recipe.options
            )
        except ModelError:
            if path is not None:
                raise
        else:
            fit.append(architecture)
    return [replace(c, values=tuple(fit)) if c.field == "architecture" else c for c in choices]


def _range(choice: Choice) -> Any:
    from sagemaker.core.parameter import (  # noqa: PLC0415
        CategoricalParameter,
        ContinuousParameter,
        IntegerParameter,
    )

    scaling = "Logarithmic" if choice.log else "Auto"
    if choice.values:
        return CategoricalParameter([str(v) for v in choice.values])
    if choice.whole:
        return IntegerParameter(int(choice.low), int(choice.high), scaling_type=scaling)
    return ContinuousParameter(choice.low, choice.high, scaling_type=scaling)


@contextmanager
def _trainer(account: Account, job: Job) -> Iterator[Any]:
    """Give the SDK's ModelTrainer, whose code lies in a folder that is there as long as the block."""
    require_sdk()
    # The role is checked by IAM when the job starts; the SDK's own check needs rights that the least policy does not give.
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"
    with tempfile.TemporaryDirectory() as folder, _quiet():
        from sagemaker.core.shapes import CheckpointConfig, OutputDataConfig  # noqa: PLC0415
        from sagemaker.core.training.configs import Compute, SourceCode, StoppingCondition  # noqa: PLC0415
        from sagemaker.train import ModelTrainer  # noqa: PLC0415

        training_code(Path(folder))
        if job.recipe.endswith(".toml"):
            shutil.copyfile(job.recipe, Path(folder) / "recipe.toml")
        seconds = int(job.hours * _HOUR)
        with explained("preparing the job"):
            yield ModelTrainer(
                sagemaker_session=_session(account, job.place),
                role=job.role,
                training_image=job.image or _aws_image(account.region, job.instance),
                source_code=SourceCode(source_dir=folder, entry_script="train.py", requirements="requirements.txt"),
                compute=Compute(
                    instance_type=job.instance, instance_count=1, enable_managed_spot_training=job.spot or None
                ),
                stopping_condition=StoppingCondition(
                    max_runtime_in_seconds=seconds,
                    # Spot waits for capacity too: twice the time, then the job gives up.
                    max_wait_time_in_seconds=2 * seconds if job.spot else None,
                ),
                checkpoint_config=CheckpointConfig(s3_uri=(job.place / "checkpoints").url),
                output_data_config=OutputDataConfig(s3_output_path=(job.place / "jobs").url, compression_type="GZIP"),
                base_job_name=job.name,
                hyperparameters=job.hyperparameters(),
            )


def _session(account: Account, place: S3Place) -> Any:
    """Return the SDK's session: our clients, our bucket, no telemetry, and no configuration file of elsewhere."""
    from sagemaker.core.helper.session_helper import Session  # noqa: PLC0415

    class OurBucket(Session):  # type: ignore[misc]
        """A session that never makes a bucket: the SDK's would, where the name is misspelt."""

        def default_bucket(self) -> str:
            """Return the bucket of --s3."""
            return place.bucket

    return OurBucket(
        boto_session=account.session,
        sagemaker_client=account.client("sagemaker"),
        default_bucket=place.bucket,
        default_bucket_prefix=place.key or None,
        sagemaker_config={
            "SchemaVersion": "1.0",
            "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
        },
    )


def _aws_image(region: str, instance: str) -> str:
    from sagemaker.core import image_uris  # noqa: PLC0415

    version, python = IMAGE
    try:
        uri: str = image_uris.retrieve(
            "pytorch", region, version=version, py_version=python, instance_type=instance, image_scope="training"
        )
    except ValueError as error:
        raise UsageError(
            f"AWS has no PyTorch {version} training image for {instance} in {region} ({error}): give your own with --image."
        ) from error
    return uri


def _require_bucket(account: Account, place: S3Place) -> None:
    """Raise CloudError where the bucket is not there: told before gigabytes of SDK are imported."""
    client = account.client("s3")
    with explained(f"looking for the bucket {place.bucket}"):
        if not account.dry:
            client.list_objects_v2(Bucket=place.bucket, MaxKeys=1)


def require_sdk() -> None:
    """Raise UsageError, naming the extra, where the SDK is not installed."""
    try:
        found = importlib.util.find_spec("sagemaker.train") is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        raise UsageError(
            "Training at SageMaker needs its SDK, which is not installed: pip install 'floodscope[sagemaker]' (1 GB). "
            "Endpoints, uploads and batch transform do without it."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the SDK's advice to developers off the terminal; what fails is raised."""
    loggers = [logging.getLogger(name) for name in ("sagemaker", "sagemaker.core", "sagemaker.config")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        except (FloodscopeError, KeyboardInterrupt):
            raise
        except ValueError as error:  # pydantic's, too: a value that the SDK does not take
            raise UsageError(
                f"The SageMaker SDK does not take the job ({' '.join(str(error).split())[:300]})."
            ) from error
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
