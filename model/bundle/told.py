"""What a bundle tells of itself and needs not to run: its trainer's own words and figures, of any kind, read with care."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tiles.sentences import shown

_LONGEST = 500
_MOST = 1000
_NOTHING: Mapping[str, Any] = {}


def part(told: object, name: str) -> Mapping[str, Any]:
    """Return the object of that name, an empty one where it is something else."""
    found = told.get(name) if isinstance(told, Mapping) else None
    return found if isinstance(found, Mapping) else _NOTHING


def words(value: object, otherwise: str = "not recorded") -> str:
    """Return a text, number or truth as one line; what is none of these, or nothing, as `otherwise`."""
    plain = isinstance(value, bool) or (isinstance(value, str) and value != "") or figure(value) is not None
    return shown(str(value)[:_LONGEST]) if plain else otherwise


def names(value: object) -> list[str]:
    """Return the texts of a list, each as one line; none where it is something else."""
    return [shown(one[:_LONGEST]) for one in value[:_MOST] if isinstance(one, str)] if isinstance(value, list) else []


def figure(value: object) -> float | None:
    """Return a finite number, None for whatever is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 < value < 1e300:
        return None
    return float(value) if math.isfinite(value) else None


def count(value: object) -> int:
    """Return how many, 0 for what is no number of things."""
    found = figure(value)
    return int(found) if found is not None and found >= 0 else 0


def interval(value: object) -> tuple[float, float] | None:
    """Return the two ends of an interval, None where they are not there."""
    ends = [figure(end) for end in value] if isinstance(value, list | tuple) and len(value) == 2 else []
    low, high = ends if ends else (None, None)
    return None if low is None or high is None else (low, high)
