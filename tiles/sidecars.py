"""Files beside a raster that say where it lies: world files, GDAL's .aux.xml, .prj. Read here, strictly, and never by GDAL.

An .aux.xml can make GDAL open other files, and a folder may come from strangers; these three formats are small enough to be
read by what is documented of them, and nothing else.
"""

from __future__ import annotations

import math
import os
import re
import stat
import time
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

PAM = ".aux.xml"
# By GDAL's order; the second and third are what .tif and .tiff give in full. ArcGIS adds an x where its own file says more.
WORLD = (".tfw", ".tifw", ".tiffw", ".wld", ".tfwx", ".tifwx", ".tiffwx")
PRJ = (".prj",)
ENDINGS = (PAM, *WORLD, *PRJ)
"""How the names of files that say a place end, in small letters."""
UNREAD = (".tab", ".points", ".aux", ".rpb")
"""Files of other programs that say a place as well and are not read: MapInfo, QGIS's georeferencer, ERDAS, camera models."""

_RASTERS = (".tif", ".tiff")
# A folder's time of change is one of the kernel's clock, which stands still for so long at most.
_TICK_NS = 50_000_000
_MAX_BYTES = {PAM: 1 << 20, ".prj": 64 << 10}
_MAX_WORLD_BYTES = 4096
_MAX_DEPTH, _MAX_GCPS, _MAX_CRS = 32, 10_000, 32_000
_CODE = re.compile(r"EPSG:[0-9]{4,6}", re.IGNORECASE)
_WKT = re.compile(
    r"(?:PROJCS|GEOGCS|COMPD_CS|PROJCRS|PROJECTEDCRS|GEOGCRS|GEOGRAPHICCRS|GEODCRS|GEODETICCRS|BOUNDCRS|COMPOUNDCRS)\s*\["
)
# Of a coordinate system that names a grid of shifts, PROJ would open that file; "@null" is none.
_OPENS_FILES = re.compile(r"grids\s*=\s*(?!@null\b)|INTERPOLATION|PARAMETERFILE|\+init", re.IGNORECASE)


@dataclass(frozen=True)
class _Names:
    """The names in a folder that may say a place: by themselves in small letters; and stems of rasters that such names have."""

    beside: dict[str, tuple[str, ...]]
    rasters: frozenset[str]


@dataclass(frozen=True)
class Beside:
    """What the files beside a raster say of its place, each with the name of the file that says it.

    Attributes:
        crs, transform, gcps: of the .aux.xml, which wins over what the raster holds; None and () where it says nothing.
        gcp_crs: coordinate system of the points.
        world: transform of a world file, and its name; used where the raster holds none.
        prj: coordinate system of a .prj or of ArcGIS's part of the .aux.xml, and its name; used where there is no other.
        pam: name of the .aux.xml; empty where there is none.
        problems: a sentence for each file that is there and cannot be read.
    """

    crs: CRS | None = None
    transform: Affine | None = None
    gcps: tuple[GroundControlPoint, ...] = ()
    gcp_crs: CRS | None = None
    world: tuple[Affine, str] | None = None
    prj: tuple[CRS, str] | None = None
    pam: str = ""
    problems: tuple[str, ...] = ()


class _SideCarError(ValueError):
    """A side-car is not what its name says."""


def found_beside(path: str) -> Iterator[tuple[str, str]]:
    """Return what lies beside a raster that says a place, and how its name ends, in the order in which they are asked.

    A name in the raster's own letter case goes first. One in another is that of another raster where there is such a one.
    """
    folder, name = os.path.split(path)
    stem, _ = os.path.splitext(name)  # noqa: PTH122 - one string operation, asked of each file at each revision
    names = _names_in(folder)
    if not names.beside:
        return
    for ending in ENDINGS:
        owners = (name,) if ending == PAM else (stem, name)
        for owner in owners:
            here = names.beside.get(f"{owner}{ending}".lower(), ())
            for one in sorted(here, key=lambda one: (one[: -len(ending)] != owner, one[-len(ending) :] != ending, one)):
                of = one[: -len(ending)]
                if of == owner or of not in names.rasters:
                    yield os.path.join(folder, one), ending  # noqa: PTH118


def unread_beside(path: str) -> list[str]:
    """Return the names of files beside a raster that say a place and are not read."""
    stem, _ = os.path.splitext(path)  # noqa: PTH122
    found = [stem + written for ending in UNREAD for written in (ending, ending.upper())]
    return [os.path.basename(file) for file in found if os.path.isfile(file)]  # noqa: PTH113, PTH119


def _names_in(folder: str) -> _Names:
    try:
        changed = os.stat(folder or ".").st_mtime_ns  # noqa: PTH116 - asked of each file at each tile
    except (OSError, ValueError):
        return _Names({}, frozenset())
    if abs(time.time_ns() - changed) < _TICK_NS:  # what comes next may not move the folder's time
        return _listed.__wrapped__(folder, changed)
    return _listed(folder, changed)


@lru_cache(maxsize=256)
def _listed(folder: str, _changed: int) -> _Names:
    """Return the names in a folder while its time of change stays the same."""
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - a hundred thousand names
    except OSError:
        names = []
    beside: dict[str, tuple[str, ...]] = {}
    for name in names:
        small = name.lower()
        if small.endswith(ENDINGS):
            beside[small] = (*beside.get(small, ()), name)
    if not beside:
        return _Names({}, frozenset())
    stems = {small[: -len(ending)] for small in beside for ending in ENDINGS if small.endswith(ending)}
    rasters: set[str] = set()
    for name in names:
        stem, ending = os.path.splitext(name)  # noqa: PTH122
        if ending.lower() in _RASTERS:
            rasters.update(one for one in (stem, name) if one.lower() in stems)
    return _Names(beside, frozenset(rasters))


def read_beside(path: str) -> Beside:
    """Return what lies beside a raster; never raises for a file that is wrong."""
    problems: list[str] = []
    found: dict[str, object] = {}
    world: tuple[Affine, str] | None = None
    prj: tuple[CRS, str] | None = None
    pam = ""
    for file, ending in found_beside(path):
        name = Path(file).name
        if (ending in PRJ and prj) or (ending == PAM and pam):
            continue
        try:
            data = _content(file, _MAX_BYTES.get(ending, _MAX_WORLD_BYTES))
            if data is None:
                continue
            if ending == PAM:
                pam = name
                found, further = _pam(data)
                prj = (further, name) if further is not None else None
            elif ending in PRJ:
                prj = _crs(_text(data)), name
            elif world is None:
                world = _world(data), name
            elif not world[0].almost_equals(_world(data)):
                problems.append(f"{name} beside it is not used: it says another place than {world[1]}")
        except _SideCarError as error:
            problems.append(f"{name} beside it is not used: it {error}")
    return Beside(**found, world=world, prj=prj, pam=pam, problems=tuple(problems))  # type: ignore[arg-type]


def beside_mark(path: str) -> str:
    """Return a text that changes whenever a file beside a raster says another place; empty where none says any.

    Statistics that a viewer keeps in an .aux.xml do not count.
    """
    marks = []
    for file, ending in found_beside(path):
        try:
            status = os.stat(file)  # noqa: PTH116 - asked of each file at each tile
        except OSError:
            continue
        if ending != PAM or _says_a_place(file, status.st_size, status.st_mtime_ns):
            marks.append(f"|{file[-8:]}|{status.st_size}|{status.st_mtime_ns}")
    return "".join(marks)


@lru_cache(maxsize=8192)
def _says_a_place(file: str, _size: int, _changed: int) -> bool:
    try:
        data = _content(file, _MAX_BYTES[PAM])
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
