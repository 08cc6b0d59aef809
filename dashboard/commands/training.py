"""floodscope train, floodscope tune."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.door import tell_notes
from dashboard.commands.options import DEVICE, SOURCES, make_maps, open_sources, progress_bar, require_usable, together

if TYPE_CHECKING:
    from model.training.fit import Machine
    from model.training.recipe import Recipe
    from tiles.catalog.catalog import Catalog
    from tiles.chip import ChipRecord

RECIPE = together(
    click.option(
        "--recipe",
        default="floodscope",
        show_default=True,
        help='"floodscope", "pretrain", "distil", "finetune", "capstone", "trees", "quick", or the path of a .toml file.',
    ),
    click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Change a field of the recipe, as learning_rate=3e-4.",
    ),
    click.option("--seed", type=click.IntRange(0), help="Of everything random. Default: the recipe's."),
)
SHARE = click.option(
    "--share", default=0.2, show_default=True, type=click.FloatRange(0.01, 0.9), help="Of the chips to validate on."
)
INIT = click.option("--init", type=click.Path(path_type=Path), help="A bundle whose weights training starts from.")
TEACHER = click.option(
    "--teacher",
    type=click.Path(path_type=Path),
    help="With --split all: a bundle whose probabilities are learned; chips need no label.",
)
WORKERS = click.option(
    "--workers", default=0, show_default=True, type=click.IntRange(0, 64), help="Processes that make batches."
)
DEVICES = click.option(
    "--devices", default=1, show_default=True, type=click.IntRange(1, 64), help="GPUs to train on, data-parallel."
)
LOGGERS = click.option(
    "--logger",
    "loggers",
    multiple=True,
    type=click.Choice(["csv", "tensorboard", "mlflow", "wandb"]),
    default=("csv", "tensorboard"),
    show_default=True,
    help="Where losses and scores are logged; may be given several times.",
)


@click.command()
@SOURCES
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Gets OUT/bundle and logs."
)
@RECIPE
@click.option(
    "--split",
    default="event",
    show_default=True,
    type=click.Choice(["event", "country", "source", "all"]),
    help="What is kept apart to validate on: whole events or countries, or what the source says; all trains on everything.",
)
@SHARE
@INIT
@TEACHER
@click.option(
    "--calibration", type=click.Path(path_type=Path), help="With --split all: crossvalidation.json of the same recipe."
)
@click.option("--from-study", type=click.Path(path_type=Path), help="Take the best recipe of a study that tune made.")
@click.option("--resume", is_flag=True, help="Go on with the training that OUT holds.")
@LOGGERS
@WORKERS
@DEVICES
@DEVICE
def train(
    sources: tuple[Path, ...],
    out: Path,
    recipe: str,
    changes: tuple[str, ...],
    seed: int | None,
    split: str,
    share: float,
    init: Path | None,
    teacher: Path | None,
    calibration: Path | None,
    from_study: Path | None,
    resume: bool,
    loggers: tuple[Any, ...],
    workers: int,
    devices: int,
    device: str | None,
) -> None:
    """Train a network on the labelled chips of SOURCEs, and write OUT/bundle: weights, model.json and a model card.

    Chips of one flood never stand on both sides. Unknown label pixels and pixels without data teach nothing. The bundle goes
    wherever a model is asked for: `floodscope evaluate SOURCE --model OUT/bundle`.
    """
    plan = load_plan(recipe, changes, seed, from_study)
    found = open_sources(sources)
    make_maps(found)
    records = labelled(found) if teacher is None else usable(found)
    from model.training.crossvalidate import read_calibration, read_calibration_chips
    from model.training.epochs import best_line, is_logging, tell_epoch
    from model.training.train import train as run
    from tiles.errors import UsageError

    if calibration is not None and split != "all":
        raise UsageError("--calibration goes with --split all: a training that validates calibrates itself.")
    if teacher is not None and split != "all":
        raise UsageError("--teacher goes with --split all: its student is evaluated when it is finished.")
    known = read_calibration(calibration) if calibration is not None else None
    done = run(
        plan,
        split_of(records, split, share, plan.seed),
        out,
        init=init,
        resume=resume,
        machine=machine_of(device, devices, workers, loggers),
        calibration=known,
        calibrated_on=read_calibration_chips(calibration) if calibration is not None else None,
        on_epoch=tell_epoch,
        teacher=teacher,
    )
    best = best_line(done.fitted[0].history)
    if best is not None and is_logging():
        click.echo(best, err=True)
    for chip_id, reason in done.fitted[0].refused.items():
        click.echo(f"floodscope: {chip_id} is left out: {reason}", err=True)
    tell_notes(done.notes)
    scores = done.bundle.scores.get("validation", {}).get("micro", {})
    told = (
        f"; validation micro IoU {scores['iou']:.3f} on {scores['chips']} chip(s)"
        if scores.get("iou") is not None
        else ""
    )
    click.echo(
        f"{done.path}: trained on {len(done.fitted[0].train)} chip(s){told}; threshold {done.bundle.threshold:.2f}, "
        f"temperature {done.bundle.temperature:.2f}"
    )


def load_plan(recipe: str, changes: tuple[str, ...], seed: int | None, study: Path | None = None) -> Recipe:
    """Return the recipe that the options name.

    Raises:
        ModelError: there is no such recipe or study, or its file is wrong.
        UsageError: `changes` are wrong.
    """
    from model.training.recipe import change_recipe, load_recipe, parse_changes
    from tiles.errors import ModelError, UsageError

    if study is None:
        plan = load_recipe(recipe)
    else:
        from model.training.tune import best_recipe

        plan = best_recipe(study)
    try:
        return change_recipe(plan, parse_changes(changes) | ({} if seed is None else {"seed": seed}))
    except ModelError as error:
        raise UsageError(f"--set: {error}") from error


def usable(catalog: Catalog) -> list[ChipRecord]:
    """Return the chips with imagery, or raise where there is none."""
    require_usable(catalog)
    return list(catalog.usable())


def labelled(catalog: Catalog) -> list[ChipRecord]:
    """Return the chips that can teach, or raise where there is none."""
    from tiles.errors import SourceError

    require_usable(catalog)
    records = [record for record in catalog.usable() if record.has_label]
    if not records:
        raise SourceError("No chip has a label, so there is nothing to learn from: give labelled chips.")
    return records


def split_of(records: list[ChipRecord], rule: str, share: float, seed: int) -> Any:
    """Return the split that the options name."""
    from model.training.split import Split, split_by_group, split_by_source

    if rule == "all":
        return Split(tuple(records), (), "all chips train, none validates")
    if rule == "source":
        return split_by_source(records)
    return split_by_group(records, rule, share, seed)  # type: ignore[arg-type]


def machine_of(device: str | None, devices: int, workers: int, loggers: tuple[Any, ...] = ()) -> Machine:
    """Return what training runs on."""
    from model.training.fit import Machine

    return Machine(accelerator=device or "auto", devices=devices, workers=workers, loggers=loggers)


@click.command("name-chips")
@click.argument("bundle", type=click.Path(path_type=Path, file_okay=False))
@SOURCES
def name_chips(bundle: Path, sources: tuple[Path, ...]) -> None:
    """Write into BUNDLE which chips of SOURCEs it was trained on, so that scores on them are told from others.

    For a bundle that an older floodscope trained; `train` does it by itself. Give every source that it was trained on, and
    those of the model that it went on from. Its id changes, so what it had predicted is predicted again.
    """
    found = open_sources(sources)
    make_maps(found)
    require_usable(found)
    from model.training.provenance import name_chips as name

    written, seen = name(bundle, found.usable())
    click.echo(f"{bundle}: names {len(seen.chips)} chip(s) that it has seen; its id is {written.id[:12]} now")


@click.command()
@SOURCES
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Gets the study, its table and its plot.",
)
@click.option(
    "--space",
    type=click.Path(path_type=Path),
    help="TOML: what is tried. Default: architecture, encoder, learning rate, loss.",
)
@click.option(
    "--trials", default=20, show_default=True, type=click.IntRange(1, 100_000), help="Finished trials in all."
)
@RECIPE
@click.option("--split", default="event", show_default=True, type=click.Choice(["event", "country", "source"]))
@SHARE
@click.option("--storage", help="A SQLAlchemy URL that several machines share. Default: SQLite in OUT.")
@WORKERS
@DEVICE
def tune(
    sources: tuple[Path, ...],
    out: Path,
    space: Path | None,
    trials: int,
    recipe: str,
    changes: tuple[str, ...],
    seed: int | None,
    split: str,
    share: float,
    storage: str | None,
    workers: int,
    device: str | None,
) -> None:
    """Search for a better recipe on the labelled chips of SOURCEs: many trainings, the hopeless ones ended early.

    A study that was stopped goes on when the command is given again. Then: `floodscope train SOURCE --from-study OUT`.
    """
    plan = load_plan(recipe, changes, seed)
    records = labelled(open_sources(sources))
    from model.training.tune import TABLE, read_space
    from model.training.tune import tune as search

    choices = read_space(space)
    with progress_bar("Trying", "trial") as tick:
        study = search(
            plan,
            choices,
            split_of(records, split, share, plan.seed),
            out,
            trials,
            storage=storage,
            machine=machine_of(device, 1, workers, ("csv",)),
            on_trial=tick,
        )
    best = study.best_trial
    told = ", ".join(f"{name} {value}" for name, value in best.params.items())
    click.echo(
        f"{out / TABLE}: the best of {len(study.trials)} trials has validation micro IoU {best.value:.3f}: {told}"
    )
