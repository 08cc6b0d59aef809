"""Takes typed fields out of a JSON object: what is missing, wrong or unknown is an error that names the field."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tiles.errors import BundleError

_T = TypeVar("_T")
_REQUIRED: Any = object()
_MAX_TEXT = 2000
_MOST_NEAR = 200


class _Wrong(Exception):  # noqa: N818 - it never leaves this module
    """A value is not what its field takes; the message says what it takes."""


class Fields:
    """The fields of one JSON object, taken one by one.

    Args:
        raw: the parsed JSON value.
        where: the file, for messages.
        prefix: the object's own place in the file, as "normalisation.", for messages.

    Raises:
        BundleError: `raw` is not an object.
    """

    def __init__(self, raw: object, where: str, prefix: str = "") -> None:
        self._where, self._prefix = where, prefix
        if not isinstance(raw, dict):
            raise BundleError(
                f"{{file}}: {prefix.rstrip('.') or 'the file'} holds {_shown(raw)}: give an object of fields.",
                file=where,
            )
        self._left = dict(raw)
        self._known: list[str] = []

    def take(self, name: str, check: Callable[[object], _T], default: Any = _REQUIRED) -> _T:
        """Return the field's value as `check` returns it, or `default` where the field is not there.

        Raises:
            BundleError: a field without default is missing, or `check` refuses its value.
        """
        self._known.append(name)
        if name not in self._left:
            if default is not _REQUIRED:
                return default  # type: ignore[no-any-return]
            near = difflib.get_close_matches(name, list(self._left)[:_MOST_NEAR], 1)
            hint = f" (it has {near[0]!r})" if near else ""
            raise BundleError(f"{{file}}: the field {self._prefix}{name} is missing{hint}: add it.", file=self._where)
        value = self._left.pop(name)
        try:
            return check(value)
        except _Wrong as wrong:
            raise self.error(name, value, str(wrong)) from None

    def error(self, name: str, value: object, wanted: str) -> BundleError:
        """Return the error that a field's value is not what is wanted."""
        return BundleError(
            f"{{file}}: the field {self._prefix}{name} is {_shown(value)}: give {wanted}.",
            file=self._where,
        )

    def finish(self) -> None:
        """Refuse fields that were not taken: a misspelt field must not be a default in silence."""
        if self._left:
            name = min(self._left)
            raise BundleError(
                f"{{file}}: the field {self._prefix}{name} is not known{suggestion(name, self._known)}",
                file=self._where,
            )


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ": did you mean X?" for the nearest known names, or ": choose one of ..." where none is near."""
    lowered = {k.lower(): k for k in known}
    near = difflib.get_close_matches(name.lower(), lowered, 3, cutoff=0.6)
    if near:
        return f": did you mean {' or '.join(lowered[n] for n in near)}?"
    shown = list(lowered.values())
    return f": choose one of {', '.join(shown[:20])}{', ...' if len(shown) > 20 else ''}."


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def a_text(value: object) -> str:
    """Take a text of at most 2,000 characters. JSON can spell halves of characters, which no file can hold: they are none."""
    if not isinstance(value, str) or len(value) > _MAX_TEXT or any("\ud800" <= c <= "\udfff" for c in value):
        raise _Wrong(f"a text of at most {_MAX_TEXT} characters")
    return value


def a_whole_number(value: object) -> int:
    """Take an integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Wrong("a whole number")
    return value


def a_truth(value: object) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise _Wrong("true or false")
    return value


def an_object(value: object) -> dict[str, object]:
    """Take an object of any fields."""
    if not isinstance(value, dict):
        raise _Wrong("an object of fields")
    return value


def a_number(low: float = -1e9, high: float = 1e9) -> Callable[[object], float]:
    """Take a number from `low` to `high`."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _Wrong(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def one_of(choices: tuple[_T, ...]) -> Callable[[object], _T]:
    """Take one of some values."""

    def check(value: object) -> _T:
        for known in choices:
            if type(value) is type(known) and value == known:
                return known
        raise _Wrong("one of " + ", ".join(map(str, choices)))

    return check


def a_list_of(check_item: Callable[[object], _T]) -> Callable[[object], list[_T]]:
    """Take a list whose every item is taken by `check_item`."""

    def check(value: object) -> list[_T]:
        if not isinstance(value, list):
            raise _Wrong("a list")
        return [check_item(item) for item in value]

    return check


def a_match(pattern: re.Pattern[str], wanted: str) -> Callable[[object], str]:
    """Take a text that matches a pattern as a whole; `wanted` says so in words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise _Wrong(wanted)
        return value

    return check
