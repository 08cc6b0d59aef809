"""What a file is before GDAL sees it: missing, a link to nowhere, a folder, a pipe, empty, forbidden, or no TIFF."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from tiles.errors import UnreadableFileError
from tiles.reading.directory import GDAL_METADATA, has_more_directories, tag_bytes
from tiles.sentences import Sentence

# First bytes, and what a file that has them is. Zarr, SAFE and other folders never come here.
_FORMATS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 image"),
    (b"\x89HDF", "an HDF5 or netCDF file"),
    (b"CDF", "a netCDF file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PAR1", "a Parquet table"),
    (b"<VRTDataset", "a GDAL virtual raster (VRT), which only names other files"),
    (b"<", "an XML or HTML file, perhaps the answer of a failed download"),
)
# Small texts that stand for a file which was not fetched.
_POINTERS = (
    (b"version https://git-lfs", "a pointer of Git LFS", "fetch the files with `git lfs pull` in their repository"),
    (b"version https://hawser", "a pointer of Git LFS", "fetch the files with `git lfs pull` in their repository"),
    (b"/annex/objects/", "a pointer of git-annex", "fetch the files with `git annex get .` in their repository"),
)
_TIFF = {b"II*\x00": "little", b"MM\x00*": "big", b"II+\x00": "little", b"MM\x00+": "big"}
_MOST_METADATA, _MOST_DIRECTORIES = 256 << 10, 256
_KINDS = (
    (stat.S_ISDIR, "a folder", "move it away, and put the GeoTIFF itself there"),
    (stat.S_ISFIFO, "a named pipe", "save what comes through it as a file"),
    (stat.S_ISSOCK, "a socket", "move it away"),
    (stat.S_ISCHR, "a device", "save the raster as a file"),
    (stat.S_ISBLK, "a device", "save the raster as a file"),
)


def is_utf8(path: str | os.PathLike[str]) -> bool:
    """Return whether a name is UTF-8, so that GDAL, databases and JSON can hold it."""
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def require_tiff(path: str) -> None:
    """Raise unless the path leads to a regular, permitted file that begins as a TIFF and reaches its first directory.

    Never waits: a named pipe without a writer is told by its kind, not opened.

    Raises:
        UnreadableFileError: what it is instead, and what to do.
    """
    if not is_utf8(path):
        raise UnreadableFileError("{file} has a name that is not UTF-8: rename it.", file=path)
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        raise UnreadableFileError(_unreachable(path, error)) from error
    for is_kind, kind, todo in _KINDS:
        if is_kind(mode):
            raise UnreadableFileError(f"{{file}} is {kind}, not a file: {todo}.", file=path)
    try:
        with Path(path).open("rb") as handle:
            head = handle.read(32)
            size = os.fstat(handle.fileno()).st_size
    except PermissionError as error:
        raise UnreadableFileError(
            "{file} may not be read: give read permission to it (chmod +r FILE).", file=path
        ) from error
    except OSError as error:
        raise UnreadableFileError(
            f"{{file}} cannot be read ({error.strerror}): copy it to another disk.", file=path
        ) from error
    if size == 0:
        raise UnreadableFileError("{file} is empty (0 bytes): copy or download it again.", file=path)
    for magic, kind, todo in _POINTERS:
        if head.startswith(magic):
            raise UnreadableFileError(f"{{file}} is {kind}, not the file itself: {todo}.", file=path)
    order = _TIFF.get(head[:4])
    if order is None:
        raise UnreadableFileError(f"{{file}} is not a readable GeoTIFF but {_format(head)}: {_todo(head)}.", file=path)
    _require_directory(path, head, order, size)
    _require_little(path)


def _require_little(path: str) -> None:
    """Raise where a header is so long that reading it is work: GDAL's time grows with the square of what it lists."""
    if has_more_directories(path, _MOST_DIRECTORIES):
        raise UnreadableFileError(
            f"{{file}} holds more than {_MOST_DIRECTORIES} images: export the one that is meant as a file of its own.",
            file=path,
        )
    if (there := tag_bytes(path, GDAL_METADATA)) > _MOST_METADATA:
        raise UnreadableFileError(
            f"{{file}} carries {there:,} bytes of metadata beside its pixels, {_MOST_METADATA:,} is the most: export it anew "
            "without them.",
            file=path,
        )


def _unreachable(path: str, error: OSError | ValueError) -> Sentence:
    code = getattr(error, "errno", None)
    if code == errno.ELOOP:
        return Sentence("{file} is a loop of symbolic links: put the file itself there.", file=path)
    if code in {errno.ENOENT, errno.ENOTDIR}:
        if Path(path).is_symlink():
            return Sentence(
                "{file} is a symbolic link to {end}, which is not there: mend the link, or put the file itself there.",
                file=path,
                end=Path(path).readlink(),
            )
        return Sentence("{file} does not exist: check the path, or build the catalog again.", file=path)
    if code == errno.EACCES:
        return Sentence(
            "{file} lies in a folder that may not be entered: give permission to it (chmod +x FOLDER).", file=path
        )
    why = getattr(error, "strerror", None) or error
    return Sentence(f"{{file}} cannot be reached ({why}): check the path.", file=path)


def _format(head: bytes) -> str:
    for magic, kind in _FORMATS:
        if head.startswith(magic):
            return kind
    if not head.strip(b"\0"):
        return "a file of zeros, perhaps a download that stopped"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return "a text file"
    return "a file of an unknown format"


def _todo(head: bytes) -> str:
    packed = head.startswith((b"PK\x03\x04", b"\x1f\x8b"))
    return "unpack it, and give the GeoTIFFs that it holds" if packed else "export the raster as GeoTIFF"


def _require_directory(path: str, head: bytes, order: str, size: int) -> None:
    """Raise where the file ends before its first directory (TIFF 6.0, section 2; BigTIFF: 8 byte offsets)."""
    big = b"+" in head[:4]
    field = head[8:16] if big else head[4:8]
    at = int.from_bytes(field, order) if len(field) == (8 if big else 4) else size  # type: ignore[arg-type]
    if at + 2 > size:
        raise UnreadableFileError(
            f"{{file}} is cut off in its header: it ends at byte {size:,}, before the directory that says what it holds: "
            "copy or download it again.",
            file=path,
        )
