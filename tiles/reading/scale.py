"""What the numbers of VV and VH are: dB, linear power, amplitude, scaled dB. Decided for both together, never silently.

What the user says comes first, then tags, then a product's way of naming, then the numbers themselves where one unit alone
fits them. What fits none is refused, what fits several is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tiles.answers import UNITS, Answers, Units
from tiles.decisions import Basis, Decision
from tiles.errors import BandError, Choice, UnitError
from tiles.reading.bands import bands_choice
from tiles.reading.units import WORDS, Numbers, Scale, to_db
from tiles.sentences import Sentence

_SAMPLE = 40_000
_CUT_OFF, _LEAST_CUT, _MEASURED = 0.05, 400, 32
"""Share of one lowest number, among so many of so many values at least, from which on it was cut off: radar measures no number
twice, and of fewer values an image was drawn."""
_USUAL_PACKINGS = frozenset({None, "x 0.1", "x 0.01", "x 0.001"})
"""Of whole numbers; any other scale and offset is told, since nothing else could show that it is wrong."""


@dataclass(frozen=True)
class _Range:
    """Bounds of the medians of VV, of VH, and of VV - VH over a chip, in dB."""

    vv: tuple[float, float]
    vh: tuple[float, float]
    difference: tuple[float, float]

    def holds(self, at: tuple[float, float]) -> bool:
        vv, vh = at
        parts = ((vv, self.vv), (vh, self.vh), (vv - vh, self.difference))
        return all(low <= value <= high for value, (low, high) in parts)


# Medians of 38 real chips and tiles in dB of four processors lie in VV -21.7..-7.7, VH -26.8..-13.8, VV - VH 4.4..14.9.
_TYPICAL = _Range((-23.0, -6.7), (-28.5, -12.7), (3.4, 16.0))
# What a chip may be: from a city to a lake whose noise was taken off. Used to tell units from each other.
_POSSIBLE = _Range((-26.0, -3.0), (-29.0, -9.5), (1.0, 18.0))
# Beyond this no chip is in dB, whatever is said of it.
_BOUNDS = _Range((-35.0, -1.0), (-45.0, -4.0), (0.3, 22.0))
# Numbers with a scale and offset are dB as nearly as whoever tagged them knew (8-bit quicklooks).
_APPROXIMATE = _Range((-35.0, -1.0), (-45.0, -4.0), (-2.5, 22.0))


def decide(vv: Numbers, vh: Numbers, valid: npt.NDArray[np.bool_], answers: Answers) -> tuple[Scale, list[Decision]]:
    """Return what the numbers of a chip's two bands are, and what was decided.

    Args:
        vv, vh: the two bands.
        valid: bool (H, W), where both may be data (`has_data`); one pixel at least.
        answers: what the user says.

    Raises:
        UnitError: no unit fits, several do, or what is said contradicts the numbers.
        BandError: VV and VH hold the same numbers, or seem to be exchanged.
    """
    step = max(1, int(np.count_nonzero(valid)) // _SAMPLE)
    pair = _Pair(vv, vh, vv.values[valid][::step].astype(np.float64), vh.values[valid][::step].astype(np.float64))
    if pair.first.size >= 16 and np.mean(pair.first == pair.second) > 0.5:
        raise BandError(
            f"{{where}} {pair.holds} the same numbers in VV and VH: give each band its own.", where=pair.where
        )
    said, basis, words = _said(vv, vh, answers)
    scale, decisions = _by_values(pair) if said is None else _as_said(pair, said, basis, words)
    return scale, [*decisions, *_lost(pair, scale)]


@dataclass(frozen=True, eq=False)
class _Pair:
    """Both bands, and a sample of their numbers where both are valid, float64 (n,) each."""

    vv: Numbers
    vh: Numbers
    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]

    @property
    def where(self) -> str:
        one, two = self.vv.where, self.vh.where
        return Sentence("{one}" if one == two else "{one} and {two}", one=one, two=two)

    @property
    def holds(self) -> str:
        return "holds" if self.vv.where == self.vh.where else "hold"

    def medians(self, scale: Scale) -> tuple[float, float]:
        """Return the medians of VV and VH in dB, if the numbers are that."""
        one, two = (to_db(values, scale) for values in (self.first, self.second))
        return float(np.median(one)), float(np.median(two))

    def found(self) -> str:
        parts = []
        for band, values in ((self.vv, self.first), (self.vh, self.second)):
            low, median, high = np.percentile(values, [1, 50, 99])
            parts.append(f"{band.name} runs from {low:.3g} to {high:.3g} (1 and 99 %), median {median:.3g}")
        return "; ".join(parts)

    def negative(self) -> tuple[float, float]:
        return float(np.mean(self.first < 0)), float(np.mean(self.second < 0))

    def bounds(self) -> _Range:
        return _APPROXIMATE if self.vv.packing or self.vh.packing else _BOUNDS

    def fits(self, scale: Scale, bounds: _Range) -> bool:
        if scale in ("power", "amplitude") and max(self.negative()) > 0.4:
            return False
        if scale.startswith("db") and min(self.negative()) < 0.5:
            return False
        return bounds.holds(self.medians(scale))


def _said(vv: Numbers, vh: Numbers, answers: Answers) -> tuple[Scale | None, Basis, str]:
    if answers.units is not None:
        return answers.units, "said", f"--units {answers.units}"
    for basis, one, two in (("tag", vv.tagged, vh.tagged), ("name", vv.named, vh.named)):
        if one is not None and two is not None and one[0] != two[0]:
            error = UnitError(
                f"VV and VH are said to be of two units ({{vv}}: {one[1]}; {{vh}}: {two[1]}): give both in one, or say "
                f"which it is (--units {one[0]} or --units {two[0]}).",
                vv=vv.where,
                vh=vh.where,
            )
            raise error.offering(_choice(one[0]), _choice(two[0]))
        found = one or two
        if found is not None:
            return found[0], basis, found[1]  # type: ignore[return-value]
    return None, "values", ""


def _choice(unit: Units) -> Choice:
    return Choice(f"It is {WORDS[unit]}", "units", unit)


def _in_db(pair: _Pair, scale: Scale) -> str:
    vv, vh = pair.medians(scale)
    return f"VV would be {vv:.1f} and VH {vh:.1f} dB in the median"


def _as_said(pair: _Pair, said: Scale, basis: Basis, words: str) -> tuple[Scale, list[Decision]]:
    tens = _tens(pair) if said == "db" else None
    if tens is not None:
        return tens, [_told(pair, tens, basis, words)]
    if pair.fits(said, pair.bounds()):
        return said, [_told(pair, said, basis, words)]
    others = [unit for unit in UNITS if unit != said and pair.fits(unit, pair.bounds())]
    if basis == "name" and others == ["db"]:  # power and amplitude have no negative numbers: dB alone fits
        text = (
            f"{words[0].upper()}{words[1:]}, which is in {WORDS[said]}, but its numbers are negative as dB alone are: they "
            "are read as dB"
        )
        return "db", [Decision("unit", text, "values", told=True)]
    _refuse_exchanged(pair, said)
    hint = (
        f"say what it is (--units {others[0]})" if len(others) == 1 else "look at how it was made, or take the original"
    )
    error = UnitError(
        f"{{where}} {pair.holds} no {WORDS[said]}, though {words}: {_in_db(pair, said)}, which no chip has ({pair.found()}); "
        f"{hint}.",
        where=pair.where,
    )
    raise error.offering(_choice(others[0])) if len(others) == 1 else error


def _told(pair: _Pair, scale: Scale, basis: Basis, words: str) -> Decision:
    """Return the decision that the numbers are what they are said to be; odd ones and rare tags are told."""
    text = f"VV and VH are {WORDS[scale]}" + ("" if scale == "db" else ", converted to dB")
    if words and basis != "said":
        text += f": {words}"
    odd = not _TYPICAL.holds(pair.medians(scale))
    if odd:
        text += _oddity(pair, scale)
    packed = [f"{band.name} {band.packing}" for band in (pair.vv, pair.vh) if band.packing]
    if packed:
        text += f"; the stored numbers are unpacked as the file says ({', '.join(packed)})"
    unusual = any(band.packing not in _USUAL_PACKINGS for band in (pair.vv, pair.vh))
    return Decision(
        "unit", text, basis, told=odd or unusual or (basis in ("name", "values", "assumed") and scale != "db")
    )


def _lost(pair: _Pair, scale: Scale) -> list[Decision]:
    """Return what is told of numbers that were rounded to whole dB, or cut off at a lowest one: what was darker is lost."""
    told = []
    if scale == "db" and pair.vv.integer and pair.vh.integer:
        told.append("VV and VH are rounded to whole dB, so water near a threshold may be lost: take the original")
    for band, values in ((pair.vv, pair.first), (pair.vh, pair.second)):
        lowest, different = values.min(), np.unique(values).size
        share, level = float(np.mean(values == lowest)), float(to_db(lowest[np.newaxis], scale)[0])
        if values.size >= _LEAST_CUT and different >= _MEASURED and share > _CUT_OFF and np.isfinite(level):
            told.append(
                f"{band.name} seems to be cut off at {level:.1f} dB, its lowest value, which {100 * share:.0f} % of the image "
                "hold: what was darker cannot be told from it"
            )
    return [Decision("unit", text, "values", told=True) for text in told]


def _oddity(pair: _Pair, scale: Scale) -> str:
    vv, vh = pair.medians(scale)
    return (
        f"; their medians, VV {vv:.1f} and VH {vh:.1f} dB, are unusual (VV lies mostly in -23..-7, VH in -28..-13, VV 3 to 16 dB "
        "above VH): check that the unit is right"
    )


def _tens(pair: _Pair) -> Scale | None:
    """Return dB times 10 or 100 where the numbers are whole, unscaled, and fit one of them."""
    if not (pair.vv.integer and pair.vh.integer):
        return None
    scales: tuple[Scale, ...] = ("db100", "db10")
    return next((scale for scale in scales if pair.fits(scale, _BOUNDS)), None)


def _by_values(pair: _Pair) -> tuple[Scale, list[Decision]]:
    lower, upper = sorted(pair.negative())
    if lower >= 0.5:
        return _negative(pair)
    if upper > 0.05 and lower < 0.5 <= upper:
        raise UnitError(
            f"{{where}} {pair.holds} one band of negative and one of positive numbers ({pair.found()}): one may be in dB and "
            "the other not; give both in dB.",
            where=pair.where,
        )
    if upper > 0.05:
        raise UnitError(
            f"{{where}} {pair.holds} numbers on both sides of 0 ({pair.found()}), as standardised values and differences "
            "of two dates do: give the backscatter itself, in dB.",
            where=pair.where,
        )
    return _positive(pair)


def _negative(pair: _Pair) -> tuple[Scale, list[Decision]]:
    tens = _tens(pair)
    if tens is not None:
        tag = ", as its tag scale_factor says" if pair.vv.tens == (10 if tens == "db10" else 100) else ""
        text = f"VV and VH are whole numbers that fit {WORDS[tens]} alone{tag}, and are divided by {tens[2:]}"
        return tens, [Decision("unit", text, "values", told=True)]
    if pair.fits("db", pair.bounds()):
        return "db", [_told(pair, "db", "values", "")]
    _refuse_exchanged(pair, "db")
    scales: tuple[Scale, ...] = ("db10", "db100")
    for scale in scales:
        if pair.fits(scale, _POSSIBLE):
            raise UnitError(
                f"{{where}} {pair.holds} numbers like {WORDS[scale]} ({pair.found()}): divide them by {scale[2:]}.",
                where=pair.where,
            )
    raise UnitError(
        f"{{where}} {pair.holds} no backscatter in dB ({pair.found()}): medians of a chip lie in -35 to -1 dB for VV and "
        "-45 to -4 dB for VH, and VV is above VH; differences, standardised and otherwise changed values are refused, give the "
        "backscatter itself.",
        where=pair.where,
    )


def _refuse_exchanged(pair: _Pair, scale: Scale) -> None:
    """Raise BandError where VV and VH, exchanged, would be right."""
    vv, vh = pair.medians(scale)
    if vv >= vh - 0.3 or not _POSSIBLE.holds((vh, vv)):
        return
    one_file = pair.vv.where == pair.vh.where
    todo = "say which band is which (--bands VH,VV)" if one_file else "exchange the names of the files"
    error = BandError(
        f"{{where}} {pair.holds} a VV ({vv:.1f} dB) that is darker than VH ({vh:.1f} dB), so they seem to be VH, VV: {todo}.",
        where=pair.where,
    )
    raise error.offering(bands_choice("VH,VV")) if one_file else error


def _positive(pair: _Pair) -> tuple[Scale, list[Decision]]:
    if pair.vv.integer or pair.vh.integer:
        raise UnitError(
            f"{{where}} {pair.holds} whole positive numbers ({pair.found()}), like digital numbers: calibrate VV and VH to "
            "sigma0 or gamma0.",
            where=pair.where,
        )
    units: tuple[tuple[Units, Units], ...] = (("power", "amplitude"), ("amplitude", "power"))
    for unit, other in units:
        if pair.fits(unit, _TYPICAL) and not pair.fits(other, _POSSIBLE):
            text = (
                f"VV and VH are taken for {WORDS[unit]}, which alone fits their numbers, and converted to dB; --units says "
                "otherwise"
            )
            return unit, [Decision("unit", text, "assumed", told=True, choices=(_choice(other),))]
    possible = [unit for unit, _ in units if pair.fits(unit, _POSSIBLE)]
    if not possible:
        for unit, _ in units:
            _refuse_exchanged(pair, unit)
    if np.percentile(pair.first, 50) > 20:
        raise UnitError(
            f"{{where}} is not in dB ({pair.found()}), like digital numbers: calibrate VV and VH to sigma0 or gamma0.",
            where=pair.where,
        )
    ask = "say which it is" if possible else "say so where it is one of these"
    error = UnitError(
        f"{{where}} {pair.holds} positive numbers, so not dB ({pair.found()}): linear power (dB is 10 * log10 of it), "
        f"amplitude (20 * log10), or values normalised to 0..1, which cannot be used; {ask} (--units power or --units "
        "amplitude), and of normalised values take the original.",
        where=pair.where,
    )
    raise error.offering(_choice("power"), _choice("amplitude"))
