"""What an export wrote into a folder, listed beside it, so that the next one there leaves nothing behind that is not its own."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from model.export import stac
from model.export.formats import RASTERS
from tiles.errors import OutputError
from tiles.files import read_small, unwritable, write_whole
from tiles.sentences import shown

LISTING = ".floodscope-export"
_HEAD = (
    "# What a floodscope export wrote here, by its sha256. The next one into this folder removes what it does not "
    "write again and finds as it was written."
)
_MAX_BYTES = 64 << 20
_NAMED = 3


def replace_earlier(out: Path, files: Iterable[str]) -> tuple[int, str | None]:
    """List the files of an export, and remove those that an earlier one wrote and this one does not.

    Whoever hands over a folder can write the list that lies in it, so the list alone removes nothing: a file goes only where
    it lies in the folder itself, is no link, and holds, byte for byte, what the list says was written.

    Args:
        out: the folder of both exports.
        files: what this one wrote, relative to it.

    Returns:
        How many files were removed; and a sentence on those that were listed and stay, None where there are none.

    Raises:
        OutputError: the folder cannot be written.
    """
    own = set(files)
    removed: list[str] = []
    left: list[str] = []
    try:
        for name, digest in sorted(_listed(out).items()):
            path = out / name
            if name in own or not _there(path):
                continue
            if (path.parent != out and path.parent.is_symlink()) or _digest(path) != digest:
                left.append(name)
                continue
            path.unlink()
            removed.append(name)
        for folder in {Path(out / name).parent for name in removed} - {out}:
            if not any(folder.iterdir()):
                folder.rmdir()
        lines = [f"{_digest(out / name)}  {name}" for name in sorted(own)]
        write_whole(out / LISTING, "\n".join([_HEAD, *lines, ""]).encode())
    except OSError as error:
        raise unwritable(out, error) from error
    return len(removed), _stays(left)


def require_own_folders(out: Path) -> None:
    """Raise OutputError where a folder that an export writes into, inside `out`, is a link to another place."""
    for folder in (out / RASTERS, out / stac.ITEMS):
        if folder.is_symlink():
            raise OutputError(
                "{file} is a link to another folder, whose files an export would replace: remove the link, or choose "
                "another folder to export into.",
                file=folder,
            )


def require_replaceable(out: Path, files: Iterable[str]) -> None:
    """Raise OutputError where an export would replace a file that no export wrote, or that was changed since.

    Args:
        out: the folder of the export.
        files: what it may write, relative to it.
    """
    listed = _listed(out)
    for name in files:
        path = out / name
        try:
            if os.path.lexists(path) and not (name in listed and _there(path) and _digest(path) == listed[name]):
                raise OutputError(
                    "{file} is there already and is not as an export that was finished wrote it, so nothing is written: "
                    "give another folder with --out, or move the file away.",
                    file=path,
                )
        except OSError as error:
            raise unwritable(path, error) from error


def _stays(left: list[str]) -> str | None:
    if not left:
        return None
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    return (
        f"{', '.join(map(shown, left[:_NAMED]))}{more} stand in the list of an earlier export, but hold something else than "
        "it wrote, and stay: remove them if they are not yours."
    )


def _listed(out: Path) -> dict[str, str]:
    """Return the hash of each file that an earlier export listed; a line that leads out of its folders is none."""
    try:
        lines = read_small(out / LISTING, _MAX_BYTES).decode().splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    places = {".", RASTERS, stac.ITEMS}
    pairs = (line.split("  ", 1) for line in lines if line[:1] not in ("", "#") and "  " in line and "\0" not in line)
    return {name: digest for digest, name in pairs if str(PurePosixPath(name).parent) in places}


def _there(path: Path) -> bool:
    """Return whether a regular file, and no link to one, lies there."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
