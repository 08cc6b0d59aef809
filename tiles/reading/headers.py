"""What the file headers of a chip say: its footprint, its bands, and whatever makes it unusable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

import numpy as np
from pyproj.exceptions import ProjError
from shapely.geometry import Polygon

from tiles.answers import NOTHING_SAID, Answers
from tiles.archive.address import is_address
from tiles.chip import ANCILLARY, Asset, ChipRecord, Look
from tiles.errors import ChipError, GeoreferenceError
from tiles.places import country_at, date_in_tags
from tiles.reading.ancillary import ancillary_refusal, require_ancillary_type
from tiles.reading.bands import named_band, two_bands
from tiles.reading.grids import assumed_grid, fitted, unplaced
from tiles.reading.labels import label_refusal, require_label_type
from tiles.reading.raster import MAX_PIXELS, RasterInfo, read_info
from tiles.reading.units import require_number_type
from tiles.sentences import Sentence, join

# Beyond 90 by a rounding error. A footprint begins within -180 to 180, and goes on beyond that across the antimeridian.
_MAX_LATITUDE, _MAX_WEST = 90.0 + 1e-6, 180.0 + 1e-6
_HALF_GLOBE = 180.0

Headers = dict[str, RasterInfo]
"""Headers that were read already, by path, so that a file of two bands is opened once."""


def header(path: str, headers: Headers) -> RasterInfo:
    """Return a whole file's header, read at most once.

    Raises:
        UnreadableFileError: it is no readable GeoTIFF, or shorter than its header says.
    """
    if path not in headers:
        info = read_info(path)
        info.require_whole()  # before all else: of half a directory, GDAL tells half
        headers[path] = info
    return headers[path]


class Told:
    """What headers said when a folder was read before, of chips whose files are as they were: those are not opened again."""

    _SAID = (
        *("vv", "vh", "footprint", "width", "height", "unplaced", "assumed_grid", "simulated", "date"),
        *("label_problem", "ancillary_problem"),
    )

    def __init__(self, before: Mapping[str, ChipRecord], look: Look) -> None:
        """Make it.

        Args:
            before: what came of questions, by the question (`asked`), as it was told then.
            look: has looked at the files of these, and looks at others before they are opened.
        """
        self._before, self._look = before, look
        both = [r for r in before.values() if r.vv is not None and r.vh is not None and r.vv.path == r.vh.path]
        self._pairs = {r.vv.path: (r.vv, r.vh) for r in both if r.vv is not None and r.vh is not None}
        self.asked: dict[tuple[str, str], tuple[str, str]] = {}
        """What was asked this time, and the revision of the files of which, by the paths of VV and VH that came of it."""

    def pair(self, path: str) -> tuple[Asset, Asset] | None:
        """Return VV and VH of one file, where it is known what it holds; else it is looked at before it is opened."""
        self._look(Asset(path))
        return self._pairs.get(path)

    def answer(self, record: ChipRecord, ask: Callable[[], ChipRecord]) -> ChipRecord:
        """Return what `inspected` makes of a record: as it was told before, else by asking."""
        if record.footprint is not None:
            return ask()
        question = hashlib.blake2b(repr(record).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
        before = self._before.get(question)
        record.revision(self._look)  # a file that changes while it is read is another afterwards
        found = ask() if before is None else replace(record, **{name: getattr(before, name) for name in self._SAID})
        if found.vv is not None and found.vh is not None:
            self.asked[found.vv.path, found.vh.path] = question, found.revision(self._look)
        return found


_told: ContextVar[Told | None] = ContextVar("told", default=None)


@contextmanager
def remembering(told: Told) -> Iterator[None]:
    """Take what headers said before for what they say, and note what is asked."""
    token = _told.set(told)
    try:
        yield
    finally:
        _told.reset(token)


_counted: ContextVar[Callable[[], None]] = ContextVar("counted", default=lambda: None)


@contextmanager
def counting(tell: Callable[[], None]) -> Iterator[None]:
    """Have `tell` called at each chip that is looked at: of a large folder, and of files on a server, that takes long."""
    token = _counted.set(tell)
    try:
        yield
    finally:
        _counted.reset(token)


def two_band_assets(
    path: str,
    headers: Headers,
    answers: Answers = NOTHING_SAID,
    called: str | None = None,
) -> tuple[Asset, Asset]:
    """Find VV and VH in one file of two bands or more.

    Raises:
        ChipError: the file cannot be read, or its bands are not VV and VH.
    """
    told = _told.get()
    if told is not None and answers == NOTHING_SAID and called is None and (pair := told.pair(path)) is not None:
        return pair
    vv, vh, _ = two_bands(header(path, headers), answers, called)
    return vv, vh


def inspected(record: ChipRecord, headers: Headers | None = None) -> ChipRecord:
    """Return the record with what its files' headers say; never raises for a file that is wrong.

    Fills `footprint`, `width`, `height`, `unplaced`, `assumed_grid` and `simulated`, and `problem`, `label_problem` or
    `ancillary_problem` with the sentence that says what is wrong.
    """
    if record.problem is not None or record.vv is None or record.vh is None:
        return record
    _counted.get()()

    def ask() -> ChipRecord:
        return _inspected(record, one, two, {} if headers is None else headers)

    one, two, told = record.vv, record.vh, _told.get()
    return ask() if told is None else told.answer(record, ask)


def _inspected(record: ChipRecord, one: Asset, two: Asset, headers: Headers) -> ChipRecord:
    """Return `inspected` of a record with VV and VH."""
    try:
        vv, vh = header(one.path, headers), header(two.path, headers)
        if one.path == two.path:
            vv_asset, vh_asset, _ = two_bands(vv, record.answers, one.name)
        else:
            vv_asset, vh_asset = named_band(vv, one, "VV"), named_band(vh, two, "VH")
        require_number_type(vv, vv_asset.band, "VV")
        require_number_type(vh, vh_asset.band, "VH")
        footprint = _footprint(vv) if vv.grid.placed else None
        fitted("VH", vh, "VV", vv)
    except ChipError as error:
        return replace(record, problem=str(error))
    beside = {"VH": vh}
    label_problem = _label_problem(record, vv, beside)
    ancillary_problem = _ancillary_problem(record, vv, beside)
    simulated = record.simulated or vv.tags.get("FLOODSCOPE_SIMULATED", "no") == "yes"
    return replace(
        record,
        vv=vv_asset,
        vh=vh_asset,
        footprint=footprint,
        width=vv.grid.width,
        height=vv.grid.height,
        unplaced=unplaced(vv),
        assumed_grid=assumed_grid(vv, beside),
        simulated=simulated,
        date=record.date or date_in_tags(vv.tags),
        label_problem=label_problem,
        ancillary_problem=ancillary_problem,
    )


def drawable(record: ChipRecord) -> ChipRecord:
    """Return a record with the problem that its image cannot be drawn, where it is a scene on a server."""
    pixels = (record.width or 0) * (record.height or 0)
    if record.problem is not None or record.vv is None or pixels <= MAX_PIXELS or not is_address(record.vv.path):
        return record
    problem = Sentence(
        f"{{file}} has {record.width:,} x {record.height:,} pixels and lies on a server, from where the page draws no more than "
        f"{MAX_PIXELS:,}: predict it by windows (floodscope predict SOURCE --out DIR), or download it and open the file.",
        file=record.vv.path,
    )
    return replace(record, problem=problem)


def answered(record: ChipRecord, answers: Answers) -> ChipRecord:
    """Return a record with what the user says of its files; what was refused before is looked at again."""
    if not answers or answers == record.answers:
        return record
    record = replace(record, answers=answers)
    if record.vv is None or record.vh is None or record.vv.path != record.vh.path:
        return record
    record = inspected(replace(record, problem=None))
    if record.country or record.footprint is None:
        return record
    return replace(record, country=country_at(record.footprint))


def _footprint(info: RasterInfo) -> Polygon:
    """Return the outline of a raster, or raise GeoreferenceError where it is not on Earth."""
    grid = info.grid
    try:
        footprint = grid.footprint()
    except ProjError as error:
        raise GeoreferenceError(
            f"{{file}} is in a coordinate system that has no place on Earth ({grid.crs_name}): give it a "
            "geographic or projected one (rio edit-info FILE --crs EPSG:...).",
            file=info.path,
        ) from error
    west, south, east, north = footprint.bounds
    if not np.isfinite(footprint.bounds).all():
        raise GeoreferenceError(
            f"{{file}} lies where its coordinate system {grid.crs_name} does not reach: check its geotransform and CRS.",
            file=info.path,
        )
    if not footprint.is_valid or east - west > _HALF_GLOBE:
        raise GeoreferenceError(
            "{file} goes round a pole or half the globe: cut it into parts (floodscope cut SOURCE --out DIR --size 512), of "
            "which those beside the pole can be used.",
            file=info.path,
        )
    if south < -_MAX_LATITUDE or north > _MAX_LATITUDE or abs(west) > _MAX_WEST:
        raise GeoreferenceError(
            f"{{file}} reaches from longitude {west:.6g} to {east:.6g} and latitude {south:.6g} to {north:.6g}, which is off "
            "the Earth: check its geotransform and CRS.",
            file=info.path,
        )
    return footprint


def _label_problem(record: ChipRecord, image: RasterInfo, beside: Headers) -> str | None:
    """Return why the label cannot be used; where it can, put it among what lies beside the image."""
    if record.label is None:
        return None
    try:
        info = header(record.label.path, {})
        require_label_type(info.path, len(info.data_bands), info.dtypes[0])
        fitted("label", info, "image", image)
    except ChipError as error:
        return label_refusal(error)
    beside["label"] = info
    return None


def _ancillary_problem(record: ChipRecord, image: RasterInfo, beside: Headers) -> str | None:
    problems = []
    for name in ANCILLARY:
        asset: Asset | None = getattr(record, name)
        if asset is None:
            continue
        try:
            info = header(asset.path, {})
            require_ancillary_type(info.path, info.dtypes[0])
            fitted(name.replace("_", " "), info, "image", image)
        except ChipError as error:
            problems.append(ancillary_refusal(name, error))
        else:
            beside[name.replace("_", " ")] = info
    return join(problems) if problems else None
