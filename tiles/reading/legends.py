"""What the numbers of a label may mean where nobody says it: every reading that people use, the likeliest by the image first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from tiles.answers import Truth, said_text
from tiles.chip import UNKNOWN, BoolArray, FloatArray
from tiles.errors import Choice, LabelError

Reading = tuple[tuple[float, Truth], ...]
"""What each number means."""

_FILLS = (UNKNOWN, 9999, 32767, 65535, 2**31 - 1, 2**32 - 1)
_MOST_CLASSES = 8
_MOST_ASKED = 4
_HIGHEST_CLASS = 10
"""Numbers above it, beside 0 and 1, are no further classes of water: 100, 127 and 254 are what people write for unknown."""
CLEARLY_DB = 3.0
"""By so much in the median of VH, one class is darker than another."""
_FEWEST = 0.001
"""Share of the image that a class must have for its darkness to tell anything."""
_ENDS = 16
"""Numbers of a picture's two ends, as far as lossy compression moves them."""


def command(reading: Iterable[tuple[float, Truth]]) -> str:
    """Return a reading as `--label-values` takes it."""
    return ",".join(f"{truth}={said_text(value)}" for value, truth in reading)


def choice(reading: Sequence[tuple[float, Truth]]) -> Choice:
    """Return a reading as an answer that can be chosen."""
    parts: list[str] = []
    for truth in ("water", "dry", "unknown"):
        numbers = [said_text(value) for value, meaning in reading if meaning == truth]
        if numbers:
            called = ", ".join(numbers[:-1]) + (" and " if len(numbers) > 1 else "") + numbers[-1]
            verb = "" if parts else " is" if len(numbers) == 1 else " are"
            parts.append(f"{called}{verb} {truth}")
    return Choice(", ".join(parts), "label_values", command(reading))


def ask(
    strange: npt.NDArray[np.generic], values: npt.NDArray[np.generic], known: BoolArray, vh: FloatArray, path: str
) -> LabelError:
    """Return the question what a label's numbers mean, with the answers that there are.

    Args:
        strange: the numbers that no documented legend has.
        values: the label, (H, W).
        known: bool (H, W), where it holds a number that is not tagged as unknown.
        vh: the image, dB, (H, W), NaN where it has no data: water is dark in it.
        path: the label's file.
    """
    found = ", ".join(f"{v:g}" for v in np.unique(strange)[:5])
    documented = "a label is 0 dry, 1 water, -1 or 255 unknown"
    if np.any(strange != np.floor(strange)):
        why = "which are no whole numbers, like a probability"
        return LabelError(f"{{file}} holds the label value(s) {found}, {why}: {documented}.", file=path)
    numbers = np.unique(values[known]).tolist()
    if len(numbers) > 2 * _MOST_CLASSES:
        why = f"{len(numbers):,} different numbers ({found}, ...), like a picture or a measurement"
        return LabelError(f"{{file}} holds {why}: {documented}.", file=path)
    readings = possible(numbers)
    gaps = [_gap(reading, values, known, vh) for reading in readings]
    order = sorted(range(len(readings)), key=lambda i: -gaps[i])[:_MOST_ASKED]
    clear = len(order) > 1 and gaps[order[0]] > CLEARLY_DB and gaps[order[0]] > gaps[order[1]]
    hint = "; by how dark the image is there, the first" if clear else ""
    commands = " or ".join(f"--label-values {command(readings[i])}" for i in order)
    return LabelError(
        f"{{file}} holds the label value(s) {found}: {documented}; say what its numbers mean ({commands}{hint}).",
        file=path,
    ).offering(*(choice(readings[i]) for i in order))


def possible(numbers: Sequence[float]) -> list[Reading]:
    """Return what the numbers of a label, sorted, may mean.

    Negative numbers and the largest of a type are unknown. 0 dry and 1 water, with all else unknown or more of water, is the
    documented legend; 0 unknown, 1 dry, 2 water is that of JRC's water history; of land cover, one class is water. Numbers at
    both ends of 0 to 255 are a picture's.
    """
    classes = [value for value in numbers if value >= 0 and value not in _FILLS]
    found = _divided(classes)
    if picture := _of_a_picture(numbers):
        found.insert(0, picture)
    elif UNKNOWN in numbers and 1.0 not in numbers:
        found.insert(0, ([float(UNKNOWN)], classes[:1] or [0.0]))
    readings: list[Reading] = []
    for water, dry in found:
        rest = [value for value in numbers if value not in (*water, *dry)]
        pairs: list[tuple[Truth, list[float]]] = [("water", water), ("dry", dry), ("unknown", rest)]
        readings.append(tuple((value, truth) for truth, values in pairs for value in values))
    return readings


def _of_a_picture(numbers: Sequence[float]) -> tuple[list[float], list[float]] | None:
    """Return water and dry of a black and white picture that was compressed with losses: 0 and 1, 254 and 255; or None."""
    low = [value for value in numbers if 0 <= value <= _ENDS]
    high = [value for value in numbers if UNKNOWN - _ENDS <= value <= UNKNOWN]
    return (high, low) if low and len(high) > 1 and len(low) + len(high) == len(numbers) else None


def _divided(classes: list[float]) -> list[tuple[list[float], list[float]]]:
    """Return which numbers may be water and which dry."""
    further = [value for value in classes if value > 1.0]
    documented = {0.0, 1.0} <= set(classes)
    if not further or (documented and min(further) > _HIGHEST_CLASS):
        return [([1.0], [0.0])]
    if len(classes) == 1:
        return [(classes, [0.0]), ([1.0], classes)]
    if len(classes) == 2:
        low, high = classes
        return [([high], [low]), *([([low], [high])] if low else [])]
    if len(classes) == 3 and classes[0] == 0.0:
        _, low, high = classes
        return [([low], [0.0]), ([low, high], [0.0]), ([high], [low]), ([high], [0.0, low])]
    one_each = [([value], [other for other in classes if other != value]) for value in classes]
    if not documented:
        return one_each
    # 1 and more of water, of which the last is none where there are several: Kuro Siwo's 3 is unknown.
    last = [([1.0, *further[:-1]], [0.0])] if len(further) > 1 else []
    return [([1.0], [0.0]), ([1.0, *further], [0.0]), *last, *one_each]


def _gap(reading: Reading, values: npt.NDArray[np.generic], known: BoolArray, vh: FloatArray) -> float:
    """Return by how many dB dry land is brighter than water in the median of VH, were a reading right; -inf with hardly any."""
    medians = []
    for truth in ("dry", "water"):
        here = known & np.isin(values, [value for value, meaning in reading if meaning == truth])
        seen = vh[here & np.isfinite(vh)]
        if seen.size < _FEWEST * vh.size:
            return -np.inf
        medians.append(float(np.median(seen)))
    return round(medians[0] - medians[1])  # readings that differ by less are alike, and keep their order
