"""What a stream looks at: anything that can say what is new in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tiles.chip import ChipRecord
from tiles.errors import Problem

IMAGES = frozenset({"both", "vv", "vh"})
"""Roles of files that are looked for (`tiles.layouts.names`); what lies beside them is no news by itself."""
PATIENCE = 10
"""A file that cannot be read is taken for half written until it has been as it is for so many times `settle_s`."""


@dataclass(frozen=True)
class Item:
    """An input that is there and is not dealt with yet.

    Attributes:
        name: of its first file, from the source on.
        files: its images by name, with what tells them from what they were or will be.
        path: its first file, or what finds it in its archive.
        record: its chip; None where there is none.
        problem: why it cannot be used, or None.
        patient: whether a failure may be for it is half written, so that it is worth to look again later.
        renewed: its files were dealt with before, as others, and only the source can tell: the store holds nothing of these.
    """

    name: str
    files: Mapping[str, str]
    path: str
    record: ChipRecord | None
    problem: str | None
    patient: bool
    renewed: bool = False


@dataclass(frozen=True)
class Looked:
    """What one look at a source found. Of a source on a server, `ready` asks it as it goes, and fills the others meanwhile.

    Attributes:
        ready: what can be predicted, or set aside, now.
        waiting: names of images that are still being written, wait for their VV or VH, or that their server does not give now.
        problems: of what is no image, or is not given.
    """

    ready: Iterable[Item]
    waiting: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Source(Protocol):
    """What a stream looks at: a folder, and whatever else can say what is new in it."""

    @property
    def name(self) -> str:
        """What the source is, the same at each start."""
        ...

    @property
    def title(self) -> str:
        """What it is called where it is told of."""
        ...

    def look(self, done: Mapping[str, str]) -> Looked:
        """Return what is new.

        Args:
            done: what the files were that are dealt with, by name.

        Raises:
            ArchiveError, SourceError: the source does not answer, or is not there.
        """
        ...
