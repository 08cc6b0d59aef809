"""The HTML report of an export: map, worst chips with pictures, scores by region, water of each chip, model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np

from dashboard.report import map as chips_map
from dashboard.report.markdown import as_html
from dashboard.report.page import Cell, as_page, document, section, table
from dashboard.report.pictures import View, view_url
from model.evaluation.alert import recorded_share_error
from model.evaluation.evaluate import NO_LABEL, Evaluation
from model.evaluation.judge import Judge, crossvalidated_of
from model.evaluation.report import model_facts
from model.export.rasters import read_stored
from model.predictors.protocol import Predictor
from model.scores.histogram import Confusion
from model.scores.worst import RULE, worst_first
from model.seen.headline import marked, tally
from model.store.prediction import Prediction, WaterTotal, water_total
from model.store.store import Store
from tiles import palette
from tiles.chip import ByteArray, Chip, ChipRecord
from tiles.drawing.scenes import file_levels
from tiles.errors import ChipError, NoValidPixelError, Problem, StoreError
from tiles.probability import NODATA, level
from tiles.reading.door import read_chip
from tiles.scenes.windows import Scene, is_scene

Chosen = Sequence[tuple[ChipRecord, Prediction]]

PICTURED = 8
"""How many chips are shown with pictures."""
LISTED = 500
"""How many chips the table of water lists; scores.csv has all."""

_VIEWS: tuple[tuple[View, str], ...] = (
    ("image", "False colour (red VV, green VH, blue VV / VH)"),
    ("truth", "Truth"),
    ("prediction", "Prediction"),
    ("errors", "Errors"),
)
_STYLE = (
    chips_map.STYLE
    + """
.chip { border-top: 1px solid var(--line); padding-top: 12px; margin-top: 12px; }
.views { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(160px, 100%), 1fr)); gap: 10px; }
.views figure { margin: 0; } .views figcaption { font-size: 13px; color: var(--soft); }
.views img { width: 100%; image-rendering: pixelated; border-radius: 6px; background: var(--line); display: block; }
.key { display: flex; gap: 6px 16px; flex-wrap: wrap; font-size: 13px; color: var(--soft); }
.key b { display: inline-block; min-width: 22px; padding: 0 4px; margin-right: 6px; border-radius: 3px; text-align: center;
  font-size: 11px; color: #0b0f14; }
.card h4 { font-size: 15px; margin: 16px 0 4px; } .card { overflow-wrap: anywhere; }
.card ul { margin: 0; padding-left: 20px; color: var(--soft); }
details summary { cursor: pointer; padding: 6px 0; }
"""
)
_CLASSES = (
    ("TP", palette.HIT, "true water"),
    ("FP", palette.FALSE, "false water"),
    ("FN", palette.MISSED, "missed water"),
    ("W", palette.WATER, "predicted water"),
    ("T", palette.TRUTH, "water in the label"),
)
_LIGHT = ";color:#fff"  # letters on the one dark colour
_SWATCHES = "".join(
    f'<span><b style="background:{palette.css(colour)}{_LIGHT if letter == "T" else ""}">{letter}</b>{text}</span>'
    for letter, colour, text in _CLASSES
)
_KEY = f'<div class="key">{_SWATCHES}</div>'


def takeaway_page(
    chosen: Chosen,
    predictor: Predictor,
    store: Store,
    threshold: float,
    *,
    seen: Mapping[str, bool | None] | None = None,
    failed: Sequence[Problem] = (),
    stop: Callable[[], None] = lambda: None,
) -> str:
    """Return the report as one HTML document that opens offline; with labelled chips it has scores, else areas alone.

    Args:
        chosen: the predictions, each with its chip's record.
        predictor: the model that made them.
        store: where the rasters are.
        threshold: smallest probability that is water, in [0, 1].
        seen: whether the model was trained on a chip, by id; asked of the model where it is not given.
        failed: the chips that could not be predicted.
        stop: called before each picture; what it raises ends the report.
    """
    scored = [(r, p, score) for r, p in chosen if (score := p.scored) is not None]
    marks = Judge.of(store, predictor).judge(chosen, reading=True) if seen is None else seen
    first = [_places(chosen, threshold, marks), _pictures(chosen, store, threshold, marks, stop)]
    last = [_water(chosen, threshold), _card(predictor)]
    if not scored:
        head = _head(chosen, predictor, threshold)
        return document(
            f"Water by {predictor.name}", [head, *first, *last, _failed(failed)], figures=False, style=_STYLE
        )
    known = {record.id for record, _, _ in scored}
    skipped = [*(Problem(r.id, NO_LABEL) for r, _ in chosen if r.id not in known), *failed]
    evaluation = Evaluation(
        model_facts(predictor),
        threshold,
        "country",
        scored,
        skipped,
        recorded_share_error(predictor),
        marks,
        crossvalidated_of(predictor),
    )
    return as_page(evaluation, evaluation.report(), first=first, last=last, style=_STYLE)


def _head(chosen: Chosen, predictor: Predictor, threshold: float) -> str:
    water = water_total((p for _, p in chosen), threshold)
    areas = [p.valid_km2 for _, p in chosen if p.valid_km2 is not None]
    seen = f"{sum(areas):,.0f} km²".replace(",", "\u2009") if areas else "no area known"
    pixels = f"{sum(p.valid_pixels for _, p in chosen):,} pixels".replace(",", "\u2009")
    facts = (
        ("water", _head_water(water), f"where p ≥ {threshold:.2f}"),
        ("seen", seen, f"with data, {pixels}"),
        ("chips", str(len(chosen)), "none with a known label, so none is scored"),
    )
    shown = "".join(f"<div><dt>{n}</dt><dd>{escape(v)}<small>{escape(t)}</small></dd></div>" for n, v, t in facts)
    simulated = '<p class="warning">Simulated chips are among these.</p>' if any(r.simulated for r, _ in chosen) else ""
    return (
        f"<h1>Water by {escape(predictor.name)}</h1><p>Model {escape(predictor.model_id[:12])} on "
        f'{escape(predictor.device)}. Areas are geodesic, on the WGS84 ellipsoid.</p>{simulated}<dl class="facts">{shown}</dl>'
    )


def _head_water(water: WaterTotal) -> str:
    if water.km2 is None:
        return f"{100 * (water.share or 0.0):.1f} %"
    return f"{water.km2:,.1f} km²".replace(",", "\u2009")


def _said_water(prediction: Prediction, threshold: float) -> str:
    km2 = prediction.water_km2(threshold)
    return f"{100 * prediction.water_share(threshold):.1f} % water" if km2 is None else f"{km2:.2f} km² of water"


def _most_water(prediction: Prediction, threshold: float) -> tuple[float, float]:
    """Return what sorts chips by their water, the most first: by area, and those without a place by their share."""
    return -(prediction.water_km2(threshold) or 0.0), -prediction.water_share(threshold)


def _fixed(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _places(chosen: Chosen, threshold: float, seen: Mapping[str, bool | None]) -> str:
    dots: list[chips_map.Dot] = []
    for record, prediction in chosen:
        if record.footprint is None:
            continue
        iou = _iou(prediction, threshold)
        told = _told_iou(iou, seen.get(record.id), ".2f") or "no IoU"
        said = f"{record.id}: {told}, {_said_water(prediction, threshold)}"
        centre = record.footprint.centroid
        dots.append((centre.x if centre.x <= 180.0 else centre.x - 360.0, centre.y, said, iou))
    away = len(chosen) - len(dots)
    lacking = f" {away} chip{' has' if away == 1 else 's have'} no place on Earth, and {'is' if away == 1 else 'are'} not on it."
    if not dots:
        return section("Map", f"There is none.{lacking}", "")
    text = f"Where the chips lie. Natural Earth, public domain.{lacking if away else ''}"
    return section("Map", text, chips_map.chip_map(dots))


def _pictures(
    chosen: Chosen, store: Store, threshold: float, seen: Mapping[str, bool | None], stop: Callable[[], None]
) -> str:
    """Return the worst chips with their pictures; those with the most water where none is scored."""

    def counts(pair: tuple[ChipRecord, Prediction]) -> Confusion | None:
        found = pair[1].histogram.confusion(threshold) if pair[1].histogram is not None else None
        return found if found is not None and found.fp + found.fn else None

    worst = worst_first(chosen, counts)[:PICTURED]
    shown = worst or sorted(chosen, key=lambda pair: (*_most_water(pair[1], threshold), pair[0].id))[:PICTURED]
    blocks = []
    for record, prediction in shown:
        stop()
        try:
            chip, values, part = _looked_at(record, prediction, store, threshold)
        except (ChipError, StoreError):  # its files are gone since it was predicted; the tables still hold
            continue
        views = _VIEWS if chip.label is not None else (_VIEWS[0], _VIEWS[2])
        pictures = "".join(
            f'<figure><img alt="{escape(f"{title} of {record.id}")}" src="{view_url(chip, values, threshold, view)}">'
            f"<figcaption>{escape(title)}</figcaption></figure>"
            for view, title in views
        )
        iou = _iou(prediction, threshold)
        told = [record.country or "", record.date or "", _told_iou(iou, seen.get(record.id), ".3f")]
        told += [_said_water(prediction, threshold), part]
        blocks.append(
            f'<div class="chip"><h3>{escape(record.id)}</h3><p>{escape(" · ".join(t for t in told if t))}</p>'
            f'<div class="views">{pictures}</div></div>'
        )
    if not blocks:
        return ""
    title, text = ("Worst chips, in pictures", RULE)
    if not worst:
        title, text = ("Most water, in pictures", "The chips with the most predicted water.")
    return section(title, text, _KEY if worst else "", *blocks)


def _looked_at(
    record: ChipRecord, prediction: Prediction, store: Store, threshold: float
) -> tuple[Chip, ByteArray, str]:
    """Return what is pictured of a chip, what was predicted there, and in words which part that is, "" for all.

    Of a scene it is the one of the squares spread over it where most is wrong, or without a label most is water.

    Raises:
        ChipError, StoreError: its files are gone, or hold nothing where they are looked at.
    """
    if not is_scene(record):
        _, values, _ = read_stored(record, prediction, store)
        return read_chip(record, with_ancillary=False), values, ""
    found: tuple[int, Chip, ByteArray] | None = None
    with store.rasters.file(prediction.raster) as path:
        levels = file_levels(path, int(NODATA))
        for chip, window in Scene(record).sampled():
            values = levels.read(0, window)[..., 0]
            wet = (values >= level(threshold)) & (values != NODATA)
            wrong = wet if chip.label is None else (wet & (chip.label == 0)) | (~wet & (chip.label == 1) & chip.valid)
            count = int(np.count_nonzero(wrong))
            if found is None or count > found[0]:  # one square is held at a time, not all of them
                found = count, chip, values
    if found is None:
        raise NoValidPixelError(f"No square of {record.id} that was looked at holds data: take one of another place.")
    _, chip, values = found
    rows, cols = chip.valid.shape
    most = "water" if chip.label is None else "wrong"
    return (
        chip,
        values,
        f"pictured are {cols} x {rows} pixels of the scene, where of the squares looked at most is {most}",
    )


def _water(chosen: Chosen, threshold: float) -> str:
    ranked = sorted(chosen, key=lambda pair: _most_water(pair[1], threshold))
    rows: list[list[Cell]] = [
        [
            record.id,
            record.country_group,
            record.date or "-",
            _fixed(p.water_km2(threshold), 3),
            _fixed(p.label_water_km2, 3),
            _fixed(p.valid_km2, 2),
            f"{100 * p.water_share(threshold):.1f}",
        ]
        for record, p in ranked[:LISTED]
    ]
    total = water_total((p for _, p in chosen), threshold).words()
    listed = f", the {LISTED} with the most water" if len(chosen) > LISTED else ""
    body = table(["chip", "country", "date", "water km²", "truth km²", "seen km²", "water %"], rows)
    return section(
        "Water",
        f"{total} where p ≥ {threshold:.2f}; areas are geodesic, on the WGS84 ellipsoid.",
        f"<details{' open' if len(rows) <= 30 else ''}><summary>Each chip{listed}</summary>{body}</details>",
    )


def _card(predictor: Predictor) -> str:
    return section("Model card", "", f'<div class="card">{as_html(predictor.card())}</div>')


def _failed(failed: Sequence[Problem]) -> str:
    if not failed:
        return ""
    return section("Not predicted", "", table(["chip", "reason"], [[one.name, one.message] for one in failed]))


def _told_iou(iou: float | None, seen: bool | None, form: str) -> str:
    """Return a chip's IoU with the mark of one that the model was trained on."""
    return "" if iou is None else marked(f"IoU {iou:{form}}", tally([seen]))


def _iou(prediction: Prediction, threshold: float) -> float | None:
    return None if prediction.histogram is None else prediction.histogram.confusion(threshold).iou
