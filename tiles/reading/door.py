"""The one door: a chip's files become arrays in dB, a mask of what is valid, a label, a grid, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiles.answers import Answers
from tiles.chip import ANCILLARY, Asset, BoolArray, Chip, ChipRecord, FloatArray
from tiles.decisions import Decision
from tiles.errors import ChipError, Choice, MissingImageryError, NoValidPixelError
from tiles.reading.ancillary import ancillary_refusal, read_ancillary, told_unit
from tiles.reading.bands import named_band, two_bands
from tiles.reading.border import Fills, at_fills, border_noise, find_fills
from tiles.reading.elsewhere import laid
from tiles.reading.grids import fitted, unplaced
from tiles.reading.labels import label_refusal, read_label
from tiles.reading.pixels import Band, read_band
from tiles.reading.raster import RasterInfo, read_info
from tiles.reading.scale import decide
from tiles.reading.units import (
    Numbers,
    Scale,
    has_data,
    packing_of,
    require_number_type,
    said_by_name,
    said_by_tags,
    tens_in_tags,
    to_db,
)
from tiles.sentences import Sentence, join, shown

# No C-band backscatter lies beyond these in dB: -99, 9999 and 32767 are fill values, or damage. 27 real chips reach -58..26.
_FLOOR_DB, _CEILING_DB = -90.0, 50.0
_LACKING = 0.01
"""Share of the image that one band alone lacks without being told: edges of a few pixels are no news."""


@dataclass(frozen=True, eq=False)
class Backscatter:
    """VV and VH as every later step sees them.

    Attributes:
        vv, vh: dB, float32 (H, W), NaN where `valid` is False.
        valid: bool (H, W), where both bands hold data.
        decisions: what their numbers were taken for, and what was left out.
    """

    vv: FloatArray
    vh: FloatArray
    valid: BoolArray
    decisions: tuple[Decision, ...]


def read_chip(record: ChipRecord, *, with_label: bool = True, with_ancillary: bool = True) -> Chip:
    """Read a chip's bands, and its label, elevation and permanent water where it has them.

    A label that cannot be used does not fail the chip: `label` is None and `label_problem` says why. So it is with
    elevation and permanent water, and `ancillary_problem`.

    Raises:
        ChipError: one of its kinds, naming the file and what to do.
    """
    try:
        return _read(record, with_label, with_ancillary)
    except ChipError as error:
        error.chip = record.id
        raise


def _read(record: ChipRecord, with_label: bool, with_ancillary: bool) -> Chip:
    vv_asset, vh_asset, infos, decision = image_of(record)
    vv_band = read_band(vv_asset.path, vv_asset.band, info=infos[0])
    vh_band = read_band(vh_asset.path, vh_asset.band, info=infos[1])
    grid = vv_band.grid
    numbers = numbers_of(vv_asset, vv_band, "VV"), numbers_of(vh_asset, vh_band, "VH")
    there = has_numbers(numbers[0]), has_numbers(numbers[1])
    both = backscatter(*numbers, record.answers)
    empty = None if both.valid.any() else _emptiness((vv_asset, vv_band, there[0]), (vh_asset, vh_band, there[1]))
    decisions = (decision, *beside_numbers(record, *infos), *both.decisions)
    label, label_problem = None, record.label_problem
    choices: tuple[Choice, ...] = ()
    if with_label and record.has_label and record.label is not None:
        try:
            read = read_label(record.label, infos[0], both.vh, record.answers, record.legend)
            label, decisions = read.values, (*decisions, *read.decisions)
        except ChipError as error:
            label_problem = refusal = label_refusal(error)
            choices = error.choices
            decisions = (*decisions, Decision("truth", refusal.bare(), "values"))
    found, problem, beside = _ancillary(record, infos[0]) if with_ancillary else ({}, None, ())
    return Chip(
        record.id,
        both.vv,
        both.vh,
        both.valid,
        label,
        grid,
        label_problem,
        empty,
        **found,
        ancillary_problem=problem,
        decisions=(*decisions, *beside),
        choices=choices,
    )


def require_data(chip: Chip) -> Chip:
    """Return a chip that has a valid pixel.

    Raises:
        NoValidPixelError: it has none; says what its files hold instead.
    """
    if not chip.valid.any():
        raise NoValidPixelError(
            f"Chip {chip.id} has no valid pixel ({{what}}), so there is nothing to predict: choose another chip.",
            chip=chip.id,
            what=Sentence(chip.empty or "every VV or VH value is nodata"),
        )
    return chip


def image_of(record: ChipRecord) -> tuple[Asset, Asset, tuple[RasterInfo, RasterInfo], Decision]:
    """Return which band is VV and which VH, their files' headers, and how that was decided; no pixel is read.

    Raises:
        ChipError: the chip has no imagery that can be used, a header cannot be read, the bands are not VV and VH or of no type
            of backscatter, or they lie on two grids.
    """
    if record.problem is not None:
        raise ChipError(record.problem)
    if record.vv is None or record.vh is None:
        where = record.source or "the source folder"
        raise MissingImageryError(
            f"Chip {record.id} has no imagery on disk: put its VV and VH files into {{folder}}.", folder=where
        )
    vv, vh = record.vv, record.vh
    if vv.path == vh.path:
        info = read_info(vv.path)
        infos = info, info
        vv, vh, decision = two_bands(info, record.answers, vv.name)
    else:
        infos = read_info(vv.path), read_info(vh.path)
        vv, vh = named_band(infos[0], vv, "VV"), named_band(infos[1], vh, "VH")
        names = [shown(Path(asset.name or asset.path).name) for asset in (vv, vh)]
        decision = Decision("bands", f"{names[0]} is VV and {names[1]} is VH", "name")
    for asset, info, name in ((vv, infos[0], "VV"), (vh, infos[1], "VH")):
        info.require_whole()
        require_number_type(info, asset.band, name)
    return vv, vh, (infos[0], fitted("VH", infos[1], "VV", infos[0])), decision


def beside_numbers(record: ChipRecord, vv: RasterInfo, vh: RasterInfo) -> tuple[Decision, ...]:
    """Return what headers alone decide of an image: where it lies, and whether masks are followed."""
    return *_placed(record, vv), *_masked(vv, vh)


def has_numbers(numbers: Numbers) -> BoolArray:
    """Return where one band may hold backscatter, in any unit."""
    return has_data(numbers.values, numbers.there, numbers.integer)


def backscatter(vv: Numbers, vh: Numbers, answers: Answers) -> Backscatter:
    """Return two bands in dB: unit decided, no data and border noise left out. Every way in ends here.

    Raises:
        UnitError, BandError: it cannot be told what the numbers are, or they are no backscatter.
    """
    may_be, lacking = has_numbers(vv) & has_numbers(vh), told_lacking([(vv, vh)])
    if not may_be.any():
        return Backscatter(*_nothing(may_be), ())
    fills = find_fills([(vv.values, vh.values, may_be)])
    filled = may_be & at_fills(vv.values, vh.values, fills)
    may_be &= ~filled
    scale, decisions = decide(vv, vh, may_be, answers)
    decisions += [*told_fills(fills, filled), *lacking]
    one, two, valid = in_db(vv, vh, may_be, scale)
    if (beyond := np.count_nonzero(may_be & ~valid)) > 0:
        text = (
            f"{beyond:,} of the image's {may_be.size:,} pixels hold numbers that no radar measures (below -90 or above 50 dB), "
            "as fill values or damage do, and are left out"
        )
        decisions.append(Decision("no data", text, "values", told=True))
    fringe = border_noise(one, valid)
    if fringe.any():
        share = 100 * np.count_nonzero(fringe) / np.count_nonzero(valid)
        text = (
            f"{share:.1f} % of the image, along its edge, is border noise (VV below -40 dB) and left out: no water is "
            "measured there"
        )
        decisions.append(Decision("no data", text, "values", told=True))
        valid &= ~fringe
    one[~valid] = two[~valid] = np.nan
    return Backscatter(one, two, valid, tuple(decisions))


def _nothing(like: BoolArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    nothing = np.full(like.shape, np.nan, dtype=np.float32)
    return nothing, nothing.copy(), np.zeros_like(like)


def told_lacking(parts: Sequence[tuple[Numbers, Numbers]]) -> list[Decision]:
    """Return what is told of pixels where one band is 0, or infinite, and the other holds backscatter.

    Of power, and of dB made of it, that is dark water whose noise was subtracted as well as no data: nobody can tell, so they are
    left out.

    Args:
        parts: VV and VH of an image.
    """
    found = {"VV": 0, "VH": 0}
    together = 0
    for pair in parts:
        has = [has_numbers(band) for band in pair]
        together += int(np.count_nonzero(has[0] & has[1]))
        for band, other, its in zip(pair, reversed(pair), reversed(has), strict=True):
            with np.errstate(invalid="ignore"):
                empty = np.asarray((band.values == 0) | np.isinf(band.values))
            found[band.name] += int(np.count_nonzero(band.there & empty & its & other.there))
    told = []
    for name, count in found.items():
        if count > _LACKING * (together + count):
            share = 100 * count / (together + count)
            text = (
                f"{share:.2g} % of the image is 0 or infinite in {name} alone, and left out: no data, or water so dark that "
                "nothing was left of it when noise was subtracted"
            )
            told.append(Decision("no data", text, "values", told=True))
    return told


def told_fills(fills: Fills, filled: BoolArray) -> list[Decision]:
    """Return what is told of areas that hold one pair of numbers; `filled` says where, of all that was looked at."""
    if not fills:
        return []
    pairs = " and ".join(f"VV {one:.6g} with VH {two:.6g}" for one, two in fills)
    share = 100 * np.count_nonzero(filled) / filled.size
    text = (
        f"{share:.2g} % of the image holds {pairs}, exactly and over whole areas, as a tool fills what it has no data for and no "
        "radar measures; it is left out"
    )
    return [Decision("no data", text, "values", told=True)]


def in_db(vv: Numbers, vh: Numbers, may_be: BoolArray, scale: Scale) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return VV and VH in dB, float32 (H, W), anything where not valid, and where both hold what a radar measures."""
    one, two = to_db(vv.values, scale), to_db(vh.values, scale)
    with np.errstate(invalid="ignore"):
        measured = [np.isfinite(band) & (band > _FLOOR_DB) & (band < _CEILING_DB) for band in (one, two)]
    return one, two, np.asarray(may_be & measured[0] & measured[1])


def numbers_of(asset: Asset, band: Band, name: str) -> Numbers:
    """Return the numbers of one band, "VV" or "VH", with all that its file says of their unit."""
    info, there = band.info, band.there
    if band.nodata is not None and np.isfinite(band.nodata):
        there = there & np.asarray(band.values != band.nodata)
    packing = packing_of(info, asset.band)
    return Numbers(
        name,
        asset.path,
        band.values,
        there,
        integer="int" in info.dtypes[asset.band - 1] and packing is None,
        packing=packing,
        tagged=said_by_tags(info, asset.band),
        named=said_by_name(asset.name or asset.path),
        tens=tens_in_tags(info),
    )


def _placed(record: ChipRecord, image: RasterInfo) -> list[Decision]:
    """Return where the image lies, or why nobody knows; the record tells it wherever the chip is listed."""
    told = [text for text in (unplaced(image), record.assumed_grid) if text]
    if not told:
        beside = ", ".join(map(shown, image.place.source))
        how = "ground control points" if image.from_gcps else beside or "its geotransform"
        where = Decision("place", f"The image is in {image.grid.crs_name}, placed by {how}", "tag")
        return [where, *laid(image.tags)]
    return [Decision("place", text.removesuffix("."), "tag") for text in told]


def _masked(*images: RasterInfo) -> list[Decision]:
    """Return the decision that masks were followed, where there are any."""
    infos = {info.path: info for info in images}.values()
    how = ["a mask" if info.masked else "an alpha band" for info in infos if info.masked or info.alpha is not None]
    return [Decision("no data", f"{how[0].capitalize()} says where the image holds data", "tag")] if how else []


def _ancillary(
    record: ChipRecord, image: RasterInfo
) -> tuple[Mapping[str, FloatArray], str | None, Sequence[Decision]]:
    """Return what lies beside an image, why some of it is not used, and what was decided of each file."""
    found: dict[str, FloatArray] = {}
    problems: list[str] = []
    decisions: list[Decision] = []
    for name in ANCILLARY:
        asset: Asset | None = getattr(record, name)
        if asset is not None:
            try:
                found[name] = read_ancillary(name, asset, image)
            except ChipError as error:
                problems.append(refusal := ancillary_refusal(name, error))
                decisions.append(Decision("beside", Sentence(refusal).bare(), "values"))
            else:
                decisions.append(Decision("beside", told_unit(name, asset), "name"))
    return found, join(problems) if problems else None, decisions


def _emptiness(*bands: tuple[Asset, Band, BoolArray]) -> str:
    """Return what the bands of a chip without a valid pixel hold, in words."""
    for (asset, band, there), name in zip(bands, ("VV", "VH"), strict=True):
        if there.any():
            continue
        values: npt.NDArray[np.generic] = band.values
        first = values.flat[0]
        if not band.there.any():
            found = "masked"
        elif np.isnan(values).all():
            found = "not a number (NaN)"
        elif not np.isfinite(values).any():
            found = "infinite or not a number"
        elif (values == first).all():
            found = f"{first:g}, which is a fill value"
        else:
            found = "nodata of one kind or another"
        return Sentence(f"every {name} value of {{file}} is {found}", file=asset.path)
    return Sentence("no pixel of {file} has data in both VV and VH", file=bands[0][0].path)
