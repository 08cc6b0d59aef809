"""Values that options take and click does not know: a share, a time, and several values after one name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

_DURATION = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([smhd]?)\s*")
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SHARE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*")


class Share(click.ParamType[float]):
    """A share of a chip, from 0 to below 1: `5%` or `0.05`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share as a fraction of 1."""
        if isinstance(value, float):
            return value
        match = _SHARE.fullmatch(str(value))
        share = float(match.group(1)) / (100.0 if match.group(2) else 1.0) if match else -1.0
        if not 0.0 <= share < 1.0:
            self.fail(f"{value!r} is not a share from 0 to below 1: write 5% or 0.05.", param, ctx)
        return share


class Duration(click.ParamType[float]):
    """A time of at least a tenth of a second: `30s`, `5m`, `2h`, `1d`; a bare number is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return it in seconds."""
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(str(value))
        seconds = float(match.group(1)) * _SECONDS[match.group(2)] if match else 0.0
        if not 0.1 <= seconds <= 30 * _SECONDS["d"]:
            self.fail(f"{value!r} is not a time from 0.1 seconds to 30 days: write 30s, 5m or 2h.", param, ctx)
        return seconds


class Place(click.Path):
    """A folder as a Path, or an address in an object store, s3://BUCKET/PREFIX, as text."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the folder or the address."""
        return value if isinstance(value, str) and value.startswith("s3://") else super().convert(value, param, ctx)


class SeveralValues(click.Command):
    """A command whose options with `multiple=True` also take several values after one name: `--compare M1 M2`.

    What follows such a name belongs to it, up to the next option: the command's arguments come before it, or after another
    option or `--`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give each of the values the name before it."""
        several = {name for p in self.params if isinstance(p, click.Option) and p.multiple for name in p.opts}
        spread: list[str] = []
        name, taken = "", 0
        for i, argument in enumerate(args):
            if argument == "--":
                spread += args[i:]
                break
            if argument in several:
                name, taken = argument, 0
                spread.append(argument)
            elif argument.startswith("-") and argument != "-":
                name = ""
                spread.append(argument)
            else:
                spread += [name, argument] if name and taken else [argument]
                taken += 1
        return super().parse_args(ctx, spread)
