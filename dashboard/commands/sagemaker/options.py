"""Options that the commands of floodscope sagemaker share, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.options import bundle_path, together

if TYPE_CHECKING:
    from model.aws.account.account import Account
    from model.aws.account.waiting import Wait
    from model.aws.endpoint.deploy import Endpoint

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
BUNDLE = click.argument("bundle", type=click.Path(path_type=Path), callback=bundle_path)


def open_account(
    region: str | None, profile: str | None, dry_run: bool, answers: Mapping[str, Mapping[str, Any]] | None = None
) -> Account:
    """Return the account that the options name; in a dry run it prints its calls and makes none."""
    from model.aws.account.account import Account

    said: Callable[[str], None] | None = click.echo if dry_run else None
    return Account(region, profile, said, answers)


def make_endpoint(place: str, **fields: Any) -> Endpoint:
    """Return the endpoint, or what a batch runs on, that the options name."""
    from model.aws.account.objects import parse_s3
    from model.aws.endpoint.deploy import Endpoint

    return Endpoint(place=parse_s3(place), **fields)


def waiting(wait: bool) -> Wait | None:
    """Return how to wait, or None for --no-wait."""
    from model.aws.account.waiting import Wait

    return Wait() if wait else None


def long_wait() -> Wait:
    """Return how to wait for a job, which may take as long as SageMaker lets one: 28 days."""
    from model.aws.account.waiting import Wait

    return Wait(every_s=30.0, at_most_s=28 * 86_400.0)


def teller(dry_run: bool) -> Callable[[str], None]:
    """Return what tells of things as they are done; in a dry run none is."""
    return (lambda _: None) if dry_run else tell


def tell(text: str) -> None:
    """Tell a line on stderr: what is done, while it is done."""
    click.echo(text, err=True)
