"""Files beside a raster that say where it lies: world files, GDAL's .aux.xml, .prj. Read here, strictly, and never by GDAL.

An .aux.xml can make GDAL open other files, and a folder may come from strangers; these three formats are small enough to be
read by what is documented of them, and nothing else.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers import expat

from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.errors import CRSError

_PAM = ".aux.xml"
# By GDAL's order; the second is what the ending .tiff gives. Names are as tools write them, or all in capitals.
_WORLD = (".tfw", ".tifw", ".tiffw", ".wld")
_PRJ = (".prj",)
_MAX_BYTES = {_PAM: 1 << 20, ".prj": 64 << 10}
_MAX_WORLD_BYTES = 4096
_MAX_DEPTH, _MAX_GCPS, _MAX_CRS = 32, 10_000, 32_000
_CODE = re.compile(r"EPSG:[0-9]{4,6}", re.IGNORECASE)
_WKT = re.compile(
    r"(?:PROJCS|GEOGCS|COMPD_CS|PROJCRS|PROJECTEDCRS|GEOGCRS|GEOGRAPHICCRS|GEODCRS|GEODETICCRS|BOUNDCRS|COMPOUNDCRS)\s*\["
)
# Of a coordinate system that names a grid of shifts, PROJ would open that file; "@null" is none.
_OPENS_FILES = re.compile(r"grids\s*=\s*(?!@null\b)|INTERPOLATION|PARAMETERFILE|\+init", re.IGNORECASE)


@dataclass(frozen=True)
class Beside:
    """What the files beside a raster say of its place, each with the name of the file that says it.

    Attributes:
        crs, transform, gcps: of the .aux.xml, which wins over what the raster holds; None and () where it says nothing.
        gcp_crs: coordinate system of the points.
        world: transform of a world file, and its name; used where the raster holds none.
        prj: coordinate system of a .prj or of ArcGIS's part of the .aux.xml, and its name; used where there is no other.
        problems: a sentence for each file that is there and cannot be read.
    """

    crs: CRS | None = None
    transform: Affine | None = None
    gcps: tuple[GroundControlPoint, ...] = ()
    gcp_crs: CRS | None = None
    world: tuple[Affine, str] | None = None
    prj: tuple[CRS, str] | None = None
    problems: tuple[str, ...] = ()


class _SideCarError(ValueError):
    """A side-car is not what its name says."""


def candidates(path: str) -> Iterator[str]:
    """Return every name that a side-car of a raster may have, in the order in which they are asked."""
    yield path + _PAM
    stem, _ = os.path.splitext(path)  # noqa: PTH122 - one string operation, asked of each file at each revision
    for ending in (*_WORLD, *_PRJ):
        yield stem + ending
        yield stem + ending.upper()


def read_beside(path: str) -> Beside:
    """Return what lies beside a raster; never raises for a file that is wrong."""
    problems: list[str] = []
    found: dict[str, object] = {}
    world: tuple[Affine, str] | None = None
    prj: tuple[CRS, str] | None = None
    for file in candidates(path):
        name, ending = Path(file).name, _PAM if file.endswith(_PAM) else Path(file).suffix.lower()
        if (ending in _WORLD and world) or (ending in _PRJ and prj):
            continue
        try:
            data = _content(file, _MAX_BYTES.get(ending, _MAX_WORLD_BYTES))
            if data is None:
                continue
            if ending == _PAM:
                found, further = _pam(data)
                prj = (further, name) if further is not None else None
            elif ending in _WORLD:
                world = _world(data), name
            else:
                prj = _crs(_text(data)), name
        except _SideCarError as error:
            problems.append(f"{name} beside it is not used: it {error}")
    return Beside(**found, world=world, prj=prj, problems=tuple(problems))  # type: ignore[arg-type]


def beside_mark(path: str) -> str:
    """Return a text that changes whenever a file beside a raster says another place; empty where none says any.

    Statistics that a viewer keeps in an .aux.xml do not count.
    """
    try:
        changed = os.stat(os.path.dirname(path) or ".").st_mtime_ns  # noqa: PTH116, PTH120 - asked of each file at each tile
    except (OSError, ValueError):
        return ""
    marks = []
    for file in _there(path, changed):
        try:
            status = os.stat(file)  # noqa: PTH116
        except OSError:
            continue
        if not file.endswith(_PAM) or _says_a_place(file, status.st_size, status.st_mtime_ns):
            marks.append(f"|{file[-8:]}|{status.st_size}|{status.st_mtime_ns}")
    return "".join(marks)


@lru_cache(maxsize=1 << 16)
def _there(path: str, _changed: int) -> tuple[str, ...]:
    """Return the side-cars that are there while their folder's time of change stays the same."""
    return tuple(filter(os.path.exists, candidates(path)))


@lru_cache(maxsize=8192)
def _says_a_place(file: str, _size: int, _changed: int) -> bool:
    try:
        data = _content(file, _MAX_BYTES[_PAM])
        return data is not None and _pam(data) != ({}, None)
    except _SideCarError:
        return True


def _content(file: str, limit: int) -> bytes | None:
    """Return a side-car's bytes; None where there is none."""
    try:
        status = os.stat(file)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    if status.st_size > limit:
        raise _SideCarError(f"has {status.st_size:,} bytes, {limit:,} is the most")
    try:
        with Path(file).open("rb") as handle:
            return handle.read(limit)
    except OSError as error:
        raise _SideCarError(f"cannot be read ({error.strerror})") from error


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise _SideCarError("is no text") from error


def _world(data: bytes) -> Affine:
    """Return the transform of a world file: six numbers, one a line, of which the last two are the first pixel's middle."""
    try:
        a, d, b, e, x, y = (float(line.strip().replace(",", ".")) for line in _text(data).split("\n") if line.strip())
    except ValueError as error:
        raise _SideCarError("does not hold six numbers, one a line") from error
    return _regular(Affine(a, b, x - (a + b) / 2, d, e, y - (d + e) / 2))


def _regular(transform: Affine) -> Affine:
    if not all(map(math.isfinite, transform)) or transform.a * transform.e == transform.b * transform.d:
        raise _SideCarError("gives pixels without an area")
    return transform


def _crs(text: str) -> CRS:
    """Return the coordinate system that a text names by an EPSG code, as WKT, or as a PROJ string; files are never opened."""
    if len(text) > _MAX_CRS or _OPENS_FILES.search(text):
        raise _SideCarError("names a coordinate system that would open other files, or is too long")
    try:
        if _CODE.fullmatch(text):
            return CRS.from_epsg(int(text[5:]))
        if text.startswith("+proj="):
            return CRS.from_proj4(text)
        if _WKT.match(text):
            return CRS.from_wkt(text)
    except (CRSError, ValueError) as error:
        raise _SideCarError("names a coordinate system that is not understood") from error
    raise _SideCarError("does not name a coordinate system")


def _tree(data: bytes) -> ET.Element:
    """Return the elements of an XML without a document type, and so without entities, of bounded depth."""
    parser, builder, depth = expat.ParserCreate(), ET.TreeBuilder(), 0

    def refuse(*_: object) -> None:
        raise _SideCarError("declares a document type, which no such file needs")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise _SideCarError("is nested too deep")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, _SideCarError):
            raise
        raise _SideCarError("is no readable XML") from error
    return builder.close()


def _pam(data: bytes) -> tuple[dict[str, object], CRS | None]:
    """Return the place that an .aux.xml of GDAL says (SRS, GeoTransform, GCPList), and ArcGIS's coordinate system in it."""
    root = _tree(data)
    if root.tag != "PAMDataset":
        return {}, None
    found: dict[str, object] = {}
    if (srs := (root.findtext("SRS") or "").strip()) != "":
        found["crs"] = _crs(srs)
    if (numbers := root.findtext("GeoTransform")) is not None:
        try:
            c, a, b, f, d, e = (float(number) for number in numbers.split(","))
        except ValueError as error:
            raise _SideCarError("has a GeoTransform that is not six numbers") from error
        found["transform"] = _regular(Affine(a, b, c, d, e, f))
    if (points := root.find("GCPList")) is not None:
        found["gcps"] = _points(points)
        if projection := points.get("Projection", "").strip():
            found["gcp_crs"] = _crs(projection)
    further = next((text for one in root.iter("SpatialReference") if (text := one.findtext("WKT"))), None)
    return found, _crs(further.strip()) if further else None


def _points(points: ET.Element) -> tuple[GroundControlPoint, ...]:
    found = points.findall("GCP")
    if len(found) > _MAX_GCPS:
        raise _SideCarError(f"has {len(found):,} ground control points, {_MAX_GCPS:,} is the most")
    try:
        numbers = [[float(point.get(key, "")) for key in ("Line", "Pixel", "X", "Y")] for point in found]
    except ValueError as error:
        raise _SideCarError("has ground control points without numbers") from error
    if not all(map(math.isfinite, (n for row in numbers for n in row))):
        raise _SideCarError("has ground control points that are no numbers")
    return tuple(GroundControlPoint(row, col, x, y, 0.0) for row, col, x, y in numbers)
