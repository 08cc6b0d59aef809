"""What the command line says to the door, and what it passes on from it: units, bands, label values, and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from tiles.answers import Answers, bands_of, label_values_of, units_of

_ANSWERS = "floodscope.answers"
_NAMED = 3


def _keep(parse: Callable[[str | None], Any]) -> Callable[[click.Context, click.Parameter, str | None], None]:
    """Return an option's callback that keeps a value for `given_answers`, checked at once."""

    def keep(context: click.Context, option: click.Parameter, text: str | None) -> None:
        if text is not None:
            context.meta.setdefault(_ANSWERS, {})[option.name] = parse(text)

    return keep


ANSWERS = (
    click.option(
        "--units",
        callback=_keep(units_of),
        expose_value=False,
        metavar="[db|power|amplitude]",
        help="What VV and VH are, where the files do not say it: dB, linear power, or amplitude.",
    ),
    click.option(
        "--bands",
        callback=_keep(bands_of),
        expose_value=False,
        metavar="VH,VV",
        help="What each band of files of several bands is, in their order; - for one that is left aside.",
    ),
    click.option(
        "--label-values",
        callback=_keep(label_values_of),
        expose_value=False,
        metavar="water=255,dry=0,unknown=127",
        help="What the numbers of the labels mean, where it cannot be told from them.",
    ),
)
"""Options of every command that takes SOURCEs; `given_answers` returns what they say."""


def given_answers() -> Answers:
    """Return what this command line says of its sources' files."""
    return Answers(**click.get_current_context().meta.get(_ANSWERS, {}))


def tell_notes(notes: Mapping[str, Iterable[str]]) -> None:
    """Write what the door has to tell of chips on stderr, each sentence once, with the chips that it is about.

    Args:
        notes: sentences by chip id.
    """
    chips: dict[str, list[str]] = {}
    for chip_id, sentences in notes.items():
        for sentence in sentences:
            chips.setdefault(sentence, []).append(chip_id)
    for sentence, ids in chips.items():
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        click.echo(f"floodscope: {', '.join(ids[:_NAMED])}{more}: {sentence}", err=True)
