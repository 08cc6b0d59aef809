"""floodscope sagemaker: package, deploy, status, delete; and the commands of its jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dashboard.commands.sagemaker.jobs import batch, best, train, tune, upload
from dashboard.commands.sagemaker.options import (
    ACCOUNT,
    BUNDLE,
    IMAGE,
    ROLE,
    S3,
    WAITING,
    make_endpoint,
    open_account,
    teller,
    waiting,
)


@click.group()
def sagemaker() -> None:
    """Train, tune, package, deploy and predict with Amazon SageMaker. See docs/sagemaker.md."""


for _command in (batch, best, train, tune, upload):
    sagemaker.add_command(_command)


@sagemaker.command()
@BUNDLE
@click.option("--out", default=Path("model.tar.gz"), show_default=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
def package(bundle: Path, out: Path, dry_run: bool) -> None:
    """Write BUNDLE and the code that runs it as model.tar.gz, as SageMaker's hosting unpacks it."""
    from model.aws.endpoint.package import package as pack
    from model.aws.endpoint.package import serving_code
    from model.bundle.manifest import read_bundle

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
    from model.aws.endpoint.deploy import deploy as run

    least = min_instances if min_instances is not None else 0 if mode == "async" else 1
    endpoint = make_endpoint(
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
    opened = open_account(**account)
    done = run(opened, bundle, endpoint, teller(account["dry_run"]), waiting(wait))
    if not account["dry_run"]:
        click.echo(
            f"{done.name}: {done.status}, {done.changed}, {done.bundle.name} ({done.bundle.id[:12]}); "
            f"floodscope dashboard SOURCE --model '{endpoint.spec(opened.region)}'"
        )


@sagemaker.command()
@click.argument("name", required=False)
@ACCOUNT
def status(name: str | None, **account: Any) -> None:
    """Say how endpoint NAME stands, or all endpoints that floodscope made."""
    from model.aws.endpoint.endpoints import status as run

    found = run(open_account(**account), name)
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
    from model.aws.endpoint.endpoints import delete as run
    from model.aws.endpoint.endpoints import dry_answers

    if not yes and not dry_run:
        click.confirm(f"Delete the endpoint {name} and what was made for it?", abort=True, err=True)
    run(open_account(**account, dry_run=dry_run, answers=dry_answers(name)), name, teller(dry_run))


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.isidentifier():
            raise click.UsageError(f"--env {text.partition('=')[0]!r} is no NAME=VALUE, as FLOODSCOPE_THRESHOLD=0.4.")
        pairs[name] = value
    return pairs
