"""Files that belong together and are not called alike: labels of numbered images, of images with an ending, other capitals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from tiles.layouts.names import Part, label_head, pair_key
from tiles.naming import nfc

_File = TypeVar("_File")

_IMAGES = ("both", "vv", "vh")
_LABELS = ("label", "mask")


def met(
    files: Iterable[tuple[_File, Part]], stem: Callable[[_File], str], single: Callable[[_File], bool]
) -> list[tuple[_File, Part]]:
    """Return files with what each is, those that belong to one chip under one key.

    VV and VH meet whose names differ in capitals alone. A label meets its image by the whole name, else by what both have in
    common (`pair_key`), else where it is called label alone and one image is there. Where several would do, none is chosen.

    Args:
        files: each with what its name says (`part_of`).
        stem: gives a file's name without its ending.
        single: says whether a file has one band, and so is no image by itself; asked of few.
    """
    found = _partners(list(files))
    heads = {
        i: head for i, (file, part) in enumerate(found) if part.role == "both" and (head := label_head(stem(file)))
    }
    images = [part.key for i, (_, part) in enumerate(found) if part.role in _IMAGES and i not in heads]
    keys = frozenset(images)
    by_common = _unique((pair_key(key), key) for key in keys)
    by_letters = _unique((pair_key(key).casefold(), key) for key in keys)
    out = []
    for i, (file, part) in enumerate(found):
        if i in heads:
            image = by_common.get(pair_key(part.key))
            if image is not None and single(file):
                part = Part(image, heads[i])  # noqa: PLW2901 - what it is, better known
        elif part.role in _LABELS and part.key not in keys:
            names = [part.key, nfc(stem(file))]
            image = next((by_common[pair_key(name)] for name in names if pair_key(name) in by_common), None)
            image = image or next(
                (by_letters[n] for name in names if (n := pair_key(name).casefold()) in by_letters), None
            )
            if image is None and part.bare and len(keys) == 1:
                (image,) = keys
            part = replace(part, key=image or part.key)  # noqa: PLW2901
        out.append((file, part))
    return out


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what each name leads to, of names that lead to one thing alone."""
    pairs = list(pairs)
    often = Counter(name for name, _ in pairs)
    return {name: key for name, key in pairs if often[name] == 1}


def _partners(files: Sequence[tuple[_File, Part]]) -> list[tuple[_File, Part]]:
    """Return files, VH under the key of its VV where the two differ in capitals alone and there is no other."""
    there = {(part.role, part.key) for _, part in files}
    other = {"vv": "vh", "vh": "vv"}
    lone = [part for _, part in files if part.role in other and (other[part.role], part.key) not in there]
    called = Counter((part.role, part.key.casefold()) for part in lone)
    firsts = {
        part.key.casefold(): part.key
        for part in lone
        if part.role == "vv" and called["vv", part.key.casefold()] == called["vh", part.key.casefold()] == 1
    }
    lost = {part.key for part in lone if part.role == "vh"}
    return [
        (
            file,
            replace(part, key=firsts.get(part.key.casefold(), part.key))
            if part.role == "vh" and part.key in lost
            else part,
        )
        for file, part in files
    ]
