"""Files that are no GeoTIFF by their ending, each with its true cause: downloads that stopped, pointers, archives, pictures."""

from __future__ import annotations

from pathlib import Path

from tiles.errors import Problem
from tiles.layouts.folder import tiffs
from tiles.layouts.names import part_of
from tiles.sentences import Sentence, shown

_UNFINISHED = frozenset(
    {".crdownload", ".part", ".partial", ".download", ".aria2", ".filepart", ".opdownload", ".!ut", ".tmp"}
)
_TARS = frozenset({".tar", ".tgz", ".tbz2", ".txz"})
_PACKED = frozenset({".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", *_TARS})
# Rasters and pictures that GDAL reads as it comes with floodscope.
_RASTERS = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".jp2", ".j2k", ".img", ".vrt", ".asc", ".bil", ".rst"}
)


def cause(path: Path) -> Sentence:
    """Return what is said of a file that is needed and is no GeoTIFF by its ending: what it is, and what to do."""
    ending = path.suffix.lower()
    if ending in _UNFINISHED:
        return Sentence("{file} is a download that has not ended: let it end, or download the file again.", file=path)
    if ending == ".icloud":
        return Sentence("{file} stands for a file that iCloud keeps elsewhere: have it downloaded.", file=path)
    if ending == ".dvc":
        return Sentence(
            "{file} is a pointer of DVC, not the file itself: fetch it with dvc pull in its repository.", file=path
        )
    if ending in _PACKED:
        return Sentence("{file} is an archive: unpack it, and give the folder of GeoTIFFs that it holds.", file=path)
    if ending in _RASTERS:
        return Sentence(
            f"{{file}} has the ending {shown(path.suffix)}, and GeoTIFF files are read (.tif, .tiff): write it as one (rio "
            "convert FILE OUT.tif).",
            file=path,
        )
    return Sentence(
        f"{{file}} has the ending {shown(path.suffix) or '(none)'}: floodscope reads GeoTIFF files (.tif, .tiff), convert or "
        "rename it.",
        file=path,
    )


def known_ending(path: Path) -> Sentence | None:
    """Return `cause` of a file whose ending says what it is, or None."""
    known = {*_UNFINISHED, *_PACKED, *_RASTERS, ".icloud", ".dvc"}
    return cause(path) if path.suffix.lower() in known else None


def packed_in(folder: Path) -> list[Path]:
    """Return the archives in a folder, as downloads leave them there."""
    return sorted(
        p for p in folder.iterdir() if p.suffix.lower() in _PACKED and p.is_file() and not p.name.startswith(".")
    )


def lack_of_labels(folder: Path) -> Sentence | None:
    """Return why a folder that should hold labels gives none, or None where it holds a GeoTIFF."""
    if not folder.is_dir():
        return Sentence(
            "{file} is not there, so the images of that name have no label: put their labels there.", file=folder
        )
    if tiffs(folder):
        return None
    others = [p for p in sorted(folder.iterdir()) if p.is_file() and not p.name.startswith(".")]
    first = next((p for p in others if p.suffix.lower() in _RASTERS), others[0] if others else None)
    if first is None:
        return Sentence(
            "{file} holds no GeoTIFF (.tif, .tiff), so no label: give the folder that the labels lie in.", file=folder
        )
    many = f" and {len(others) - 1} more" if len(others) > 1 else ""
    why = Sentence(str(cause(first)).partition(": ")[2])
    return Sentence(f"{{file}} holds no GeoTIFF, but {shown(first.name)}{many}, so no label: {why}", file=folder)


def pictured_labels(folder: Path) -> list[Problem]:
    """Say of pictures that are called labels that they are none yet: one line a folder."""
    found = [
        p
        for p in sorted(folder.iterdir())
        if p.suffix.lower() in _RASTERS and not p.name.startswith(".") and part_of(p).role in {"label", "mask"}
    ]
    if not found:
        return []
    many = f"{{file}} and {len(found) - 1} more are" if len(found) > 1 else "{file} is"
    text = (
        f"{many} called a label and no GeoTIFF, so the image has none: write it as one (rio convert FILE OUT.tif), named as it "
        "is but for the ending."
    )
    return [Problem(shown(found[0].name), Sentence(text, file=found[0]))]
