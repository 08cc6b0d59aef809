"""What may be answered of an image that is kept, in place of what was said of it, or of what was assumed."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tiles.answers import NOTHING_SAID, Answers, answers_of
from tiles.chip import Chip, ChipRecord
from tiles.errors import ChipError, Choice
from tiles.layouts.uploads import Upload, record_of
from tiles.reading.door import read_chip
from tiles.reading.headers import two_band_assets
from tiles.scenes.windows import Scene, is_scene

OPTIONS = ("units", "bands", "label_values")


def looked_at(record: ChipRecord) -> Chip | Scene:
    """Read a chip, or open a scene: what it is, is decided from squares spread over it, and of its label from all its numbers.

    Raises:
        ChipError: it cannot be used.
    """
    return Scene(record) if is_scene(record) else read_chip(record)


def further_answers(place: Path, upload: Upload, chip: Chip | Scene) -> tuple[Choice, ...]:
    """Return the answers that an image leaves open, those that were given among them.

    Args:
        place: the folder that its files are in.
        upload: what they are.
        chip: as it is read now.
    """
    found = [choice for decision in chip.decisions for choice in decision.choices]
    for option in OPTIONS:
        if getattr(upload.answers, option):
            silent = replace(upload.answers, **{option: getattr(NOTHING_SAID, option)})
            found += [choice for choice in _asked(place, replace(upload, answers=silent)) if choice.option == option]
    return tuple(dict.fromkeys(found))


def _asked(place: Path, upload: Upload) -> list[Choice]:
    """Return what is asked, or may be answered, of an image that is read with these answers."""
    try:
        if upload.vv[0] == upload.vh[0]:
            file = upload.vv[0]
            two_band_assets(str(place / file), {}, upload.answers, upload.called.get(file))
        chip = looked_at(record_of(place, upload))
    except ChipError as error:
        return list(error.choices)
    return [*chip.choices, *(choice for decision in chip.decisions for choice in decision.choices)]


def shown_answers(upload: Upload) -> list[dict[str, Any]]:
    """Return the answers of an image for its page: JSON-able, each with whether it is the one that holds."""
    return [asdict(choice) | {"holds": _holds(choice, upload.answers)} for choice in upload.choices]


def _holds(choice: Choice, answers: Answers) -> bool:
    said = answers_of({choice.option: choice.value})
    return bool(getattr(answers, choice.option) == getattr(said, choice.option))
