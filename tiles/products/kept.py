"""The maps that were made of products: where they are kept, and how one is made when it is asked for."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from tiles.claims import Claim, alone, sweep
from tiles.errors import UnreadableFileError
from tiles.files import replacing, unwritable
from tiles.products.make import Progress, make
from tiles.products.product import SPACING, Product

FOLDER_VARIABLE, LIMIT_VARIABLE = "FLOODSCOPE_SCENES", "FLOODSCOPE_SCENES_GB"
"""Environment variables: the folder of the maps, and how many gigabytes they may have together."""

_MOST_GB = 50.0
# Goes up when maps are made otherwise than before, so that those of an earlier version are made anew.
_VERSION = b"1"
_WORK = ".making-"
_ENDING = ".tif"


def maps_folder() -> Path:
    """Return the folder that maps are kept in: FLOODSCOPE_SCENES, else `scenes` in this user's data folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415

    return Path(platformdirs.user_data_dir("floodscope", appauthor=False)) / "scenes"


def kept_at(product: Product, spacing: int = SPACING, folder: Path | None = None) -> Path:
    """Return where the map of a product's present files is kept, made or not.

    Raises:
        UnreadableFileError, BandError: it is no product that can be laid onto a map.
    """
    product.require_taken()
    digest = hashlib.blake2b(_VERSION + f"{spacing}\n{product.stamp()}".encode(), digest_size=6).hexdigest()
    name = product.container.name.encode()[:150].decode(errors="ignore")
    return (folder or maps_folder()) / f"{name}_{spacing}m_{digest}{_ENDING}"


def kept_map(product: Product, progress: Progress = lambda share: None, spacing: int = SPACING) -> Path:
    """Return the map of a product; it is made where it is not there yet, and one that is being made is waited for.

    What is begun and not ended leaves nothing behind: it is made anew.

    Raises:
        UnreadableFileError, BandError, GeoreferenceError: the product cannot be laid onto a map.
        OutputError: the folder cannot be written, or has no room.
    """
    target = kept_at(product, spacing)
    if _used(target):
        return target
    folder = target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder / f".{target.stem}.lock"):
            if _used(target):
                return target
            sweep(folder, _WORK)
            _make_room(folder, besides=target)
            with _workplace(folder) as work, replacing(target) as part:
                make(product, part, spacing, work, progress)
            (folder / f".{target.stem}.lock").unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return target


def write_map(product: Product, out: Path, spacing: int, progress: Progress = lambda share: None) -> None:
    """Write the map of a product to a file of the user's; it is there whole or not at all.

    Raises:
        ChipError, OutputError: as `kept_map`.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        sweep(out.parent, _WORK)
        with _workplace(out.parent) as work, replacing(out) as part:
            make(product, part, spacing, work, progress)
    except OSError as error:
        raise unwritable(out, error) from error


@contextlib.contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    claim = Claim(folder, _WORK)
    try:
        yield claim.folder
    finally:
        claim.close()


def _used(target: Path) -> bool:
    """Return whether a map is there; its time then says that it was used."""
    with contextlib.suppress(OSError):
        os.utime(target)
        return True
    return False


def _make_room(folder: Path, besides: Path) -> None:
    """Remove the maps that were not used for longest, until the others have less than their limit together."""
    most = _limit() * 1e9
    found = []
    for path in folder.glob(f"*{_ENDING}"):
        with contextlib.suppress(OSError):
            if path != besides and not path.name.startswith("."):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= most:
            return
        path.unlink(missing_ok=True)
        total -= size


def _limit() -> float:
    try:
        return float(os.environ.get(LIMIT_VARIABLE, _MOST_GB))
    except ValueError as error:
        raise UnreadableFileError(
            f"{LIMIT_VARIABLE} is no number of gigabytes: give one, such as {LIMIT_VARIABLE}=50."
        ) from error
