"""Which of the files that were sent make a chip together, by their names and what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from dashboard.uploads.batch import Sent
from tiles.answers import Answers, for_choosing
from tiles.chip import ChipRecord
from tiles.errors import BandError, ChipError, Problem
from tiles.layouts.geotiff import no_partner
from tiles.layouts.meeting import met
from tiles.layouts.names import Part, Role, sent_part
from tiles.layouts.uploads import Upload
from tiles.naming import chip_id
from tiles.places import date_in
from tiles.reading.headers import two_band_assets
from tiles.reading.raster import read_info
from tiles.reading.sniff import require_tiff
from tiles.sentences import named


@dataclass
class Outcome:
    """What became of a batch.

    Attributes:
        added: the chips that were taken in.
        told: sentences about them, by their ids: that another chip had their name, and what the door assumed.
        refused: what was not.
    """

    added: list[ChipRecord] = field(default_factory=list)
    told: dict[str, list[str]] = field(default_factory=dict)
    refused: list[Problem] = field(default_factory=list)


def groups(files: list[Sent], outcome: Outcome) -> Iterator[tuple[str, dict[Role, Sent]]]:
    """Give the files that make a chip together; what can be part of none is refused, with whatever belongs to it."""
    found: dict[str, dict[Role, Sent]] = {}
    problems: dict[str, str] = {}
    parts = [(sent, Part(sent.name, "both") if sent.problem else sent_part(sent.name)) for sent in files]
    for sent, part in met(parts, lambda sent: PurePath(sent.name).stem, _is_single_band):
        problem = sent.problem
        # A side layer is refused alone: the image that it lies beside is none the worse for it.
        key = sent.name if part.role == "side" else part.key
        role: Role = "label" if part.role == "mask" else part.role
        group = found.setdefault(key, {})
        if problem is None and role == "ancillary":
            problem = f"{sent.name} is elevation or permanent water by its name: VV, VH and a label are taken here."
        if problem is None and role == "side":
            problem = f"{sent.name} is {part.what} by its name, neither image nor truth: send VV, VH and a label."
        if problem is None and role in group:
            twice = "the same name" if group[role].name == sent.name else f"the part {role} of one chip"
            problem = f"{group[role].name} and {sent.name} have {twice}: rename one, or send them one after the other."
        if problem is None:
            try:
                require_tiff(str(sent.path))
            except ChipError as error:
                problem = in_their_words(str(error), [sent])
        if problem is not None:
            problems.setdefault(key, problem)
        group.setdefault(role, sent)
    for key, group in found.items():
        if key in problems:
            outcome.refused.append(Problem(key, problems[key]))
        else:
            yield key, group


def _is_single_band(sent: Sent) -> bool:
    """Return whether a file has one band; False where it cannot be read."""
    try:
        return read_info(str(sent.path)).count == 1
    except ChipError:
        return False


def upload_of(key: str, members: dict[Role, Sent], answers: Answers) -> Upload:
    """Return what the files are to each other.

    Raises:
        ChipError: a part is missing, or a file is not what its name says.
    """
    if {"vv", "vh", "both"} <= set(members) and "label" not in members:
        members["label"] = members.pop("both")  # DrivenData's label has the chip's bare name
    called = ", ".join(m.name for m in members.values())
    if "both" in members and ("vv" in members or "vh" in members):
        raise BandError(
            f"{called}: it cannot be told which of these is the image: send one pair, or one two-band file."
        )
    if set(members) == {"label"}:
        raise BandError(f"{called} is a label by its name, and its image was not sent: send VV and VH with it.")
    same: dict[str, Any] = {
        "id": chip_id(key),
        "added": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "label": ("label.tif", 1) if "label" in members else None,
        "names": tuple(member.name for member in members.values()),
        "date": date_in(key),
        "answers": answers,
    }
    if "vv" in members and "vh" in members:
        return Upload(vv=("vv.tif", 1), vh=("vh.tif", 1), called=_called(members), **same)
    alone = next(role for role in ("both", "vv", "vh") if role in members)
    sent = members[alone]
    if alone != "both" and len(read_info(str(sent.path)).data_bands) == 1:
        raise no_partner(str(sent.path), alone)
    vv, vh = two_band_assets(str(sent.path), {}, answers, sent.name)
    members["both"] = members.pop(alone)
    return Upload(vv=("bands.tif", vv.band), vh=("bands.tif", vh.band), called=_called(members), **same)


def _called(members: dict[Role, Sent]) -> dict[str, str]:
    return {kept_name(role): member.name for role, member in members.items()}


def kept_name(role: Role) -> str:
    """Return the name that a file has in its chip's folder."""
    return "bands.tif" if role == "both" else f"{role}.tif"


def in_their_words(message: str, files: Iterable[Sent]) -> str:
    """Return a message in which files are called as their sender calls them, who chooses among answers and types none."""
    names = {str(sent.path): sent.name for sent in files}
    return for_choosing(str(named(message, lambda path: names.get(path, PurePath(path).name))))
