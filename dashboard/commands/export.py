"""floodscope export."""

from __future__ import annotations

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
    require_usable,
    tell_problems,
)
from dashboard.commands.values import SeveralValues
from model.export.formats import CHOICES

if TYPE_CHECKING:
    from tiles.chip import ChipRecord
    from tiles.errors import Problem

_NOT_PREDICTED = "it is not predicted yet, and --only-predicted predicts nothing: leave that out, or predict the chip."


@click.command(cls=SeveralValues)
@SOURCES
@MODEL
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder that the files are put into."
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice([*CHOICES, "all"]),
    default=("all",),
    show_default=True,
    metavar="FORMAT ...",
    help=f"What to write, one or several of: {', '.join(CHOICES)}, all.",
)
@click.option("--chip", "chips", multiple=True, metavar="ID ...", help="Only these chips. Default: all of SOURCE.")
@click.option(
    "--only-predicted",
    is_flag=True,
    help="Predict nothing: write what is predicted already, of a scene that is predicted in part that part.",
)
@THRESHOLD
@STORE
@DEVICE
def export(
    sources: tuple[Path, ...],
    model: str,
    out: Path,
    formats: tuple[str, ...],
    chips: tuple[str, ...],
    only_predicted: bool,
    threshold: float | None,
    device: str | None,
    **store_options: Any,
) -> None:
    """Write the water of SOURCEs' chips as files for other programs, predicting what is not predicted yet.

    Cloud-optimised GeoTIFFs of probability and mask, water polygons with geodesic km2, scores, a STAC collection and an
    HTML report that opens offline. Give the SOURCEs first, or end --format and --chip with another option.
    """
    from dashboard.exports.files import files_of, write_takeaway
    from dashboard.exports.parts import parts_of
    from model.evaluation.evaluate import with_places
    from model.export.listing import replace_earlier, require_own_folders, require_replaceable
    from model.inference.missing import predict_missing
    from model.predictors.select import open_predictor
    from model.store.store import key_of
    from tiles.errors import PredictionError, Problem

    require_own_folders(out)
    found = open_sources(sources)
    require_usable(found)
    make_maps(found)
    records = [found.get(chip) for chip in dict.fromkeys(chips)] if chips else found.usable()
    asked = CHOICES if "all" in formats else formats
    require_replaceable(out, files_of((r.id for r in records), asked))
    predictor = open_predictor(model, device)
    with open_store(**store_options) as store:
        tried: dict[str, Problem] = {}
        if not only_predicted:
            with progress_bar("Predicting") as tick:
                tried = predict_missing([r for r in records if r.has_imagery], predictor, store, tick).failed
        stored = store.fresh(records, key_of(predictor))
        parts = parts_of((r for r in records if r.has_imagery and r.id not in stored), predictor, store)
        if only_predicted:
            there = {*stored, *(part.record.id for part in parts)}
            tried = {r.id: Problem(r.id, _NOT_PREDICTED) for r in records if r.id not in there}
        failed = [problem for r in records if (problem := _why_not(r) or tried.get(r.id))]
        decisive = failed.pop() if failed and not stored and not parts else None
        tell_problems(failed)
        if decisive is not None:
            none = "not one chip is predicted" if only_predicted else "not one chip could be predicted"
            raise PredictionError(f"Nothing is written, since {none}. {decisive.name}: {decisive.message}")
        tell_notes(with_places((found.get(i) for i in stored), store.notes(stored.values())))
        limit = predictor.threshold if threshold is None else threshold
        with progress_bar("Writing") as tick:
            written = write_takeaway(
                out,
                [(found.get(i), p) for i, p in stored.items()],
                predictor,
                store,
                limit,
                asked,
                parts=parts,
                failed=failed,
                tick=tick,
            )
    removed, left = replace_earlier(out, written.files)
    for note in [*written.notes, *([left] if left else [])]:
        click.echo(f"floodscope: {note}", err=True)
    click.echo(
        f"{written.chips} chip(s), {written.water.words()} at p >= {limit:.2f} under {predictor.name}; "
        f"{len(written.files)} files in {out}" + (f", {removed} of an earlier export removed" if removed else "")
    )


def _why_not(record: ChipRecord) -> Problem | None:
    """Return why a chip that was asked for cannot be predicted, as far as the catalog tells."""
    from tiles.errors import Problem

    if record.problem or record.has_imagery:
        return Problem(record.id, record.problem) if record.problem else None
    where = record.source or "the source folder"
    return Problem(
        record.id, f"it has no imagery on disk: put its VV and VH files into {where}, or choose another chip."
    )
