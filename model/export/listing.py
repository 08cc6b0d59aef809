"""What an export wrote into a folder, listed beside it, so that the next one there leaves nothing behind that is not its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from model.export import stac
from model.export.package import RASTERS
from tiles.files import unwritable, write_whole

LISTING = ".floodscope-export"
_HEAD = "# What a floodscope export wrote here. The next one into this folder removes what it does not write again."


def replace_earlier(out: Path, files: Iterable[str]) -> int:
    """List the files of an export, and remove those that an earlier one listed and this one does not hold.

    A file that no export listed is left as it is, whatever its name.

    Args:
        out: the folder of both exports.
        files: what this one wrote, relative to it.

    Returns:
        How many files were removed.

    Raises:
        OutputError: the folder cannot be written.
    """
    own = set(files)
    removed = 0
    try:
        for path in (out / name for name in _listed(out) - own):
            if path.is_file():
                path.unlink()
                removed += 1
        for folder in (RASTERS, stac.ITEMS):
            with contextlib.suppress(OSError):  # it holds something, or was never made
                (out / folder).rmdir()
        write_whole(out / LISTING, "\n".join([_HEAD, *sorted(own), ""]).encode())
    except OSError as error:
        raise unwritable(out, error) from error
    return removed


def _listed(out: Path) -> set[str]:
    """Return the files that an earlier export listed; a line that leads out of its folders is none."""
    try:
        lines = (out / LISTING).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    places = {".", RASTERS, stac.ITEMS}
    return {line for line in lines if line[:1] not in ("", "#") and str(PurePosixPath(line).parent) in places}
