"""What chips are called: ids made of file names, in every script, the same however many files lie beside."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

LONGEST_ID = 160
"""Bytes of the longest id: a file name holds 255, and the files that are named after a chip end in something more."""
_DIGITS = 8
_PLAIN = frozenset("_-.")


def nfc(text: str) -> str:
    """Return a name in Unicode's composed form: macOS hands out names decomposed, and both look the same."""
    return unicodedata.normalize("NFC", text)


def chip_id(name: str) -> str:
    """Return the id of a chip that is called `name`: a function of the name alone, so that no other file can move it.

    Letters, marks and digits of every script stay, so do `_`, `-` and `.`; what else there is becomes `-`. An id that
    lost something in this way, or by its length, ends in 8 hex digits that are made of the whole name, so that `a b`
    and `a+b` are two chips from the start. The id of an id is the id itself.
    """
    name = nfc(name)
    plain = plain_name(name)
    if plain == name and len(name.encode()) <= LONGEST_ID:
        return name
    return apart(plain or "image", name)


def plain_name(text: str, longest: int = 255) -> str:
    """Return a text as it can stand in a file name and an address, in at most so many bytes; two may become the same."""
    kept = "".join(c if c in _PLAIN or unicodedata.category(c)[:1] in "LM" or c.isdecimal() else " " for c in nfc(text))
    return "-".join(kept.split()).encode()[:longest].decode(errors="ignore").strip("-.")


def is_chip_id(text: str) -> bool:
    """Return whether a text can be the id of a chip, and so a part of file names and addresses."""
    return bool(text) and chip_id(text) == text


def apart(wanted: str, by: str) -> str:
    """Return an id that begins as `wanted` and ends in 8 hex digits made of `by`: what tells two chips of one name apart."""
    digest = hashlib.blake2b(nfc(by).encode("utf-8", "surrogateescape"), digest_size=_DIGITS // 2).hexdigest()
    room = LONGEST_ID - _DIGITS - 1
    return f"{plain_name(wanted, room)}-{digest}"


def file_names(*paths: str | Path | None) -> str | None:
    """Return how a chip's files are called, for people: their names without folders, each once, or None of none."""
    names = dict.fromkeys(nfc(Path(path).name) for path in paths if path is not None)
    return " + ".join(names) or None
