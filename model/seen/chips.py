"""The list of the chips that a model was trained and calibrated on, beside model.json, and whether a chip is among them."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
import shapely
from shapely import STRtree
from shapely.affinity import translate
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from model.bundle.fields import Fields, a_list_of, a_match, a_text, a_truth, an_object, one_of
from model.bundle.manifest import CHIPS, Bundle, read_list
from tiles.chip import ChipRecord
from tiles.content import _DIGEST, Content, alike
from tiles.errors import BundleError

Part = Literal["training", "calibration"]

SHARE = 0.1
"""A chip is seen by its place where training chips of its date cover more than this share of it together."""

_SCHEMA = 1
_MOST_CHIPS = 1_000_000
_MOST_CORNERS = 10_000
_LONGEST = 1_000_000
_HALF_TURN = 180.0
_DIGITS = 5  # of a degree: about a metre


@dataclass(frozen=True)
class SeenChip:
    """A chip that a model has seen.

    Attributes:
        id: its name at that time, for people.
        part: what for: "training", or "calibration" (an epoch, a threshold or a temperature was chosen by it).
        content: of its pixels.
        footprint: outline in WGS84; None where none was known, and of a simulated chip, which has no real place.
        date: ISO date of the image, or None where it was not known.
        simulated: whether it was simulated.
        size: its rows and columns; None in lists that were written before they were noted.
    """

    id: str
    part: Part
    content: Content
    footprint: Polygon | None = None
    date: str | None = None
    simulated: bool = False
    size: tuple[int, int] | None = None

    @classmethod
    def of(cls, record: ChipRecord, content: Content, part: Part) -> Self:
        """Return a chip of a catalog as one that was seen."""
        outline = None if record.simulated or record.footprint is None else record.footprint
        if outline is not None and not (isinstance(outline, Polygon) and outline.is_valid):
            outline = outline.convex_hull
        # Corners are enough: a footprint has points along its sides, which are straight to a metre or so.
        place = outline.simplify(10**-_DIGITS) if isinstance(outline, Polygon) else None
        place = place if isinstance(place, Polygon) else None
        size = (record.height, record.width) if record.height and record.width else None
        date = record.date[:10] if record.date else None
        return cls(record.id, part, content, place, date, record.simulated, size)

    def to_json(self) -> dict[str, object]:
        """Return it as chips.json holds it."""
        ring = None
        if self.footprint is not None:
            ring = [[round(x, _DIGITS), round(y, _DIGITS)] for x, y in self.footprint.exterior.coords[:-1]]
        return {
            "id": self.id,
            "part": self.part,
            "date": self.date,
            "simulated": self.simulated,
            **({} if self.size is None else {"size": list(self.size)}),
            "footprint": ring,
            "content": self.content.digest,
            "samples": base64.b64encode(self.content.samples).decode(),
        }


@dataclass(frozen=True)
class SeenChips:
    """The chips that a model has seen.

    Attributes:
        chips: the chips.
        complete: whether these are all. They are not where training went on from a model that does not name its own: then a
            chip that is not here may have been seen.
    """

    chips: tuple[SeenChip, ...] = ()
    complete: bool = True

    def judge(self, record: ChipRecord, content: Content | None) -> bool | None:
        """Return whether the model has seen a chip; None where that cannot be told.

        It has where the content is the same, or where training chips of its date cover more than `SHARE` of it. Where either
        has no date, the place alone counts: silence must not flatter.

        Args:
            record: the chip.
            content: of its pixels, or None where that was not computed yet.
        """
        if (content is not None and self.holds(content)) or self.covers(record):
            return True
        if not self.complete or (self.chips and content is None):
            return None
        return False

    def holds(self, content: Content) -> bool:
        """Return whether a chip of this content is among them."""
        if content.digest in self._digests:
            return True
        return bool(self.chips) and bool(alike(content.array, self._samples).any())

    def covers(self, record: ChipRecord) -> bool:
        """Return whether these chips cover a chip's place on its date. A simulated chip has no real place."""
        if record.simulated or record.footprint is None or not self._placed:
            return False
        ground = record.footprint
        met: list[BaseGeometry] = []
        for turn in self._turns(ground):
            there = ground if turn == 0.0 else translate(ground, turn)
            for i in self._ground.query(there, predicate="intersects"):
                chip = self._placed[int(i)]
                if same_date(chip.date, record.date) and chip.footprint is not None:
                    met.append(translate(chip.footprint.intersection(there), -turn))
        return bool(met) and shapely.union_all(met).area > SHARE * ground.area

    def with_more(self, more: SeenChips) -> SeenChips:
        """Return these and others; a chip is there once, for training before calibration."""
        known: dict[tuple[object, ...], SeenChip] = {}
        for chip in sorted((*self.chips, *more.chips), key=lambda c: c.part != "training"):
            known.setdefault((chip.content.digest, chip.footprint, chip.date), chip)
        return SeenChips(tuple(known.values()), self.complete and more.complete)

    def to_bytes(self) -> bytes:
        """Return chips.json: one chip a line, the same bytes for the same chips."""
        lines = sorted({json.dumps(chip.to_json(), ensure_ascii=False, allow_nan=False) for chip in self.chips})
        body = ",\n".join(lines)
        return f'{{"schema": {_SCHEMA}, "complete": {json.dumps(self.complete)}, "chips": [\n{body}\n]}}\n'.encode()

    def _turns(self, ground: BaseGeometry) -> tuple[float, ...]:
        """Return by how many degrees of longitude a place is moved to be compared: 179 E may be written as 181 W."""
        reaches = max(abs(v) for v in (*self._reach, ground.bounds[0], ground.bounds[2])) > _HALF_TURN
        return (-360.0, 0.0, 360.0) if reaches else (0.0,)

    @cached_property
    def _reach(self) -> tuple[float, float]:
        """The least and the greatest longitude of these chips."""
        west, _, east, _ = shapely.total_bounds([chip.footprint for chip in self._placed])
        return float(west), float(east)

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(chip.content.digest for chip in self.chips)

    @cached_property
    def _samples(self) -> Any:
        return np.stack([chip.content.array for chip in self.chips])

    @cached_property
    def _placed(self) -> tuple[SeenChip, ...]:
        return tuple(chip for chip in self.chips if chip.footprint is not None)

    @cached_property
    def _ground(self) -> STRtree:
        return STRtree([chip.footprint for chip in self._placed if chip.footprint is not None])


NOTHING = SeenChips()
"""What a model has seen that learned nothing."""


def same_date(one: str | None, other: str | None) -> bool:
    """Return whether two ISO dates may be one: they agree as far as both tell, "2018-08" with "2018-08-21"."""
    if not one or not other:
        return True
    length = min(len(one), len(other), 10)
    return one[:length] == other[:length]


def seen_chips(found: Iterable[tuple[ChipRecord, Content]], part: Part) -> SeenChips:
    """Return some chips of a catalog as those that a model has seen."""
    return SeenChips(tuple(SeenChip.of(record, content, part) for record, content in found))


def read_seen_chips(path: str | Path, bundle: Bundle) -> SeenChips | None:
    """Return the chips that a bundle names; None where it names none, as older bundles do not.

    Raises:
        BundleError: its list is missing, altered or not understood.
    """
    content = read_list(Path(path), bundle)
    return None if content is None else parse_seen_chips(content, f"{path}/{CHIPS}")


def parse_seen_chips(content: bytes | str, where: str) -> SeenChips:
    """Return the list that a chips.json holds; every field is checked.

    Raises:
        BundleError: naming the field, what it holds and what it should hold.
    """
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"{{file}} is not JSON that can be read ({error}): write the bundle again.",
            file=where,
        ) from None
    reader = Fields(raw, where)
    reader.take("schema", one_of((_SCHEMA,)))
    complete = reader.take("complete", a_truth)
    entries: Sequence[dict[str, object]] = reader.take("chips", a_list_of(an_object))
    reader.finish()
    if len(entries) > _MOST_CHIPS:
        raise BundleError(f"{{file}} names {len(entries)} chips: at most {_MOST_CHIPS} are read.", file=where)
    return SeenChips(tuple(_chip(entry, where, i) for i, entry in enumerate(entries)), complete)


def _chip(raw: dict[str, object], where: str, i: int) -> SeenChip:
    reader = Fields(raw, where, f"chips[{i}].")
    digest = reader.take("content", a_match(_DIGEST, "32 hex digits"))
    text = reader.take("samples", a_text)
    ring = reader.take("footprint", lambda value: value)
    chip = SeenChip(
        id=reader.take("id", a_text),
        part=reader.take("part", one_of(get_args(Part))),
        content=_content(digest, text, reader),
        footprint=None if ring is None else _polygon(ring, reader),
        date=reader.take("date", lambda value: None if value is None else a_text(value)),
        simulated=reader.take("simulated", a_truth),
        size=_size(reader.take("size", lambda value: value, None), reader),
    )
    reader.finish()
    return chip


def _size(value: object, reader: Fields) -> tuple[int, int] | None:
    if value is None:
        return None
    match value:
        case [int(rows), int(cols)] if 0 < rows <= _LONGEST and 0 < cols <= _LONGEST and bool not in map(type, value):
            return rows, cols
    raise reader.error("size", value, "rows and columns, as [512, 512]")


def _content(digest: str, samples: str, reader: Fields) -> Content:
    try:
        return Content(digest, base64.b64decode(samples, validate=True))
    except (ValueError, binascii.Error):
        raise reader.error("samples", samples, "72 int16 in base64") from None


def _polygon(ring: object, reader: Fields) -> Polygon:
    outline = None
    try:
        corners = [(float(x), float(y)) for x, y in ring]  # type: ignore[attr-defined]
        if len(corners) <= _MOST_CORNERS and all(math.isfinite(v) and abs(v) <= 720.0 for c in corners for v in c):
            outline = Polygon(corners)
    except (TypeError, ValueError):
        pass
    if outline is None or not outline.is_valid:
        raise reader.error("footprint", ring, "a ring of longitudes and latitudes, or null")
    return outline
