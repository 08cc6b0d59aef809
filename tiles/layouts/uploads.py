"""Images that people sent to the dashboard: a folder a chip, whose chip.json says which file is what.

No name that was sent is the name of a file here, so nothing of it can be a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tiles.answers import NOTHING_SAID, Answers
from tiles.chip import Asset, ChipRecord
from tiles.errors import Choice, Problem, UsageError
from tiles.files import read_small
from tiles.layouts.folder import Reading
from tiles.naming import chip_id, file_names
from tiles.places import country_at, iso_date
from tiles.reading.headers import inspected
from tiles.sentences import shown

NAME = "upload"
FOLDERS = ""
MARK = "FLOODSCOPE_UPLOADS"
"""A file of this name makes a folder one of uploads."""
CHIP = "chip.json"

FILES = ("vv.tif", "vh.tif", "bands.tif", "label.tif")
"""The names that files have here."""
_MOST_BYTES = 1 << 20
_FOLDER = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Upload:
    """One chip that was sent.

    Attributes:
        id: what the chip is called.
        added: when, UTC, ISO 8601.
        vv, vh, label: file (one of FILES) and band of each; label is None where there is none.
        names: what the files were called by who sent them, for people.
        date: ISO date of the image, where its name tells it.
        called: what each file (one of FILES) was called by who sent it: products are known by their names.
        answers: what the sender says of the files.
        choices: what may be answered in place of that, or of what was assumed.
    """

    id: str
    added: str
    vv: tuple[str, int]
    vh: tuple[str, int]
    label: tuple[str, int] | None
    names: tuple[str, ...]
    date: str | None = None
    called: Mapping[str, str] = field(default_factory=dict)
    answers: Answers = NOTHING_SAID
    choices: tuple[Choice, ...] = ()

    def to_json(self) -> str:
        """Return what chip.json holds."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        choices = [asdict(choice) for choice in self.choices]
        changed = {"called": dict(self.called), "answers": self.answers.to_json(), "choices": choices}
        return json.dumps(values | changed, indent=1) + "\n"


def recognises(folder: Path) -> bool:
    """Return whether the folder is one of uploads."""
    return (folder / MARK).is_file()


def image_folders(folder: Path) -> list[Path]:
    """Return the folders of single chips in a folder of uploads; raises OSError as `Path.iterdir`."""
    return sorted(place for place in folder.iterdir() if _FOLDER.fullmatch(place.name) and place.is_dir())


def read(folder: Path, places: Sequence[Path] | None = None) -> Reading:
    """Return the chips of a folder of uploads, or of some of its folders, as they were sent; none of a single file."""
    if folder.is_file():
        return Reading([])
    found: list[tuple[str, ChipRecord]] = []
    problems: list[Problem] = []
    for place in image_folders(folder) if places is None else places:
        upload = read_upload(place)
        if upload is None:
            problems.append(
                Problem(place.name, f"{shown(place)} has no sound {CHIP}: remove the folder, and send the image again.")
            )
            continue
        found.append((upload.added, record_of(place, upload)))
    return Reading([record for _, record in sorted(found, key=lambda pair: pair[0])], problems)


def read_upload(place: Path) -> Upload | None:
    """Return what the chip.json of a folder says, None where it is missing, no file, or says something else."""
    try:
        return _parse(read_small(place / CHIP, _MOST_BYTES))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, UsageError):
        return None


def record_of(place: Path, upload: Upload) -> ChipRecord:
    """Return the record of one upload, with what its files' headers say.

    Args:
        place: the folder that its files are in.
        upload: what they are.
    """

    def asset(part: tuple[str, int]) -> Asset:
        return Asset(str(place / part[0]), part[1], name=upload.called.get(part[0]))

    record = inspected(
        ChipRecord(
            id=upload.id,
            date=upload.date,
            layout=NAME,
            source=str(place.parent),
            file=file_names(*upload.names),
            vv=asset(upload.vv),
            vh=asset(upload.vh),
            label=asset(upload.label) if upload.label else None,
            answers=upload.answers,
        )
    )
    return record if record.footprint is None else replace(record, country=country_at(record.footprint))


def _parse(text: bytes) -> Upload:
    raw: dict[str, Any] = json.loads(text)

    def words(value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(value)
        value.encode()  # JSON can spell halves of characters, which no file can hold
        return value

    def part(value: Any) -> tuple[str, int]:
        name, band = value
        if name not in FILES:
            raise ValueError(name)
        return str(name), int(band)

    return Upload(
        id=chip_id(words(raw["id"])),
        added=words(raw["added"]),
        vv=part(raw["vv"]),
        vh=part(raw["vh"]),
        label=part(raw["label"]) if raw["label"] else None,
        names=tuple(words(name) for name in raw["names"]),
        date=iso_date(raw["date"]),
        called={words(file): words(name) for file, name in raw.get("called", {}).items()},
        answers=Answers.from_json(raw.get("answers")),
        choices=tuple(
            Choice(words(one["text"]), words(one["option"]), words(one["value"])) for one in raw.get("choices", ())
        ),
    )
