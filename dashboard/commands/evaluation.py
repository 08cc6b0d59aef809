"""floodscope evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.crossvalidation import CROSS_VALIDATION, refuse_mixture, run_cross_validation
from dashboard.commands.door import tell_notes
from dashboard.commands.options import (
    DEVICE,
    MODEL,
    SOURCES,
    STORE,
    THRESHOLD,
    make_maps,
    open_sources,
    open_store,
    progress_bar,
    report_option,
    require_usable,
    was_given,
    write_report,
)
from dashboard.commands.values import SeveralValues, Share

if TYPE_CHECKING:
    from model.evaluation.evaluate import Evaluation
    from model.evaluation.report import EvaluationReport
    from tiles.catalog.catalog import Catalog


@click.command(cls=SeveralValues)
@SOURCES
@MODEL
@THRESHOLD
@click.option("--by", default="country", show_default=True, type=click.Choice(["country", "event", "chip", "split"]))
@click.option(
    "--compare",
    multiple=True,
    metavar="M1 M2 ...",
    help="Score these models on the same chips, and tell how the first (or --model, where given) differs from the others. "
    "Give the SOURCEs before it.",
)
@click.option(
    "--as-prediction",
    "others",
    multiple=True,
    metavar="NAME=PATH",
    help="Water or flood that others have mapped (0 dry, 1 water), scored beside: a GeoTIFF, a folder of them, or an address.",
)
@click.option(
    "--robustness",
    is_flag=True,
    help="Predict every chip again flipped, turned, blurred, brighter, darker, noisier and with holes, and tell what that "
    "does to the IoU.",
)
@click.option(
    "--alert-above",
    default="5%",
    show_default=True,
    type=Share(),
    metavar="SHARE",
    help='How often is "more than SHARE of this chip is under water" right?',
)
@report_option("--json", "the report as JSON")
@report_option("--csv", "the chips' counts as CSV")
@report_option("--html", "the report with figures as one HTML file that opens offline")
@STORE
@DEVICE
@CROSS_VALIDATION
def evaluate(
    sources: tuple[Path, ...],
    model: str,
    threshold: float | None,
    by: str,
    compare: tuple[str, ...],
    others: tuple[str, ...],
    robustness: bool,
    alert_above: float,
    json_file: Path | None,
    csv_file: Path | None,
    html_file: Path | None,
    device: str | None,
    data: Path | None,
    database: str | None,
    cross_validate: str | None,
    **training: Any,
) -> None:
    """Score a model against the labels of SOURCEs: micro IoU, by group with 95 % intervals, and every chip.

    With --cross-validate it scores a recipe instead: how good a model of it is where it has never been.
    """
    refuse_mixture(cross_validate)
    if cross_validate is not None:
        run_cross_validation(sources, cross_validate, device=device, json_file=json_file, csv_file=csv_file, **training)
        return
    from model.evaluation.comparison import compare as compared
    from model.evaluation.evaluate import evaluate as score
    from model.evaluation.robustness import measure_robustness
    from model.predictors.select import open_predictor
    from tiles.errors import SourceError

    specs = _models(model, compare, others)
    found = open_sources(sources)
    require_usable(found)
    make_maps(found)
    if not any(r.has_label for r in found.usable()):
        raise SourceError(
            "No chip has a label, so there is nothing to score: use `floodscope predict SOURCE --out DIR`, or "
            "give labelled chips."
        )
    predictors = [open_predictor(spec, device) for spec in specs]
    with open_store(data, database) as store:
        evaluations = []
        for predictor in predictors:
            with progress_bar("Predicting") as tick:
                evaluations.append(score(found.records(), predictor, store, threshold=threshold, by=by, tick=tick))  # type: ignore[arg-type]
            _require_scores(evaluations[-1])
        first = evaluations[0]
        report = first.report(alert_above)
        if len(specs) > 1:
            report["comparison"] = compared(evaluations)
        if robustness:
            with progress_bar("Changing") as tick:
                measured = measure_robustness(first.predictions, predictors[0], store, first.threshold, tick=tick)
            report["robustness"] = measured.report()
    tell_notes(first.notes)
    _tell_skipped(found, report)
    _write(first, report, json_file, csv_file, html_file)


def _models(model: str, compare: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """Return the models to score, the one that the report is about first; what others have mapped comes last."""
    mapped = tuple(f"extent:{other}" for other in others)
    chosen = was_given("model")
    models = (model, *compare) if chosen or not compare else compare
    if compare and len(models) + len(mapped) < 2:
        raise click.UsageError("--compare needs two models: --compare M1 M2, or --model M1 --compare M2.")
    return (*models, *mapped)


def _require_scores(evaluation: Evaluation) -> None:
    """Raise where not one chip was scored, as with a bundle whose weights are damaged."""
    from model.evaluation.evaluate import NO_LABEL
    from tiles.errors import PredictionError

    if not evaluation.predictions:
        why = next((s.message for s in evaluation.skipped if s.message != NO_LABEL), "no chip has imagery and a label")
        raise PredictionError(f"Not one chip could be scored under {evaluation.model['name']}: {why}")


def _tell_skipped(found: Catalog, report: EvaluationReport) -> None:
    from model.evaluation.evaluate import NO_LABEL

    told = {problem.name for problem in found.problems()}
    changed = report["robustness"]["skipped"] if "robustness" in report else []
    for skipped in [*report["skipped"], *changed]:
        if found.get(skipped["id"]).has_imagery and skipped["id"] not in told and skipped["reason"] != NO_LABEL:
            click.echo(f"floodscope: {skipped['id']}: {skipped['reason']}", err=True)


def _write(
    evaluation: Evaluation,
    report: EvaluationReport,
    json_file: Path | None,
    csv_file: Path | None,
    html_file: Path | None,
) -> None:
    from dashboard.report.text import as_csv, as_json, as_table

    if json_file is not None:
        write_report(json_file, as_json(report))
    if csv_file is not None:
        write_report(csv_file, as_csv(report))
    if html_file is not None:
        from dashboard.report.page import as_page

        write_report(html_file, as_page(evaluation, report))
    if json_file is None and csv_file is None and html_file is None:
        click.echo(as_table(report))
