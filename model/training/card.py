"""What training writes beside a bundle: its card, the plot of its calibration, pictures of its best and worst chips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from model.bundle.card import PLOT, card_text
from model.bundle.manifest import Bundle
from model.scores.histogram import ScoreHistogram
from model.scores.worst import worst_first
from tiles import palette
from tiles.chip import UNKNOWN, ChipRecord
from tiles.drawing.composite import composite
from tiles.probability import NODATA, level
from tiles.reading.door import read_chip

CARD = "README.md"

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
        (folder / PLOT).write_text(reliability_svg(total), encoding="utf-8")
    (folder / CARD).write_text(card_text(bundle, (folder / PLOT).exists()), encoding="utf-8")


def reliability_svg(total: ScoreHistogram, bins: int = 10) -> str:
    """Return a reliability diagram as SVG: predicted probability against the share of water, dots by number of pixels."""
    reliability = total.reliability(bins)
    error = total.calibration_error() or 0.0
    side, left, top = 320, 56, 24

    def place(x: float, y: float) -> str:
        return f'cx="{left + side * x:.1f}" cy="{top + side * (1 - y):.1f}"'

    most = max(1, int(reliability.pixels.max()))
    dots = [
        f'<circle {place(x, y)} r="{3 + 9 * (n / most) ** 0.5:.1f}" fill="{palette.BLUE}" fill-opacity="0.8">'
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
    errors[known & predicted & (label == 1)] = palette.HIT
    errors[known & predicted & (label == 0)] = palette.FALSE
    errors[known & ~predicted & (label == 1)] = palette.MISSED
    gap = np.full((label.shape[0], _GAP, 3), 255, np.uint8)
    return np.concatenate([image, gap, truth, gap, shown, gap, errors], axis=1)
