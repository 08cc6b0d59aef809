"""The model card: what a bundle was trained on, how well it does where, how honest its probabilities are, and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from model.bundle.manifest import CHIPS, Bundle
from model.scores.histogram import ScoreHistogram
from model.scores.worst import worst_first
from tiles.chip import UNKNOWN, ChipRecord
from tiles.drawing.composite import composite
from tiles.probability import NODATA, level
from tiles.reading.door import read_chip

CARD = "README.md"
_PLOT = "calibration.svg"

# True, false and missed water, in the map's colours (assets/filters.js).
_TRUE, _FALSE, _MISSED = (29, 165, 131), (217, 80, 18), (235, 142, 220)
_WATER, _DRY, _NOTHING = (86, 180, 233), (38, 42, 48), (110, 110, 110)
_GAP = 8


def write_card(folder: Path, bundle: Bundle, total: ScoreHistogram | None) -> None:
    """Write README.md into a bundle's folder, and the calibration plot where there are validation chips.

    Args:
        folder: of the bundle.
        bundle: as it was written.
        total: the sum of the validation chips' histograms.
    """
    if total is not None:
        (folder / _PLOT).write_text(reliability_svg(total), encoding="utf-8")
    (folder / CARD).write_text(card_text(bundle, (folder / _PLOT).exists()), encoding="utf-8")


def card_text(bundle: Bundle, has_plot: bool) -> str:
    """Return the card as Markdown."""
    training = bundle.training
    recipe = training.get("recipe", {})
    parts = [
        f"# {bundle.name}",
        f"Predicts the probability of open water for each pixel of a Sentinel-1 chip (VV and VH, dB). Bundle `{bundle.id[:12]}`, "
        f"licence {bundle.licence or 'not stated'}.",
        "## Network",
        f"{_members_text(bundle)}, channels {', '.join(bundle.channels)}, "
        f"test-time augmentation {bundle.tta}, temperature {bundle.temperature:g}, threshold {bundle.threshold:g}. "
        f"Normalisation: `{bundle.normalisation.to_json()}`.",
        "## Data",
        _data_text("Trained on", training.get("train", {})),
        _data_text("Validated on", training.get("validation", {})),
        f"Split: {training.get('split', 'not recorded')}. Unknown label pixels and pixels without data are left out "
        "everywhere.",
        f"`{CHIPS}` names all of these chips by their content, place and date: floodscope counts no score on them as a measure "
        "of this model."
        if bundle.chips
        else "It does not name these chips by their content, so scores on them cannot be told from others.",
        f"Recipe `{recipe.get('name', '?')}`: loss {recipe.get('loss')}, {recipe.get('crop')} px crops, batch "
        f"{recipe.get('batch')}, learning rate {recipe.get('learning_rate')}, best epoch {training.get('best_epoch')}, seed "
        f"{recipe.get('seed')}.",
    ]
    if training.get("teacher"):
        parts.append(
            f"It learned the probabilities of the bundle `{training['teacher'][:12]}`, with a weight of "
            f"{recipe.get('truth_share')} for labels where there were any."
        )
    for name, scores in bundle.scores.items():
        if isinstance(scores, Mapping):
            parts += [f"## Scores ({name.replace('_', ' ')})", *_score_text(scores)]
    if has_plot:
        parts += ["## Calibration", f"![Reliability diagram of the validation chips]({_PLOT})"]
    parts += [
        "## Limits",
        "- It has seen few floods. In a country that is not named above, expect the scores of its cross-validation, not "
        "those of its own validation.",
        "- Flooded vegetation and towns brighten radar instead of darkening it, and are mostly missed. Smooth sand, asphalt, "
        "radar shadow and dry lake beds look like water. Rough water misleads VV.",
        "- Labels were drawn by people on optical and radar images of nearly the same time; water that came or went "
        "between them counts as an error.",
        "- It marks water, not flood: permanent water is water too.",
    ]
    return "\n\n".join(parts) + "\n"


def _members_text(bundle: Bundle) -> str:
    networks = [m for m in bundle.members if m.kind is None]
    below = bundle.training.get("recipe", {}).get("despeckled_below_db")
    rules = [m for m in bundle.members if m.kind == "rule"]
    trees = len(bundle.members) - len(networks) - len(rules) - bool(below)
    parts = [f"{len(networks)} x {bundle.architecture} on {bundle.encoder}"] if networks else []
    if trees:
        parts.append(f"{trees} x boosted trees (LightGBM) over means and spreads around each pixel")
    if below:
        parts.append(f"a threshold, VH averaged over some pixels below {below:g} dB")
    if rules:
        parts.append(
            "the adaptive rule (despeckled VH, a guarded threshold a chip, grown regions), which learned nothing"
        )
    together = f", together by {bundle.combine}" if len(bundle.members) > 1 else ""
    return " and ".join(parts) + together


def _data_text(what: str, data: Mapping[str, Any]) -> str:
    chips = data.get("chips", [])
    simulated = data.get("simulated_chips", 0)
    if not chips and not simulated:
        return f"{what}: nothing."
    names = ", ".join(chips[:40]) + (", ..." if len(chips) > 40 else "")
    countries = ["no known country" if name in ("Unknown", "No place") else name for name in data.get("countries", [])]
    real = f"{len(chips)} real chip(s) of {', '.join(dict.fromkeys(countries))} ({names})"
    parts = [real] if chips else []
    if simulated:
        parts.append(f"{simulated} simulated chip(s)")
    return f"{what} {' and '.join(parts)}."


def _score_text(scores: Mapping[str, Any]) -> list[str]:
    out = []
    if "metric" in scores:
        out.append(f"{str(scores['metric']).capitalize()}. Threshold {scores.get('threshold')}.")
    rows = [("**all**", scores.get("micro", {})), *scores.get("countries", {}).items()]
    table = [
        "| | chips | water | IoU [95 %] | F1 | precision | recall | calibration error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows:
        if not row:
            continue
        interval = f" [{row['iou_ci'][0]:.2f}–{row['iou_ci'][1]:.2f}]" if row.get("iou_ci") else ""
        cells = [
            name, str(row.get("chips", "")), _percent(row.get("water_share")), f"{_number(row.get('iou'))}{interval}",
            *(_number(row.get(key)) for key in ("f1", "precision", "recall")), _number(row.get("calibration_error"), 3),
        ]  # fmt: skip
        table.append("| " + " | ".join(cells) + " |")
    out.append("\n".join(table))
    if scores.get("mean_over_chips_iou") is not None:
        out.append(f"Mean IoU over chips: {scores['mean_over_chips_iou']:.3f}.")
    if "note" in scores:
        out.append(str(scores["note"]))
    return out


def _number(value: Any, digits: int = 2) -> str:
    return "–" if value is None else f"{float(value):.{digits}f}"


def _percent(value: Any) -> str:
    return "–" if value is None else f"{100 * float(value):.1f} %"


def reliability_svg(total: ScoreHistogram, bins: int = 10) -> str:
    """Return a reliability diagram as SVG: predicted probability against the share of water, dots by number of pixels."""
    reliability = total.reliability(bins)
    error = total.calibration_error() or 0.0
    side, left, top = 320, 56, 24

    def place(x: float, y: float) -> str:
        return f'cx="{left + side * x:.1f}" cy="{top + side * (1 - y):.1f}"'

    most = max(1, int(reliability.pixels.max()))
    dots = [
        f'<circle {place(x, y)} r="{3 + 9 * (n / most) ** 0.5:.1f}" fill="#0072b2" fill-opacity="0.8">'
        f"<title>{int(n)} pixels: predicted {x:.2f}, water {y:.2f}</title></circle>"
        for n, x, y in zip(reliability.pixels, reliability.predicted, reliability.observed, strict=True)
        if n
    ]
    ticks = []
    for value in (0.0, 0.5, 1.0):
        ticks.append(f'<text x="{left + side * value:.0f}" y="{top + side + 20}" text-anchor="middle">{value:g}</text>')
        ticks.append(f'<text x="{left - 10}" y="{top + side * (1 - value) + 5:.0f}" text-anchor="end">{value:g}</text>')
    width, height = left + side + 24, top + side + 52
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="system-ui, sans-serif" font-size="13" fill="#334155" role="img">',
            f"<title>Reliability diagram; expected calibration error {error:.3f}</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="#f8fafc" stroke="#cbd5e1"/>',
            f'<line x1="{left}" y1="{top + side}" x2="{left + side}" y2="{top}" stroke="#94a3b8" stroke-dasharray="4 4"/>',
            *dots,
            *ticks,
            f'<text x="{left + side / 2:.0f}" y="{top + side + 42}" text-anchor="middle">predicted probability of water '
            f"(expected calibration error {error:.3f})</text>",
            f'<text transform="translate(16 {top + side / 2:.0f}) rotate(-90)" text-anchor="middle">share of water</text>',
            "</svg>",
        ]
    )


def write_overlays(
    folder: Path,
    scored: Sequence[tuple[ChipRecord, npt.NDArray[np.uint8], ScoreHistogram]],
    threshold: float,
    count: int = 3,
) -> list[Path]:
    """Write pictures of the best and the worst chips (`model.scores.worst`): image, truth, probability and errors side by side.

    Args:
        folder: gets best_1_ID.png, ..., worst_1_ID.png, ...; older ones go.
        scored: chips with their probability rasters, uint8 (H, W), and histograms.
        threshold: of the mask.
        count: how many of each; chips without an IoU are left out, and no chip is shown twice.
    """
    for old in [*folder.glob("best_*.png"), *folder.glob("worst_*.png")]:
        old.unlink()
    told = [s for s in scored if s[2].confusion(threshold).iou is not None]
    ranked = worst_first(told, lambda s: s[2].confusion(threshold))
    worst = ranked[:count]
    best = ranked[::-1][: min(count, len(ranked) - len(worst))]
    paths = []
    for name, group in (("worst", worst), ("best", best)):
        for i, (record, probability, _) in enumerate(group, start=1):
            path = folder / f"{name}_{i}_{record.id}.png"
            Image.fromarray(overlay(record, probability, threshold)).save(path, optimize=True)
            paths.append(path)
    return paths


def overlay(record: ChipRecord, probability: npt.NDArray[np.uint8], threshold: float) -> npt.NDArray[np.uint8]:
    """Return uint8 (H, 4 * W + 3 * gap, 3): image, truth, probability, errors. Grey is unknown or without data."""
    chip = read_chip(record)
    label = chip.label if chip.label is not None else np.full(chip.valid.shape, UNKNOWN, np.uint8)
    image = np.moveaxis(composite(chip)[:3], 0, -1).copy()
    image[~chip.valid] = _NOTHING
    truth = np.full((*label.shape, 3), _NOTHING, np.uint8)
    truth[label == 0], truth[label == 1] = _DRY, _WATER
    there = probability != NODATA
    grey = np.where(there, probability, 0).astype(np.uint8)
    shown = np.stack([grey] * 3, -1)
    shown[~there] = _NOTHING
    predicted = there & (probability >= level(threshold))
    errors = np.full((*label.shape, 3), _NOTHING, np.uint8)
    known = there & (label != UNKNOWN)
    errors[known] = _DRY
    errors[known & predicted & (label == 1)] = _TRUE
    errors[known & predicted & (label == 0)] = _FALSE
    errors[known & ~predicted & (label == 1)] = _MISSED
    gap = np.full((label.shape[0], _GAP, 3), 255, np.uint8)
    return np.concatenate([image, gap, truth, gap, shown, gap, errors], axis=1)
