"""What the user says of files that do not say it themselves: unit, bands, and the meaning of label values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from tiles.errors import UsageError

Units = Literal["db", "power", "amplitude"]
UNITS: tuple[Units, ...] = get_args(Units)

Truth = Literal["dry", "water", "unknown"]
TRUTHS: tuple[Truth, ...] = get_args(Truth)

_MOST_BANDS = 64


@dataclass(frozen=True)
class Answers:
    """Answers to the door's questions; they hold for every chip that they are given with.

    Attributes:
        units: what VV and VH are: dB, linear power or amplitude (the root of power).
        bands: what each band of a file of several bands is, "VV", "VH" or "-" for one that is left aside.
        label_values: (number, "dry", "water" or "unknown") for every number that a label may hold; NaN is a number here.
    """

    units: Units | None = None
    bands: tuple[str, ...] = ()
    label_values: tuple[tuple[float, Truth], ...] = ()

    def __bool__(self) -> bool:
        return self != Answers()

    def to_json(self) -> str | None:
        """Return the answers as text, or None where nothing was said."""
        if not self:
            return None
        values = [[repr(value), truth] for value, truth in self.label_values]
        return json.dumps({"units": self.units, "bands": self.bands, "label_values": values})

    @classmethod
    def from_json(cls, text: str | None) -> Answers:
        """Read what `to_json` wrote.

        Raises:
            UsageError: it is something else.
        """
        if not text:
            return cls()
        try:
            raw = json.loads(text)
            values = tuple((float(value), _truth(truth)) for value, truth in raw["label_values"])
            return cls(units_of(raw["units"]), bands_of(",".join(raw["bands"])), values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(f"{text[:80]!r} is no answer to the door's questions: build the catalog again.") from error


NOTHING_SAID = Answers()
"""No answer to anything: the files speak for themselves."""


def units_of(text: str | None) -> Units | None:
    """Return the unit that a text names, or None for nothing.

    Raises:
        UsageError: it names none.
    """
    if text is None or not text.strip():
        return None
    for unit in UNITS:
        if text.strip().lower() == unit:
            return unit
    raise UsageError(f"{text[:40]!r} is no unit of backscatter: say db, power or amplitude.")


def bands_of(text: str | None) -> tuple[str, ...]:
    """Return what bands are, from a list such as "VH,VV" or "-,VV,VH".

    Raises:
        UsageError: it does not name VV and VH once each.
    """
    if text is None or not text.strip():
        return ()
    names = tuple(part.strip().upper() or "-" for part in text.split(","))
    if sorted(name for name in names if name != "-") != ["VH", "VV"] or len(names) > _MOST_BANDS:
        raise UsageError(
            f"{text[:80]!r} does not say which band is VV and which is VH: name each band once in their order, as VH,VV or "
            "-,VV,VH (- for a band that is left aside)."
        )
    return names


def label_values_of(text: str | None) -> tuple[tuple[float, Truth], ...]:
    """Return what label numbers mean, from a list such as "water=255,dry=0,unknown=127".

    Raises:
        UsageError: a part is no pair, a number is given twice, or water or dry is missing.
    """
    if text is None or not text.strip():
        return ()
    found: dict[str, tuple[float, Truth]] = {}
    for part in text.split(","):
        name, separator, number = (piece.strip() for piece in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            separator = ""
        if not separator:
            raise UsageError(
                f"{part.strip()[:40]!r} is no pair of a class and a number: write water=255,dry=0,unknown=127."
            )
        if repr(value) in found:
            raise UsageError(f"The number {number} is named twice: say once what it means.")
        found[repr(value)] = (value, _truth(name))
    for needed in ("water", "dry"):
        if needed not in {truth for _, truth in found.values()}:
            raise UsageError(f"{text[:80]!r} does not say which number is {needed}: write water=255,dry=0,unknown=127.")
    return tuple(found.values())


def answers_of(said: Mapping[str, str]) -> Answers:
    """Return the answers in texts by name: `units`, `bands` and `label_values`; other names are left alone.

    Raises:
        UsageError: one of them is no answer.
    """
    return Answers(units_of(said.get("units")), bands_of(said.get("bands")), label_values_of(said.get("label_values")))


def _truth(name: str) -> Truth:
    for truth in TRUTHS:
        if name.lower() == truth:
            return truth
    raise UsageError(f"{name[:40]!r} is no class of a label: say dry, water or unknown.")


def said_text(value: float) -> str:
    """Return a label's number as a person writes it."""
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


_OPTION = re.compile(r"--(units|bands|label-values) (?!says|names)([^\s();:]+)")
_ANY_OPTION = re.compile(r"--(units|bands|label-values)")
_IN_BRACKETS = re.compile(r" \((--(?:units|bands|label-values) [^()]*)\)")
_TAIL = re.compile(r"; (?:if [^;.()]{1,80}, )?--(?:units|bands|label-values) [^;.()]*?(?= \(|[;.]|$)")


def for_choosing(text: str) -> str:
    """Return what the door says for people who choose among answers: without the options of commands that say the same."""

    def hint(brackets: re.Match[str]) -> str:
        _, _, told = brackets[1].partition("; ")
        return f" ({told})" if told else ""

    text = _TAIL.sub("", _IN_BRACKETS.sub(hint, text))
    text = text.replace("--label-values says nothing", "nothing was said")
    return _ANY_OPTION.sub(lambda option: option[1], text)


def for_requests(text: str) -> str:
    """Return what the door says for clients of a server: options of commands as parameters of a Content-Type."""
    text = _OPTION.sub(lambda option: f'{option[1].replace("-", "_")}="{option[2]}"', text)
    return _ANY_OPTION.sub(lambda option: option[1].replace("-", "_"), text)
