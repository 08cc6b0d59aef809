"""floodscope evaluate --cross-validate: its options, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dashboard.commands.door import tell_notes
from dashboard.commands.options import open_sources, progress_bar, together, was_given, write_report
from dashboard.commands.training import INIT, RECIPE, WORKERS, labelled, load_plan, machine_of

CROSS_VALIDATION = together(
    click.option(
        "--cross-validate",
        type=click.Choice(["country", "event", "source"]),
        help="Score a recipe, not a model: train without one country, event or source (a folder of SOURCEs; those laid out as "
        "Sen1Floods11 or DrivenData are one), score on it, and so on for each. Takes hours.",
    ),
    click.option(
        "--folds", type=click.IntRange(2, 1000), help="With --cross-validate: leave out so many groups of them instead."
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        help="With --cross-validate: gets each fold's training. Given again, it goes on where it stopped.",
    ),
    RECIPE,
    INIT,
    WORKERS,
)
"""What goes with --cross-validate: `folds`, `out`, `recipe`, `changes`, `init`, `workers`."""

_PLURAL = {"country": "countries", "event": "events", "source": "sources"}
_OWN = {
    "folds": "--folds",
    "out": "--out",
    "recipe": "--recipe",
    "changes": "--set",
    "seed": "--seed",
    "init": "--init",
    "workers": "--workers",
}
_OTHERS = {
    "model": "--model", "threshold": "--threshold", "by": "--by", "compare": "--compare", "robustness": "--robustness",
    "alert_above": "--alert-above", "html_file": "--html", "data": "--data", "database": "--database",
}  # fmt: skip


def refuse_mixture(cross_validate: str | None) -> None:
    """Raise where options of a cross-validation stand beside those of a model's scores.

    Raises:
        click.UsageError: names the option that does not go with the others.
    """
    context = click.get_current_context()

    def given(options: dict[str, str]) -> str | None:
        return next((option for name, option in options.items() if was_given(name)), None)

    if cross_validate is None and (option := given(_OWN)) is not None:
        raise click.UsageError(f"{option} goes with --cross-validate country, event or source.")
    if cross_validate is not None and (option := given(_OTHERS)) is not None:
        raise click.UsageError(f"{option} is of a model's scores, and does not go with --cross-validate.")
    if cross_validate is not None and context.params["out"] is None:
        raise click.UsageError("--cross-validate needs --out FOLDER, where each fold's training goes.")


def run_cross_validation(
    sources: tuple[Path, ...],
    by: Any,
    *,
    folds: int | None,
    out: Path,
    recipe: str,
    changes: tuple[str, ...],
    seed: int | None,
    init: Path | None,
    workers: int,
    device: str | None,
    json_file: Path | None,
    csv_file: Path | None,
) -> None:
    """Train and score every fold, and write the report, or print its table."""
    from dashboard.report.crossvalidation import as_cross_csv, as_cross_table
    from dashboard.report.text import as_json

    plan = load_plan(recipe, changes, seed)
    records = labelled(open_sources(sources))
    from model.training.crossvalidate import REPORT, cross_validate
    from model.training.split import k_fold

    with progress_bar("Leaving out", "group") as tick:
        done = cross_validate(
            plan,
            k_fold(records, by, folds),
            out,
            init=init,
            machine=machine_of(device, 1, workers, ("csv",)),
            on_fold=lambda _, ready, total: tick(ready, total),
            by=by if folds is None else f"group of {_PLURAL[by]}",
        )
    tell_notes(done.notes)
    for name, reason in done.skipped.items():
        click.echo(f"floodscope: {name} is left out of the folds: {reason}", err=True)
    report = done.report()
    if json_file is not None:
        write_report(json_file, as_json({"recipe": plan.to_json(), "by": by, **report}))
    if csv_file is not None:
        write_report(csv_file, as_cross_csv(report))
    if json_file is None and csv_file is None:
        click.echo(as_cross_table(report, plan.name, by))
        click.echo(f"\n{out / REPORT}: for `floodscope train --split all --calibration`")
