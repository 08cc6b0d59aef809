"""What the door decided of a chip's files, on what grounds, and whether that has to be told without being asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tiles.errors import Choice
from tiles.sentences import Sentence

About = Literal["bands", "unit", "no data", "truth", "beside", "place"]
Basis = Literal["said", "tag", "name", "data set", "values", "assumed"]

_WORDS: dict[Basis, str] = {
    "said": "as you said",
    "tag": "by the file's tags",
    "name": "by its name",
    "data set": "as its data set documents",
    "values": "by its values",
    "assumed": "assumed",
}


@dataclass(frozen=True)
class Decision:
    """One thing that the door decided.

    Attributes:
        about: which question it answers.
        text: the answer, one sentence without its full stop.
        basis: on what grounds.
        told: it may be wrong, or it changed what is measured: it is told wherever the chip is used.
        choices: what else the user may answer, where it was assumed.
    """

    about: About
    text: str
    basis: Basis
    told: bool = False
    choices: tuple[Choice, ...] = ()

    def sentence(self) -> str:
        """Return the decision with its grounds, as one sentence."""
        return Sentence(f"{{text}} ({_WORDS[self.basis]}).", text=Sentence(self.text))


def notes(decisions: Iterable[Decision]) -> tuple[str, ...]:
    """Return the sentences of what has to be told."""
    return tuple(decision.sentence() for decision in decisions if decision.told)
