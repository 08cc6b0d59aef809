"""What a catalog or a report says cannot be used."""

from __future__ import annotations

from collections.abc import Iterable

from tiles.errors import Problem


def pairs(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """Return (chip id or file name, sentence) of each problem."""
    return [(problem.name, problem.message) for problem in problems]
