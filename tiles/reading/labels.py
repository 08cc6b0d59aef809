"""Truth: what a label raster's numbers mean, told apart by its legend, or asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tiles.answers import Answers, Truth, said_text
from tiles.chip import LEGENDS, UNKNOWN, Asset, BoolArray, ByteArray, FloatArray
from tiles.decisions import Basis, Decision
from tiles.errors import ChipError, LabelError
from tiles.reading.grids import fitted
from tiles.reading.legends import CLEARLY_DB, ask, choice, command
from tiles.reading.pixels import Band, read_band
from tiles.reading.raster import RasterInfo, read_info
from tiles.sentences import Sentence

LABEL_REFUSED = "The label is not used: "
"""How the sentence on a label that cannot be used begins, where it does not begin with the label anyway."""

_CODES: Mapping[Truth, int] = {"dry": 0, "water": 1, "unknown": UNKNOWN}
OWN_NUMBERS: Mapping[str, tuple[tuple[float, Truth], ...]] = {
    "etci2021": ((0.0, "dry"), (255.0, "water")),
    "kurosiwo": ((0.0, "dry"), (1.0, "water"), (2.0, "water"), (3.0, "unknown")),
}
"""Legends of data sets whose numbers are not 0 dry, 1 water: they hold where a label has no others."""
_OF_255 = (choice(((255.0, "water"), (0.0, "dry"))), choice(((0.0, "dry"), (1.0, "water"), (255.0, "unknown"))))
_FEW = 100
"""So many times more 255 than 1 is no truth of little water beside much that is unknown, where 255 is as dark as water."""
_MOST_NAMED = 8
"""Numbers that an answer names as unknown at most."""

_LEAST_KNOWN = 0.01
"""Share of an image's valid pixels that a label must know at least to be a truth of it."""
_MOST_UNKNOWN_BESIDE_ONE_CLASS = 0.01


@dataclass(frozen=True, eq=False)
class Label:
    """A label as every later step sees it.

    Attributes:
        values: uint8 (H, W), 0 dry, 1 water, 255 unknown.
        decisions: what its numbers were taken for.
    """

    values: ByteArray
    decisions: tuple[Decision, ...]


def label_refusal(error: ChipError) -> Sentence:
    """Return the sentence that says why a label is not used, and that it is the label: the image may be fine."""
    text = Sentence(str(error))
    return text if text.startswith("The label ") else Sentence(LABEL_REFUSED + "{why}", why=text)


def require_label_type(path: str, count: int, dtype: str) -> None:
    """Raise LabelError unless a raster of so many bands of this type can be a label."""
    if count != 1:
        raise LabelError(
            f"{{file}} has {count} bands, like a picture: a label is one band of 0 dry, 1 water; of a black and white picture "
            "take the first band (rio stack FILE --bidx 1 --output OUT).",
            file=path,
        )
    if dtype.startswith("complex"):
        raise LabelError(f"{{file}} holds {dtype} numbers: a label is whole numbers, 0 dry, 1 water.", file=path)


def read_label(asset: Asset, image: RasterInfo, vh: FloatArray, answers: Answers, legend: str | None = None) -> Label:
    """Read a label.

    Args:
        asset: its file and band.
        image: header of the image that it belongs to.
        vh: the image, dB, (H, W), NaN where it has no data: what a label says there decides nothing.
        answers: what the user says of label values.
        legend: the data set whose documented legend holds, or None.

    Raises:
        ChipError: it cannot be read, is not on the image's grid, or it cannot be told what its numbers mean.
    """
    info = label_info(asset, image)
    return label_of(read_band(asset.path, asset.band, info=info), vh, answers, legend)


def label_info(asset: Asset, image: RasterInfo) -> RasterInfo:
    """Return the header of a label as it lies on its image; ChipError where it can be none of the image."""
    info = read_info(asset.path)
    require_label_type(asset.path, len(info.data_bands), info.dtypes[0])
    return fitted("label", info, "image", image)


def label_of(band: Band, vh: FloatArray, answers: Answers, legend: str | None) -> Label:
    """Return what a label's numbers mean, of arrays of any shape; `read_label` says the rest."""
    path, valid = band.info.path, np.isfinite(vh)
    unknown = ~band.there | ~np.isfinite(band.values)
    if answers.label_values:
        values, decisions = _as_said(band, path, answers.label_values)
    elif (own := OWN_NUMBERS.get(legend or "")) and _holds_only(band.values[~unknown], own):
        values, decisions = _as_said(band, path, own, "data set")
    else:
        values, decisions = _by_legend(band, unknown, vh, path, documented=legend in LEGENDS)
    rest = None if answers.label_values else _number_of_most(band, valid & (values == UNKNOWN))
    if not answers.label_values and legend not in LEGENDS:
        decisions = (*decisions, *_bright_water(values, vh))
    return Label(values, (*decisions, *_judged(values, valid, path, rest, said=bool(answers.label_values))))


def _as_said(
    band: Band, path: str, meanings: tuple[tuple[float, Truth], ...], basis: Basis = "said"
) -> tuple[ByteArray, tuple[Decision, ...]]:
    named = {value for value, _ in meanings}
    tagged = (
        np.asarray(band.values == band.nodata) if band.nodata not in named else np.zeros(band.values.shape, np.bool_)
    )
    label = meant(band.values, band.there & ~tagged, meanings, path)
    text = "The label's numbers are " + ", ".join(f"{said_text(value)} {truth}" for value, truth in meanings)
    return label, (Decision("truth", text, basis),)


def _holds_only(values: npt.NDArray[np.generic], legend: tuple[tuple[float, Truth], ...]) -> bool:
    return set(np.unique(values).tolist()) <= {value for value, _ in legend}


def meant(
    values: npt.NDArray[np.generic], there: BoolArray, meanings: tuple[tuple[float, Truth], ...], path: str
) -> ByteArray:
    """Return numbers of a label as 0 dry, 1 water, 255 unknown, by what each of them means.

    Raises:
        LabelError: it holds a number of which nothing is said.
    """
    label = np.full(values.shape, UNKNOWN, dtype=np.uint8)
    left = np.ones(values.shape, dtype=np.bool_)
    for value, truth in meanings:
        here = np.isnan(values) if np.isnan(value) else np.asarray(values == value)
        label[here] = _CODES[truth]
        left &= ~here
    label[~there] = UNKNOWN
    left &= there & np.isfinite(values)
    if left.any():
        others: list[tuple[float, Truth]] = [
            (value, "unknown") for value in np.unique(values[left])[:_MOST_NAMED].tolist()
        ]
        error = LabelError(
            f"{{file}} holds the label value(s) {_some(values[left])}, of which --label-values says nothing: name them "
            "too, as unknown=... where they are neither dry nor water.",
            file=path,
        )
        raise error.offering(choice((*meanings, *others)))
    return label


def _by_legend(
    band: Band, unknown: BoolArray, vh: FloatArray, path: str, *, documented: bool
) -> tuple[ByteArray, tuple[Decision, ...]]:
    """Return a label by what its values can mean: 0 dry, 1 water, and -1, 255, NaN and nodata unknown."""
    decisions: list[Decision] = []
    values, valid = band.values, np.isfinite(vh)
    tagged = band.nodata is not None and np.isfinite(band.nodata)
    if tagged and band.nodata in (0.0, 1.0):
        kind = "dry land" if band.nodata == 0.0 else "water"
        text = f"The label's nodata value is {band.nodata:g}, which is read as {kind}: else a class would be missing"
        decisions.append(Decision("truth", text, "assumed", told=True))
    elif tagged:
        unknown = unknown | (values == band.nodata)
    strange = ~unknown & (values != 0) & (values != 1) & (values != -1) & (values != UNKNOWN)
    if strange.any():
        raise ask(values[strange], values, ~unknown, vh, path)
    silent_255 = np.asarray(~unknown & (values == UNKNOWN) & valid)
    water = np.asarray(~unknown & (values == 1))
    if silent_255.any() and not documented:
        _ask_of_255(silent_255, water & valid, np.asarray(valid & ~unknown & (values == 0)), vh, path)
    label = np.full(values.shape, UNKNOWN, dtype=np.uint8)
    label[np.asarray(~unknown & (values == 0))] = 0
    label[water] = 1
    text = "The label is 0 dry, 1 water" + (", 255 or -1 unknown" if (label == UNKNOWN).any() else "")
    decisions.append(Decision("truth", text, "data set" if documented else "values"))
    if tagged and not water.any() and not documented:
        decisions += _tagged_away(band, label, vh)
    return label, tuple(decisions)


def _ask_of_255(silent: BoolArray, water: BoolArray, dry: BoolArray, vh: FloatArray, path: str) -> None:
    """Ask what 255 means where nothing says that it is unknown: where it stands in the place of 1, or is dark beside a few 1.

    Args:
        silent, water, dry: where the image has data and the label holds 255, 1 and 0.
        vh: dB.
        path: the label's file.

    Raises:
        LabelError: the question.
    """
    share = f"255 in {100 * np.count_nonzero(silent) / np.count_nonzero(np.isfinite(vh)):.0f} % of the image"
    if not water.any():
        found, picture, other = f"0 and 255 and no 1 ({share})", _OF_255[0], _OF_255[1]
    elif _FEW * np.count_nonzero(water) < np.count_nonzero(silent) and dry.any() and _darker(vh[silent], vh[dry]):
        found = f"hardly any 1 beside 0 and 255 ({share}, where VH is as dark as water)"
        picture, other = choice(((255.0, "water"), (0.0, "dry"), (1.0, "dry"))), _OF_255[1]
    else:
        return
    error = LabelError(
        f"{{file}} holds {found}, and does not tag 255 as nodata: 255 may be water, as in a picture, or unknown; say which "
        f"(--label-values {picture.value} or --label-values {other.value}).",
        file=path,
    )
    raise error.offering(picture, other)


def _darker(one: FloatArray, other: FloatArray) -> bool:
    return bool(np.median(one) < np.median(other) - CLEARLY_DB)


def _bright_water(label: ByteArray, vh: FloatArray) -> list[Decision]:
    """Return what is to be told where labelled water is brighter than dry land, as water never is: 0 and 1 may be exchanged."""
    water, dry = (vh[np.isfinite(vh) & (label == kind)] for kind in (1, 0))
    if min(water.size, dry.size) < _LEAST_KNOWN * np.count_nonzero(np.isfinite(vh)) or not water.size:
        return []
    wet, land = float(np.median(water)), float(np.median(dry))
    if wet <= land:
        return []
    text = (
        f"The label's water is brighter than its dry land (VH {wet:.1f} and {land:.1f} dB in the median), as open water hardly "
        "is; if it is 0 water and 1 dry, say so (--label-values water=0,dry=1)"
    )
    return [Decision("truth", text, "values", told=True, choices=(choice(((0.0, "water"), (1.0, "dry"))),))]


def _tagged_away(band: Band, label: ByteArray, vh: FloatArray) -> list[Decision]:
    """Return what is to be told of a label of dry land alone whose other number is tagged as nodata: it may have been water."""
    assert band.nodata is not None  # noqa: S101 - of a tagged label
    valid = np.isfinite(vh)
    rest, dry = valid & np.asarray(band.values == band.nodata), valid & (label == 0)
    if not rest.any() or not dry.any():
        return []
    number = said_text(band.nodata)
    share = 100 * np.count_nonzero(rest) / np.count_nonzero(valid)
    text = (
        f"The label has no water: {number}, in {share:.0f} % of the image, is its nodata value and read as unknown (VH "
        f"{np.median(vh[rest]):.1f} dB there, {np.median(vh[dry]):.1f} where it is dry); if {number} is water, say so "
        f"(--label-values water={number},dry=0)"
    )
    return [Decision("truth", text, "tag", told=True, choices=(choice(((band.nodata, "water"), (0.0, "dry"))),))]


def _some(values: npt.NDArray[np.generic]) -> str:
    return ", ".join(f"{v:g}" for v in np.unique(values)[:5])


def _number_of_most(band: Band, where: BoolArray) -> float | None:
    """Return the number that most of these pixels hold; None where no number stands there."""
    found = band.values[where & band.there]
    if not found.size:
        return None
    numbers, counts = np.unique(found, return_counts=True)  # NaN counts as one number
    return float(numbers[counts.argmax()])


def _judged(label: ByteArray, valid: BoolArray, path: str, rest: float | None, *, said: bool) -> list[Decision]:
    """Return what is to be told of a truth that is only half of one; raise where it is none.

    Raises:
        LabelError: it knows next to nothing of the image, or it knows water alone and leaves the rest open.
    """
    seen = int(np.count_nonzero(valid))
    dry, water = (int(np.count_nonzero(valid & (label == kind))) for kind in (0, 1))
    known = dry + water
    if not seen or not np.count_nonzero(label != UNKNOWN):
        return []  # nothing is known at all, which is told as such
    if known < _LEAST_KNOWN * seen:
        raise LabelError(
            f"{{file}} knows {known:,} of the image's {seen:,} pixels with data, less than {_LEAST_KNOWN:.0%}: it is no "
            "truth of this image; give one that covers it.",
            file=path,
        )
    if water and not dry and known < (1 - _MOST_UNKNOWN_BESIDE_ONE_CLASS) * seen and not said:
        meant_so: tuple[tuple[float, Truth], ...] = () if rest is None else ((1.0, "water"), (rest, "dry"))
        todo = f"say so (--label-values {command(meant_so)})" if meant_so else "give them the number 0"
        error = LabelError(
            f"{{file}} holds one class alone, water, and leaves the other {seen - known:,} pixels unknown, so false "
            f"alarms cannot be counted: if they are dry, {todo}.",
            file=path,
        )
        raise error.offering(choice(meant_so)) if meant_so else error
    if water and not dry:
        text = f"The label holds water alone ({known:,} pixels): precision means nothing there"
        return [Decision("truth", text, "values", told=True)]
    if dry and not water and known < 0.5 * seen:
        text = f"The label holds dry land alone, and knows {100 * known / seen:.0f} % of the image"
        return [Decision("truth", text, "values", told=True)]
    return []
