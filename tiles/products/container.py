"""The files of a product, in its folder or in its zip: listed and read within limits, by names that lead nowhere else."""

from __future__ import annotations

import contextlib
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET
from xml.parsers import expat

from tiles.errors import UnreadableFileError
from tiles.sentences import shown

MANIFEST = "manifest.safe"
_MOST_FILES = 2_000
_MOST_XML = 64 << 20  # a manifest has 22 kB, an annotation 1.7 MB, that of the longest slices 10 MB
_MOST_MEASUREMENT = 16 << 30
_CHUNK = 1 << 20
_FOLDER_DEPTH = 3
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# What a damaged zip makes zipfile raise, beside its own error.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def is_product(path: str | Path) -> bool:
    """Return whether a path, as `Asset.path` has it, is that of a product: the manifest of a folder, or a zip.

    Opens nothing: what it holds is another question.
    """
    name = Path(path).name.lower()
    return name == MANIFEST or name.endswith(".zip")


@dataclass(frozen=True)
class Container:
    """A product's files.

    Attributes:
        path: the manifest of a folder, or the zip.
    """

    path: Path

    @property
    def name(self) -> str:
        """The product's name, without .SAFE and .zip."""
        own = self.path.parent.name if self.path.name.lower() == MANIFEST else self.path.name
        return re.sub(r"(\.SAFE)?(\.zip)?$", "", own, flags=re.IGNORECASE)

    @property
    def zipped(self) -> bool:
        """Whether it is a zip."""
        return self.path.name.lower() != MANIFEST

    @cached_property
    def _members(self) -> dict[str, zipfile.ZipInfo]:
        with self._opened() as file:
            infos = [info for info in file.infolist() if not info.is_dir()]
        if len(infos) > _MOST_FILES:
            raise UnreadableFileError(
                f"{{file}} holds {len(infos):,} files, a Sentinel-1 product some 40: give the zip of one product.",
                file=self.path,
            )
        manifests = [PurePosixPath(i.filename) for i in infos if PurePosixPath(i.filename).name.lower() == MANIFEST]
        if not manifests:
            raise UnreadableFileError(
                "{file} holds no manifest.safe, so it is no Sentinel-1 product: give the zip as Copernicus delivers it.",
                file=self.path,
            )
        if len(manifests) > 1:
            raise UnreadableFileError(
                f"{{file}} holds {len(manifests)} products: unpack it and give the folder that they are in.",
                file=self.path,
            )
        root = manifests[0].parent
        return {
            str(PurePosixPath(i.filename).relative_to(root)): i
            for i in infos
            if PurePosixPath(i.filename).is_relative_to(root)
        }

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The files' names, relative to the product's folder, with / between.

        Raises:
            UnreadableFileError: the zip is damaged, or holds no product.
        """
        if self.zipped:
            return tuple(sorted(self._members))
        folder = self.path.parent
        found = []
        for deep in range(_FOLDER_DEPTH):
            found += [p for p in folder.glob("*/" * deep + "*") if p.is_file()]
            if len(found) > _MOST_FILES:
                break
        return tuple(sorted(p.relative_to(folder).as_posix() for p in found[:_MOST_FILES]))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self.path) as file:
                yield file
        except UnreadableFileError:
            raise
        except OSError as error:
            raise UnreadableFileError(
                f"{{file}} cannot be read ({error.strerror or error}): check the path and its permissions.",
                file=self.path,
            ) from error
        except _ZIP_ERRORS as error:
            why = "it is encrypted" if "encrypted" in str(error) else shown(str(error))[:120] or "it ends too early"
            raise UnreadableFileError(
                f"{{file}} is no whole zip ({why}): download it again.", file=self.path
            ) from error

    def file(self, name: str) -> Path:
        """Return the path that a message calls a file of the product by."""
        return (self.path if self.zipped else self.path.parent) / name

    def xml(self, name: str) -> ET.Element:
        """Return the root of an XML file.

        Raises:
            UnreadableFileError: it is missing, damaged, too large, or holds a document type (no product's does).
        """
        data = self._read(name)
        if _DOCTYPE.search(data):
            raise UnreadableFileError(
                "{file} holds a document type, which no Sentinel-1 product has: download the product again.",
                file=self.file(name),
            )
        try:
            return ET.fromstring(data)  # noqa: S314 - of limited size, without a document type
        except (ET.ParseError, expat.ExpatError, ValueError, LookupError) as error:
            why = "it is empty" if not data.strip() else shown(str(error))[:80]
            raise UnreadableFileError(
                f"{{file}} is no sound XML ({why}): download the product again.", file=self.file(name)
            ) from error

    def _read(self, name: str) -> bytes:
        if self.size(name) > _MOST_XML:
            raise UnreadableFileError(
                f"{{file}} has {self.size(name):,} bytes, {_MOST_XML:,} are the most of such a file: download the product "
                "again.",
                file=self.file(name),
            )
        if not self.zipped:
            try:
                with self.file(name).open("rb") as stream:
                    return stream.read(_MOST_XML)
            except OSError as error:
                raise UnreadableFileError(
                    f"{{file}} cannot be read ({error.strerror}): check its permissions.", file=self.file(name)
                ) from error
        with self._opened() as file, file.open(self._members[name]) as member:
            data = member.read(_MOST_XML + 1)
        return data[:_MOST_XML]

    def size(self, name: str) -> int:
        """Return how many bytes a file has, or says in the zip that it has."""
        try:
            return self._members[name].file_size if self.zipped else self.file(name).stat().st_size
        except (OSError, KeyError) as error:
            raise UnreadableFileError(
                "{file} is missing in its product: download the product again.", file=self.file(name)
            ) from error

    def stamp(self, names: tuple[str, ...]) -> str:
        """Return what tells the product's present files from all others: their names, sizes, and times or checksums."""
        said = [self.name]
        for name in names:
            if self.zipped:
                info = self._members[name]
                said.append(f"{name}|{info.file_size}|{info.CRC:08x}")
            else:
                self.size(name)
                stat = self.file(name).stat()
                said.append(f"{name}|{stat.st_size}|{stat.st_mtime_ns}")
        return "\n".join(said)

    def on_disk(self, name: str, folder: Path) -> Path:
        """Return the path of a file to read pixels from: its own, or of a zip's a copy in a folder, whose sum was checked.

        Raises:
            UnreadableFileError: the zip's part of it is damaged.
            OSError: there is no room for the copy.
        """
        if not self.zipped:
            return self.file(name)
        info = self._members[name]
        if info.file_size > _MOST_MEASUREMENT:
            raise UnreadableFileError(
                f"{{file}} says that it has {info.file_size:,} bytes, {_MOST_MEASUREMENT:,} are the most: download the "
                "product again.",
                file=self.file(name),
            )
        target = folder / PurePosixPath(name).name
        left = info.file_size
        with self._opened() as file, file.open(info) as member, target.open("wb") as out:
            while left > 0 and (part := member.read(min(_CHUNK, left))):
                out.write(part)
                left -= len(part)
            if member.read(1):  # asked for, so that the sum of the whole is compared
                raise UnreadableFileError(
                    "{file} has more bytes than its zip says: download the product again.", file=self.file(name)
                )
        return target

    def room_needed(self, names: tuple[str, ...]) -> int:
        """Return how many bytes `on_disk` would write for some files."""
        return sum(self.size(name) for name in names) if self.zipped else 0


def room_at(folder: Path) -> int:
    """Return how many bytes are free where a folder lies."""
    return shutil.disk_usage(folder).free
