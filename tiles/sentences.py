"""Sentences that know which files they are about: a command prints their paths, a server their names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any, Self, TypeVar, cast

_QUERY = re.compile(r"[?#].*", re.DOTALL)
_HOLE = re.compile(r"\{(\w+)\}")
# An absolute path without blanks; no part of an address, a fraction or a word.
_PATH = r"(?<![\w./:])/[^\s/'\"()<>|:;,]+(?:/[^\s/'\"()<>|:;,]+)*"

T = TypeVar("T")
Name = Callable[[str], str]
"""Gives what somebody calls a file, by its path."""


class File(str):
    """The path of a file, as a part of a sentence; of an address without its query, which may hold a signature."""

    def __new__(cls, path: str) -> Self:
        """Take a path."""
        return super().__new__(cls, _QUERY.sub("", path) if path.startswith(("http://", "https://", "s3://")) else path)


class Sentence(str):
    """A sentence about files. As text it calls them by their paths; `calling` calls them otherwise.

    `Sentence("{file} is empty.", file=path)` has a hole for each file. A hole may take another sentence, with its files; a
    plain text in a hole is a path. What is made of a sentence by other means, as by an f-string, is text alone and keeps
    the paths: use a hole, or `join`.
    """

    __slots__ = ("parts",)
    parts: tuple[str, ...]
    """Texts, and `File`s between them."""

    def __new__(cls, text: str, /, **files: str | os.PathLike[str]) -> Self:
        """Make a sentence.

        Args:
            text: the sentence, with `{file}` where the path of the file that is given as `file` stands.
            files: paths, or other sentences.
        """
        if isinstance(text, cls) and not files:
            return text
        parts: list[str] = []
        for number, part in enumerate(_HOLE.split(text)):
            if not number % 2:
                parts.append(part)
            elif part in files:
                file = files[part]
                parts += file.parts if isinstance(file, Sentence) else (File(os.fspath(file)),)
            else:
                parts.append(f"{{{part}}}")
        return cls.of_parts(parts)

    @classmethod
    def foreign(cls, text: str, files: Iterable[str] = ()) -> Self:
        """Return what was said elsewhere: paths that may stand in it are files, and so is whatever looks like a path."""
        known = [re.escape(shown(file)) for file in sorted(files, key=len, reverse=True)]
        parts = re.split(f"({'|'.join([*known, _PATH])})", text)
        return cls.of_parts(File(part) if at % 2 else part for at, part in enumerate(parts))

    @classmethod
    def of_parts(cls, parts: Iterable[str]) -> Self:
        """Return the sentence of such `parts`."""
        kept = tuple(part for part in parts if part)
        made = super().__new__(cls, "".join(shown(part) if isinstance(part, File) else part for part in kept))
        made.parts = kept
        return made

    def __str__(self) -> str:
        """Return the sentence itself, so that `str(error)` knows its files."""
        return self

    def calling(self, name: Name) -> str:
        """Return the sentence with each file called as `name` says."""
        return "".join(shown(name(part)) if isinstance(part, File) else part for part in self.parts)

    def bare(self, lead: str = "") -> Self:
        """Return the sentence without its full stop, and without the words that it begins with where they are `lead`."""
        parts = list(self.parts)
        if parts and not isinstance(parts[0], File):
            parts[0] = parts[0].removeprefix(lead)
        if parts and not isinstance(parts[-1], File):
            parts[-1] = parts[-1].removesuffix(".")
        return self.of_parts(parts)


def join(sentences: Iterable[str], between: str = " ") -> str:
    """Return sentences in one, which knows the files of all."""
    holes = {f"s{i}": Sentence(sentence) for i, sentence in enumerate(sentences)}
    return Sentence(between.join(f"{{{hole}}}" for hole in holes), **holes)


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path as one line of printable text, for messages: line breaks and the like are escaped."""
    text = os.fspath(path)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def named(value: T, name: Name = lambda path: PurePath(path).name) -> T:
    """Return an answer, JSON or one text, in which every sentence calls its files by their names."""
    answer: Any = value
    if isinstance(value, Sentence):
        answer = value.calling(name)
    elif isinstance(value, dict):
        answer = {key: named(one, name) for key, one in value.items()}
    elif isinstance(value, list | tuple):
        answer = [named(one, name) for one in value]
    return cast(T, answer)
