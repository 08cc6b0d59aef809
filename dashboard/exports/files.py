"""What a person takes away of predictions: the model package's files, the HTML report, and a word on each file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from model.evaluation.judge import Judge, crossvalidated_of
from model.export.formats import CHOICES, FLOOD, FORMATS, PACKAGE, RASTERS, REPORT, file_of
from model.export.package import Written, write_package
from model.export.scenes import RASTER_FORMATS, PartOfScene, Tick
from model.export.stac import ITEMS
from model.predictors.protocol import Predictor
from model.seen.headline import headline_sentence, tally
from model.store.prediction import Prediction, water_total
from model.store.store import Store
from tiles.chip import ChipRecord
from tiles.errors import Problem, UsageError
from tiles.files import unwritable, write_whole
from tiles.sentences import named

README = "README.txt"


def write_takeaway(
    out: Path,
    chosen: Sequence[tuple[ChipRecord, Prediction]],
    predictor: Predictor,
    store: Store,
    threshold: float,
    formats: Collection[str],
    *,
    parts: Sequence[PartOfScene] = (),
    failed: Sequence[Problem] = (),
    tick: Tick = lambda done, total: None,
) -> Written:
    """Write predictions into a folder in the formats asked for, and a README.txt that says what each file is.

    Args:
        out: the folder; files of the same names in it are replaced, each whole or not at all.
        chosen: what to write, each with its chip's record.
        predictor: the model that made them.
        store: where the rasters are.
        threshold: smallest probability that is water, in [0, 1].
        formats: some of CHOICES.
        parts: scenes of which a part is predicted, for rasters and polygons.
        failed: the chips that could not be predicted.
        tick: told (steps done, steps in all) before each chip, strip of a scene, file and picture; what it raises ends it.

    Raises:
        OutputError: the folder cannot be written.
        StoreError: a raster is missing or damaged.
        UsageError: nothing is predicted, or a format is not known.
    """
    files = [name for name in formats if name in PACKAGE]
    unknown = [name for name in formats if name not in CHOICES]
    if unknown or not formats:
        which = f"There is no format {unknown[0][:40]!r}" if unknown else "No format was chosen"
        raise UsageError(f"{which}: choose among {', '.join(CHOICES)}.")
    if not chosen and not parts:
        raise UsageError("No chip is predicted, so there is nothing to take away: predict some first.")
    written = Written(chips=len(chosen), water=water_total((p for _, p in chosen), threshold))
    seen = Judge.of(store, predictor).judge(chosen, reading=True)
    if files:
        written = write_package(out, chosen, store, threshold, files, parts=parts, seen=seen, tick=tick)
    written.notes[:] = named(written.notes)
    failed = [replace(problem, message=named(problem.message)) for problem in failed]
    if REPORT in formats and chosen:
        from dashboard.report.takeaway import takeaway_page  # noqa: PLC0415 - plotly takes a second to import

        def picture() -> None:
            tick(len(chosen), len(chosen))

        page = takeaway_page(chosen, predictor, store, threshold, seen=seen, failed=failed, stop=picture)
        _write(out, file_of(REPORT), page, written)
    if not written.files:
        raise UsageError(
            "Of a scene that is predicted in part there are rasters and polygons alone: choose some of them too."
        )
    records = [*(record for record, _ in chosen), *(part.record for part in parts)]
    notes = ["SIMULATED chips are among these."] if any(record.simulated for record in records) else []
    notes += _on_scores(chosen, predictor, seen)
    _write(out, README, _readme(written, predictor, threshold, notes, failed), written)
    return written


def files_of(chips: Iterable[str], formats: Collection[str]) -> list[str]:
    """Return all files that an export of some chips, by their ids, may write in some of CHOICES, relative to its folder."""
    ids = list(chips)
    kinds = {name for name in RASTER_FORMATS if name in formats or "stac" in formats} | ({FLOOD} & set(formats))
    files = [README, *(file_of(name) for name in formats if name not in (*RASTER_FORMATS, FLOOD))]
    files += [f"{RASTERS}/{chip}_{kind}.tif" for chip in ids for kind in sorted(kinds)]
    return files + [f"{ITEMS}/{chip}.json" for chip in ids if "stac" in formats]


def _write(out: Path, name: str, text: str, written: Written) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / name, text.encode())
    except OSError as error:
        raise unwritable(out, error) from error
    written.files.append(name)


def _on_scores(
    chosen: Sequence[tuple[ChipRecord, Prediction]], predictor: Predictor, seen: Mapping[str, bool | None]
) -> list[str]:
    """Return what has to be known of the scores: which chips the model has seen."""
    counts = tally(seen[r.id] for r, p in chosen if p.scored is not None)
    if not sum(counts.values()):
        return []
    return [text for text in (headline_sentence(counts, predictor.name, crossvalidated_of(predictor)),) if text]


def _readme(
    written: Written, predictor: Predictor, threshold: float, notes: Sequence[str], failed: Sequence[Problem]
) -> str:
    lines = [
        f"Water in {written.chips} Sentinel-1 chip(s), predicted by {predictor.name} ({predictor.model_id[:16]}).",
        f"Water is where p >= {threshold:g}: {written.water.words(digits=4)}; areas are geodesic, on the WGS84 ellipsoid.",
        *notes,
        "",
        *(f"{one.file:26} {one.about}" for one in FORMATS if one.among(written.files)),
        *(["", *written.notes] if written.notes else []),
        *(["", "Not predicted:", *(f"{one.name}: {one.message}" for one in failed)] if failed else []),
        "",
        "Made with floodscope. The images of real chips contain modified Copernicus Sentinel data.",
    ]
    return "\n".join(lines) + "\n"
