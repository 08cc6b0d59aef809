"""floodscope sagemaker: package, deploy, status, delete, upload, train, tune, best, batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.options import (
    SOURCES,
    STORE,
    open_sources,
    open_store,
    progress_bar,
    require_usable,
    together,
)
from dashboard.commands.training import RECIPE, SHARE, WORKERS

if TYPE_CHECKING:
    from model.aws.account import Account
    from model.aws.deploy import Endpoint
    from model.aws.jobs import Job
    from model.aws.objects import S3Place
    from model.aws.waiting import Wait

ACCOUNT = together(
    click.option("--region", envvar="AWS_REGION", help="Default: that of the environment or the profile."),
    click.option("--profile", envvar="AWS_PROFILE", help="A profile of ~/.aws. Default: the default one."),
    click.option("--dry-run", is_flag=True, help="Print every call to AWS with its arguments, and make none."),
)
S3 = click.option(
    "--s3",
    "place",
    required=True,
    envvar="FLOODSCOPE_S3",
    metavar="s3://BUCKET/FOLDER",
    help="Where models, data and results lie. [$FLOODSCOPE_S3]",
)
ROLE = click.option(
    "--role",
    required=True,
    envvar="FLOODSCOPE_ROLE",
    metavar="ARN",
    help="The role that SageMaker takes on. [$FLOODSCOPE_ROLE]",
)
IMAGE = click.option(
    "--image",
    required=True,
    envvar="FLOODSCOPE_IMAGE",
    metavar="URI",
    help="The container image in ECR, made from the Dockerfile. [$FLOODSCOPE_IMAGE]",
)
WAITING = click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it is done.")
BUNDLE = click.argument("bundle", type=click.Path(path_type=Path))
TRAINING_JOB = together(
    click.option("--upload", "upload_name", default="chips", show_default=True, help="Name given to `upload`."),
    click.option("--name", default="floodscope", show_default=True, help="What the job's name begins with."),
    click.option(
        "--image",
        envvar="FLOODSCOPE_TRAINING_IMAGE",
        metavar="URI",
        help="Default: AWS's own PyTorch training image. [$FLOODSCOPE_TRAINING_IMAGE]",
    ),
    click.option(
        "--instance-type", default="ml.g5.xlarge", show_default=True, help="All its GPUs are used, data-parallel."
    ),
    click.option("--spot", is_flag=True, help="Spare capacity: cheaper, interrupted, goes on from its checkpoint."),
    click.option("--hours", default=6.0, show_default=True, type=click.FloatRange(0.1, 672), help="At most."),
    RECIPE,
    click.option("--split", default="event", show_default=True, type=click.Choice(["event", "country", "source"])),
    SHARE,
    WORKERS,
)


@click.group()
def sagemaker() -> None:
    """Train, tune, package, deploy and predict with Amazon SageMaker. See docs/sagemaker.md."""


@sagemaker.command()
@BUNDLE
@click.option("--out", default=Path("model.tar.gz"), show_default=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
def package(bundle: Path, out: Path, dry_run: bool) -> None:
    """Write BUNDLE and the code that runs it as model.tar.gz, as SageMaker's hosting unpacks it."""
    from model.aws.package import package as pack
    from model.aws.package import serving_code
    from model.bundle import read_bundle

    if dry_run:
        found = read_bundle(bundle)
        for name in ("model.json", *(m.file for m in found.members), *(f"code/{n}" for n, _ in serving_code())):
            click.echo(name)
        click.echo(f"would be written to {out}; no call to AWS is part of it", err=True)
        return
    found = pack(bundle, out)
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB with {found.name} ({found.id[:12]}) and its code")


@sagemaker.command()
@BUNDLE
@click.option("--name", default="floodscope", show_default=True, help="Of the endpoint.")
@click.option("--real-time", "mode", flag_value="real-time", default=True, help="Instances that wait. The default.")
@click.option("--serverless", "mode", flag_value="serverless", help="Billed by the request, up to 4 MB; none, no cost.")
@click.option("--async", "mode", flag_value="async", help="Requests and answers in S3, up to 1 GB; may scale to zero.")
@click.option("--instance-type", default="ml.m5.xlarge", show_default=True, help="Not for --serverless.")
@click.option("--min-instances", type=click.IntRange(0, 100), help="Default: 1, of --async 0.")
@click.option("--max-instances", type=click.IntRange(1, 100), help="More than the least: it scales with its load.")
@click.option("--memory", default=4096, show_default=True, type=int, help="MB, of --serverless: 1024 to 6144.")
@click.option("--concurrency", default=4, show_default=True, type=click.IntRange(1, 200), help="Requests at once.")
@click.option(
    "--env", "environment", multiple=True, metavar="NAME=VALUE", help="Of the container, as FLOODSCOPE_TTA=none."
)
@S3
@ROLE
@IMAGE
@WAITING
@ACCOUNT
def deploy(
    bundle: Path,
    name: str,
    mode: Any,
    instance_type: str,
    min_instances: int | None,
    max_instances: int | None,
    memory: int,
    concurrency: int,
    environment: tuple[str, ...],
    place: str,
    role: str,
    image: str,
    wait: bool,
    **account: Any,
) -> None:
    """Put BUNDLE behind an endpoint, or change the one there is. Given again, it changes nothing."""
    from model.aws.deploy import deploy as run

    least = min_instances if min_instances is not None else 0 if mode == "async" else 1
    endpoint = _endpoint(
        name=name,
        place=place,
        role=role,
        image=image,
        mode=mode,
        instance=instance_type,
        least=least,
        most=max_instances if max_instances is not None else max(1, least),
        memory_mb=memory,
        concurrency=concurrency,
        environment=_pairs(environment),
    )
    done = run(_account(**account), bundle, endpoint, _teller(account["dry_run"]), _waiting(wait))
    if not account["dry_run"]:
        click.echo(f"{done.name}: {done.status}, {done.changed}, {done.bundle.name} ({done.bundle.id[:12]})")


@sagemaker.command()
@click.argument("name", required=False)
@ACCOUNT
def status(name: str | None, **account: Any) -> None:
    """Say how endpoint NAME stands, or all endpoints that floodscope made."""
    from model.aws.endpoints import status as run

    found = run(_account(**account), name)
    for endpoint in found:
        click.echo(endpoint.line())
    if not found and not account["dry_run"]:
        click.echo("floodscope has made no endpoint here: `floodscope sagemaker deploy BUNDLE` does.", err=True)


@sagemaker.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@ACCOUNT
def delete(name: str, yes: bool, dry_run: bool, **account: Any) -> None:
    """Take away endpoint NAME with its configurations, models and scaling. What lies in S3 stays."""
    from model.aws.endpoints import delete as run
    from model.aws.endpoints import dry_answers

    if not yes and not dry_run:
        click.confirm(f"Delete the endpoint {name} and what was made for it?", abort=True, err=True)
    run(_account(**account, dry_run=dry_run, answers=dry_answers(name)), name, _teller(dry_run))


@sagemaker.command()
@SOURCES
@click.option("--name", default="chips", show_default=True, help="Of this upload, for `train --upload`.")
@S3
@ACCOUNT
def upload(sources: tuple[Path, ...], name: str, place: str, **account: Any) -> None:
    """Send the chips, labels and split lists of SOURCEs to S3, checksummed; given again, it goes on where it stopped."""
    from model.aws.upload import upload as run

    open_sources(sources)  # tells of what cannot be used
    with progress_bar("Sending", "file") as tick:
        done = run(_account(**account), sources, _data(place, name), tick)
    if not account["dry_run"]:
        click.echo(
            f"{done.place.url}: {done.files} files, {done.size / 1e6:.1f} MB; {done.sent} sent, the others were there"
        )


@sagemaker.command()
@TRAINING_JOB
@S3
@ROLE
@WAITING
@ACCOUNT
def train(wait: bool, region: str | None, profile: str | None, dry_run: bool, **job: Any) -> None:
    """Train on uploaded chips: `floodscope train` in a training job. Then: `floodscope sagemaker best JOB`."""
    from model.aws.jobs import start_training
    from model.aws.results import wait_for_job

    account = _account(region, profile, dry_run)
    name = start_training(account, _job(**job))
    if not dry_run:
        click.echo(name)
        if wait:
            wait_for_job(account, name, _wait(), _tell)


@sagemaker.command()
@click.option("--space", type=click.Path(path_type=Path), help="TOML. Default: architecture, encoder, learning rate.")
@click.option("--trials", default=20, show_default=True, type=click.IntRange(1, 500), help="Trainings in all.")
@click.option("--parallel", default=2, show_default=True, type=click.IntRange(1, 100), help="At the same time.")
@TRAINING_JOB
@S3
@ROLE
@WAITING
@ACCOUNT
def tune(
    space: Path | None,
    trials: int,
    parallel: int,
    wait: bool,
    region: str | None,
    profile: str | None,
    dry_run: bool,
    **job: Any,
) -> None:
    """Search for a better recipe in many training jobs. Then: `floodscope sagemaker best JOB`."""
    from model.aws.jobs import start_tuning
    from model.aws.results import wait_for_job

    account = _account(region, profile, dry_run)
    name = start_tuning(account, _job(**job), space, trials, parallel)
    if not dry_run:
        click.echo(name)
        if wait:
            wait_for_job(account, name, _wait(), _tell)


@sagemaker.command()
@click.argument("job")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Default: this user's data folder.")
@ACCOUNT
def best(job: str, data: Path | None, **account: Any) -> None:
    """Fetch the bundle of JOB, or of tuning job JOB's best training, check it and keep it with this user's models."""
    from dashboard.settings import default_data_folder
    from model.aws.results import MODELS, dry_answers
    from model.aws.results import best as run

    folder = data or default_data_folder()
    found = run(_account(**account, answers=dry_answers(job)), job, folder, _teller(account["dry_run"]))
    if found is not None:
        told = "" if found.objective is None else f", validation IoU {found.objective:.4f}"
        click.echo(
            f"{found.path}: {found.bundle.name} ({found.bundle.id[:12]}) of {found.job}{told}; "
            f"floodscope dashboard SOURCE --bundle {folder / MODELS}"
        )


@sagemaker.command()
@SOURCES
@click.option("--model", "bundle", required=True, type=click.Path(path_type=Path), help="The path of a model bundle.")
@click.option("--name", default="floodscope", show_default=True, help="What the job's name begins with.")
@click.option("--instance-type", default="ml.m5.xlarge", show_default=True)
@click.option("--instances", default=1, show_default=True, type=click.IntRange(1, 100))
@click.option("--force", is_flag=True, help="Predict again what is predicted already.")
@S3
@ROLE
@IMAGE
@WAITING
@STORE
@ACCOUNT
def batch(
    sources: tuple[Path, ...],
    bundle: Path,
    name: str,
    instance_type: str,
    instances: int,
    force: bool,
    place: str,
    role: str,
    image: str,
    wait: bool,
    data: Path | None,
    database: str | None,
    **account: Any,
) -> None:
    """Predict every chip of SOURCEs by a batch transform, and keep the predictions where `floodscope predict` does.

    Given again, it goes on: it waits for the job that runs, and collects what one has predicted.
    """
    from model.aws.batch import batch as run
    from model.aws.batch import summary
    from model.bundle import read_bundle

    found = open_sources(sources)
    require_usable(found)
    runner = _endpoint(name=name, place=place, role=role, image=image, instance=instance_type, most=instances)
    with open_store(data, database) as store, progress_bar("Sending") as tick:
        result = run(
            _account(**account),
            found.usable(),
            bundle,
            runner,
            store,
            wait=_waiting(wait),
            tell=_teller(account["dry_run"]),
            tick=tick,
            force=force,
        )
    for chip_id, reason in result.failed.items():
        click.echo(f"floodscope: {chip_id}: {reason}", err=True)
    if not account["dry_run"]:
        click.echo(summary(result, read_bundle(bundle, verify=False)))
        if not (result.done or result.skipped or result.running):
            raise click.exceptions.Exit(1)


def _account(
    region: str | None, profile: str | None, dry_run: bool, answers: Mapping[str, Mapping[str, Any]] | None = None
) -> Account:
    from model.aws.account import Account

    said: Callable[[str], None] | None = click.echo if dry_run else None
    return Account(region, profile, said, answers)


def _endpoint(place: str, **fields: Any) -> Endpoint:
    from model.aws.deploy import Endpoint
    from model.aws.objects import parse_s3

    return Endpoint(place=parse_s3(place), **fields)


def _data(place: str, name: str) -> S3Place:
    from model.aws.objects import parse_s3

    return parse_s3(place) / "data" / name


def _job(
    upload_name: str,
    place: str,
    instance_type: str,
    recipe: str,
    changes: tuple[str, ...],
    split: str,
    share: float,
    workers: int,
    **fields: Any,
) -> Job:
    from model.aws.jobs import Job
    from model.aws.objects import parse_s3

    return Job(
        data=_data(place, upload_name),
        place=parse_s3(place),
        instance=instance_type,
        recipe=recipe,
        changes=changes,
        options={"split": split, "share": share, "workers": workers},
        **fields,
    )


def _waiting(wait: bool) -> Wait | None:
    return _wait() if wait else None


def _wait() -> Wait:
    from model.aws.waiting import Wait

    return Wait()


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.isidentifier():
            raise click.UsageError(f"--env {text.partition('=')[0]!r} is no NAME=VALUE, as FLOODSCOPE_THRESHOLD=0.4.")
        pairs[name] = value
    return pairs


def _teller(dry_run: bool) -> Callable[[str], None]:
    """Return what tells of things as they are done; in a dry run none is."""
    return (lambda _: None) if dry_run else _tell


def _tell(text: str) -> None:
    click.echo(text, err=True)
