"""floodscope sagemaker upload, train, tune, best, batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.options import (
    SOURCES,
    STORE,
    bundle_path,
    given_labels,
    open_sources,
    open_store,
    progress_bar,
    require_usable,
    together,
)
from dashboard.commands.sagemaker.options import (
    ACCOUNT,
    IMAGE,
    ROLE,
    S3,
    WAITING,
    long_wait,
    make_endpoint,
    open_account,
    tell,
    teller,
    waiting,
)
from dashboard.commands.training import RECIPE, SHARE, WORKERS

if TYPE_CHECKING:
    from model.aws.account.objects import S3Place
    from model.aws.jobs.jobs import Job

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


@click.command()
@SOURCES
@click.option("--name", default="chips", show_default=True, help="Of this upload, for `train --upload`.")
@S3
@ACCOUNT
def upload(sources: tuple[Path, ...], name: str, place: str, **account: Any) -> None:
    """Send the chips, labels and split lists of SOURCEs to S3, checksummed; given again, it goes on where it stopped."""
    from model.aws.jobs.upload import upload as run

    if given_labels():
        raise click.UsageError(
            "--labels cannot be sent: put the labels beside their images, as IMAGE_label.tif, or images and labels into folders "
            "images and labels of one folder, and send that."
        )
    open_sources(sources)  # tells of what cannot be used
    with progress_bar("Sending", "file") as tick:
        done = run(open_account(**account), sources, _data(place, name), tick)
    if not account["dry_run"]:
        click.echo(
            f"{done.place.url}: {done.files} files, {done.size / 1e6:.1f} MB; {done.sent} sent, the others were there"
        )


@click.command()
@TRAINING_JOB
@S3
@ROLE
@WAITING
@ACCOUNT
def train(wait: bool, region: str | None, profile: str | None, dry_run: bool, **job: Any) -> None:
    """Train on uploaded chips: `floodscope train` in a training job. Then: `floodscope sagemaker best JOB`."""
    from model.aws.jobs.jobs import start_training
    from model.aws.jobs.results import wait_for_job

    account = open_account(region, profile, dry_run)
    name = start_training(account, _job(**job))
    if not dry_run:
        click.echo(name)
        if wait:
            wait_for_job(account, name, long_wait(), tell)


@click.command()
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
    from model.aws.jobs.jobs import start_tuning
    from model.aws.jobs.results import wait_for_job

    account = open_account(region, profile, dry_run)
    name = start_tuning(account, _job(**job), space, trials, parallel)
    if not dry_run:
        click.echo(name)
        if wait:
            wait_for_job(account, name, long_wait(), tell)


@click.command()
@click.argument("job")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Default: this user's data folder.")
@ACCOUNT
def best(job: str, data: Path | None, **account: Any) -> None:
    """Fetch the bundle of JOB, or of tuning job JOB's best training, check it and keep it with this user's models."""
    from dashboard.workspace.settings import default_data_folder
    from model.aws.jobs.results import MODELS, dry_answers
    from model.aws.jobs.results import best as run

    folder = data or default_data_folder()
    found = run(open_account(**account, answers=dry_answers(job)), job, folder, teller(account["dry_run"]))
    if found is not None:
        told = "" if found.objective is None else f", validation IoU {found.objective:.4f}"
        click.echo(
            f"{found.path}: {found.bundle.name} ({found.bundle.id[:12]}) of {found.job}{told}; "
            f"floodscope dashboard SOURCE --bundle {folder / MODELS}"
        )


@click.command()
@SOURCES
@click.option(
    "--model",
    "bundle",
    required=True,
    type=click.Path(path_type=Path),
    callback=bundle_path,
    help="The path of a model bundle.",
)
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
    from model.aws.jobs.batch import batch as run
    from model.aws.jobs.batch import summary
    from model.bundle.manifest import read_bundle

    found = open_sources(sources)
    require_usable(found)
    runner = make_endpoint(name=name, place=place, role=role, image=image, instance=instance_type, most=instances)
    with open_store(data, database) as store, progress_bar("Sending") as tick:
        result = run(
            open_account(**account),
            found.usable(),
            bundle,
            runner,
            store,
            wait=waiting(wait),
            tell=teller(account["dry_run"]),
            tick=tick,
            force=force,
        )
    for chip_id, reason in result.failed.items():
        click.echo(f"floodscope: {chip_id}: {reason}", err=True)
    if not account["dry_run"]:
        click.echo(summary(result, read_bundle(bundle, verify=False)))
        if not (result.done or result.skipped or result.running):
            raise click.exceptions.Exit(1)


def _data(place: str, name: str) -> S3Place:
    from model.aws.account.objects import parse_s3

    return parse_s3(place) / "data" / name


def _job(
    upload_name: str,
    place: str,
    instance_type: str,
    recipe: str,
    changes: tuple[str, ...],
    seed: int | None,
    split: str,
    share: float,
    workers: int,
    **fields: Any,
) -> Job:
    from model.aws.account.objects import parse_s3
    from model.aws.jobs.jobs import Job

    return Job(
        data=_data(place, upload_name),
        place=parse_s3(place),
        instance=instance_type,
        recipe=recipe,
        changes=changes if seed is None else (*changes, f"seed={seed}"),
        options={"split": split, "share": share, "workers": workers},
        **fields,
    )
