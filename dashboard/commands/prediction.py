"""floodscope predict, floodscope evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dashboard.commands.options import (
    DEVICE,
    MODEL,
    SOURCES,
    STORE,
    THRESHOLD,
    open_sources,
    open_store,
    progress_bar,
    report_option,
    require_usable,
    write_report,
)


@click.command()
@SOURCES
@MODEL
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Also write each chip's rasters and a table here."
)
@THRESHOLD
@click.option("--force", is_flag=True, help="Predict again what is predicted already.")
@STORE
@DEVICE
def predict(
    sources: tuple[Path, ...],
    model: str,
    out: Path | None,
    threshold: float | None,
    force: bool,
    device: str | None,
    **store_options: Any,
) -> None:
    """Predict the water of every chip of SOURCEs and keep it in the data folder, where the dashboard finds it.

    With --out: ID_probability.tif (0..254 is p * 254, 255 is no data), ID_mask.tif (0 dry, 1 water, 255 no data) and
    predictions.csv with the km2 of water.

    Chips that cannot be predicted are named on stderr and disturb no other; the exit code is 1 where nothing could be
    predicted, or stored.
    """
    from model.evaluate import predict_missing
    from model.predictors.select import open_predictor
    from model.store import key_of

    found = open_sources(sources)
    require_usable(found)
    predictor = open_predictor(model, device)
    with open_store(**store_options) as store:
        with progress_bar("Predicting") as tick:
            job = predict_missing(found.usable(), predictor, store, tick, force=force)
        for chip_id, message in job.failed.items():
            click.echo(f"floodscope: {chip_id}: {message}", err=True)
        stored = store.fresh(found.usable(), key_of(predictor))
        limit = predictor.threshold if threshold is None else threshold
        if out is not None:
            from model.export import write_predictions

            write_predictions(out, [(found.get(i), p) for i, p in stored.items()], store, limit)
        progress = job.snapshot()
        unusable = sum(1 for record in found.records() if record.problem)
        km2 = sum(p.water_km2(limit) for p in stored.values())
        click.echo(
            f"{progress.done} predicted, {progress.skipped} were there, {progress.failed + unusable} failed; "
            f"{km2:.1f} km² of water at p >= {limit:.2f} under {predictor.name} on {predictor.device}"
            + (f"; written to {out}" if out else "")
        )
        if not stored or progress.cancelled:  # cancelled: nothing could be stored any more
            raise click.exceptions.Exit(1)


@click.command()
@SOURCES
@MODEL
@THRESHOLD
@click.option("--by", default="country", show_default=True, type=click.Choice(["country", "event", "chip", "split"]))
@report_option("--json", "the report as JSON")
@report_option("--csv", "the chips' counts as CSV")
@STORE
@DEVICE
def evaluate(
    sources: tuple[Path, ...],
    model: str,
    threshold: float | None,
    by: str,
    json_file: Path | None,
    csv_file: Path | None,
    device: str | None,
    **store_options: Any,
) -> None:
    """Score a model against the labels of SOURCEs: micro IoU, by group with 95 % intervals, and every chip."""
    from model.evaluate import NO_LABEL
    from model.evaluate import evaluate as score
    from model.predictors.select import open_predictor
    from tiles.errors import SourceError

    found = open_sources(sources)
    require_usable(found)
    if not any(r.has_label for r in found.usable()):
        raise SourceError(
            "No chip has a label, so there is nothing to score: use `floodscope predict`, or give labelled chips."
        )
    predictor = open_predictor(model, device)
    with open_store(**store_options) as store, progress_bar("Predicting") as tick:
        report = score(found.records(), predictor, store, threshold=threshold, by=by, tick=tick).report()  # type: ignore[arg-type]
    told = {chip_id for chip_id, _ in found.problems()}
    for skipped in report["skipped"]:
        if found.get(skipped["id"]).has_imagery and skipped["id"] not in told and skipped["reason"] != NO_LABEL:
            click.echo(f"floodscope: {skipped['id']}: {skipped['reason']}", err=True)
    from dashboard.report import as_csv, as_json, as_table

    if json_file is not None:
        write_report(json_file, as_json(report))
    if csv_file is not None:
        write_report(csv_file, as_csv(report))
    if json_file is None and csv_file is None:
        click.echo(as_table(report))
