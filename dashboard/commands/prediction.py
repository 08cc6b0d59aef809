"""floodscope predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
    tell_problems,
    together,
    write_report,
)
from dashboard.commands.values import Share

if TYPE_CHECKING:
    from model.predictors.protocol import Predictor
    from model.store.store import Prediction, Store
    from tiles.catalog.catalog import Catalog

ALERT_EXIT_CODE = 3
"""Exit code of `predict --alert-above` where at least one chip is above: neither 1 (failure) nor 2 (wrong use)."""


RASTERS = together(
    click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        help="Also write each chip's rasters and a table here.",
    ),
    click.option("--overwrite", is_flag=True, help="With --out: replace files of the same names."),
)
"""Where rasters are written beside the store: `out` and `overwrite`."""


def require_free(out: Path | None, overwrite: bool, found: Catalog) -> None:
    """Raise OutputError where rasters would replace files unasked."""
    if out is not None and not overwrite:
        from model.export.rasters import require_new

        require_new(out, (record.id for record in found.usable()))


_EACH_WINDOW = (
    "the endpoint was sent each window as an image of its own: what its model takes from all of an image, as a threshold or "
    "regions, it took from a window, so the same model on this machine answers otherwise."
)


def assumed(
    found: Catalog, stored: Mapping[str, Prediction], store: Store, predictor: Predictor
) -> Mapping[str, Sequence[str]]:
    """Tell what was assumed of predicted chips, and what a model did not see of them; return it."""
    from model.evaluation.evaluate import with_places
    from model.inference.scenes import in_windows
    from model.predictors.endpoint import EndpointPredictor

    notes = with_places((found.get(i) for i in stored), store.notes(stored.values()))
    if isinstance(predictor, EndpointPredictor):
        notes |= {i: (*notes.get(i, ()), _EACH_WINDOW) for i in stored if in_windows(found.get(i))}
    tell_notes(notes)
    return notes


@click.command()
@SOURCES
@MODEL
@RASTERS
@THRESHOLD
@click.option(
    "--alert-above",
    type=Share(),
    metavar="SHARE",
    help="Is more than SHARE of a chip, such as 5% or 0.05, under water? Answered for each chip, with its probability; the "
    f"exit code is {ALERT_EXIT_CODE} where one is.",
)
@report_option("--json", "each chip's water, its share with a 95 % interval, and the answer, as JSON")
@click.option("--force", is_flag=True, help="Predict again what is predicted already.")
@STORE
@DEVICE
def predict(
    sources: tuple[Path, ...],
    model: str,
    out: Path | None,
    threshold: float | None,
    alert_above: float | None,
    json_file: Path | None,
    overwrite: bool,
    force: bool,
    device: str | None,
    **store_options: Any,
) -> None:
    """Predict the water of every chip of SOURCEs and keep it in the data folder, where the dashboard finds it.

    With --out: ID_probability.tif (0..254 is p * 254, 255 is no data), ID_mask.tif (0 dry, 1 water, 255 no data) and
    predictions.csv with the km2 of water. Where one of these files is there, nothing is done, unless
    --overwrite is given.

    Chips that cannot be predicted are named on stderr and disturb no other. Exit codes: 0, and with --alert-above no
    predicted chip is above; 3, at least one is; 1, nothing could be predicted, or stored; 2, wrong use.
    """
    from model.evaluation.predicted import prediction_report
    from model.inference.missing import predict_missing
    from model.predictors.select import open_predictor
    from model.store.prediction import water_total
    from model.store.store import key_of
    from tiles.errors import Problem

    found = open_sources(sources)
    require_usable(found)
    require_free(out, overwrite, found)
    make_maps(found)
    predictor = open_predictor(model, device)
    with open_store(**store_options) as store:
        with progress_bar("Predicting") as tick:
            job = predict_missing(found.usable(), predictor, store, tick, force=force)
        tell_problems(job.failed.values())
        stored = store.fresh(found.usable(), key_of(predictor))
        limit = predictor.threshold if threshold is None else threshold
        chips = [(found.get(i), p) for i, p in stored.items()]
        notes = assumed(found, stored, store, predictor)
        if out is not None and chips:  # a table of nothing would stand in the way of the next try
            from model.export.rasters import write_predictions

            write_predictions(out, chips, store, limit)
        progress = job.snapshot()
        problems = [Problem(record.id, record.problem) for record in found.records() if record.problem]
        report = prediction_report(chips, predictor, limit, alert_above, [*problems, *job.failed.values()], notes)
        water = water_total(stored.values(), limit).words(digits=1)
        # Where the report goes to stdout, it is alone there.
        aside = json_file is not None and str(json_file) == "-"
        if alert_above is not None and json_file is None:
            from dashboard.report.text import as_answers

            click.echo(as_answers(report))
        click.echo(
            f"{progress.done} predicted, {progress.skipped} were there, {progress.failed + len(problems)} failed; "
            f"{water} at p >= {limit:.2f} under {predictor.name} on {predictor.device}"
            + (f"; {'written to' if chips else 'nothing to write to'} {out}" if out else ""),
            err=aside,
        )
        if alert_above is None and json_file is None:
            from dashboard.report.text import as_water

            if told := as_water(report):
                click.echo(told)
        if json_file is not None:
            from dashboard.report.text import as_json

            write_report(json_file, as_json(report))
        if not stored or progress.cancelled:  # cancelled: nothing could be stored any more
            raise click.exceptions.Exit(1)
        if report.get("alerts"):
            raise click.exceptions.Exit(ALERT_EXIT_CODE)
