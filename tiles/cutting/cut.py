"""Cutting images that are too large for chips into chips: window by window, with label, masks, names, scale and place."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from tiles.answers import Truth
from tiles.chip import ANCILLARY, LEGENDS, UNKNOWN, Asset, ChipRecord
from tiles.cutting.copies import Said, part_of, place_of, write_copy
from tiles.errors import ChipError, GeoreferenceError, OutputError, Problem
from tiles.grid import Grid
from tiles.naming import apart, plain_name
from tiles.reading.ancillary import ancillary_refusal
from tiles.reading.bands import named_band, two_bands
from tiles.reading.grids import require_same_grid
from tiles.reading.labels import OWN_NUMBERS, label_refusal, meant, require_label_type
from tiles.reading.pixels import points_alone, scaled, stored
from tiles.reading.raster import RasterInfo, open_raster, read_info
from tiles.reading.units import WORDS, has_data, require_number_type, said_by_name, said_by_tags

SIZE = 2048
"""Most pixels a side of a tile, where nothing else is said."""

# What a name must not hold in front of what a tile's own name says of its band.
_BAND = re.compile(r"(?:^|[_\-.])(?:vv|vh|hh|hv)(?=[_\-.]|$)", re.IGNORECASE)
_SHARES = {1.0: "permanent_water", 0.01: "jrc_occurrence"}
_MONTHS = "jrc_seasonality"


@dataclass
class CutReport:
    """What was cut.

    Attributes:
        folder: where the tiles are.
        scenes: images that were cut.
        tiles: chips that were written.
        empty: tiles without a valid pixel, which were not.
        small: images that fit into one tile, and were left where they are.
        problems: of what could not be cut, or not with all that lies beside it.
    """

    folder: Path
    scenes: int = 0
    tiles: int = 0
    empty: int = 0
    small: int = 0
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class _Part:
    """One band of a scene: how its tiles' names end, what it is, what tiles say otherwise, what a label's numbers mean."""

    ending: str
    band: int
    info: RasterInfo
    place: tuple[CRS | None, Affine]
    said: Said = field(default_factory=Said)
    meanings: tuple[tuple[float, Truth], ...] = ()


def cut(
    records: Iterable[ChipRecord], out: Path, size: int = SIZE, progress: Callable[[int, int], None] | None = None
) -> CutReport:
    """Cut every image that is larger than a tile into tiles of nearly one size, in a new folder.

    A tile is NAME_ROW_COLUMN_vv.tif and _vh.tif with _label.tif, _elevation.tif and permanent water where the image has them.
    Its numbers are the stored ones. One window is in memory at a time.

    Args:
        records: of the sources, those that are too large for chips too.
        out: a folder that does not exist, or is empty. It is there whole, or not at all.
        size: the most pixels a side.
        progress: called with how many windows are done, and how many there are in all.

    Raises:
        OutputError: the folder is taken, or cannot be written.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise OutputError("{file} is there already and is no empty folder: choose another one.", file=out)
    report = CutReport(out)
    scenes = []
    for record in records:
        if record.vv is None or record.vh is None:
            continue
        try:
            first = _whole(record.vv.path)
            if max(first.height, first.width) <= size:
                if record.problem is not None:
                    report.problems.append(Problem(record.id, record.problem))
                report.small += record.problem is None
                continue
            scenes.append((record, _image(record, record.vv, record.vh), _windows(first.height, first.width, size)))
        except ChipError as error:
            report.problems.append(Problem.of(error, record.id))
    total, done = sum(len(windows) for *_, windows in scenes), 0
    names: set[str] = set()
    with _new_folder(out) as folder:
        for record, image, windows in scenes:
            parts = [*image, *_beside(record, image[0], report.problems)]
            name = _BAND.sub("", record.id).strip("_-.") or plain_name(Path(record.source).name) or "image"
            name = apart(name, record.id) if name in names else name
            names.add(name)
            before = report.tiles
            try:
                for _ in _cut_scene(folder, name, parts, windows, report):
                    done += 1
                    if progress is not None:
                        progress(done, total)
            except ChipError as error:  # damaged inside; the tiles before it are whole
                report.problems.append(Problem.of(error, record.id))
            report.scenes += report.tiles > before
    return report


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Give a folder to write into, which takes the place of `out` when all is well and vanishes when not."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-", ignore_cleanup_errors=True) as made:
            folder = Path(made) / "tiles"
            folder.mkdir()
            yield folder
            if any(folder.iterdir()):
                with suppress(FileNotFoundError):
                    out.rmdir()
                folder.rename(out)
    except OSError as error:
        raise OutputError(
            f"{{file}} cannot be written ({error.strerror}): choose another folder.",
            file=out,
        ) from error


def _windows(height: int, width: int, size: int) -> list[tuple[str, Window]]:
    """Return windows of nearly one size, of at most `size` pixels a side, with the ROW_COLUMN of each."""
    rows, cols = (np.linspace(0, side, math.ceil(side / size) + 1).round().astype(int) for side in (height, width))
    digits = len(str(max(len(rows), len(cols)) - 2))
    return [
        (f"{r:0{digits}}_{c:0{digits}}", Window(left, top, right - left, bottom - top))
        for r, (top, bottom) in enumerate(zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True))
        for c, (left, right) in enumerate(zip(cols[:-1].tolist(), cols[1:].tolist(), strict=True))
    ]


def _image(record: ChipRecord, vv: Asset, vh: Asset) -> list[_Part]:
    """Return VV and VH of a record, whatever their size.

    Raises:
        ChipError: they are no image for another reason than their size.
    """
    infos = {path: _whole(path) for path in (vv.path, vh.path)}
    if vv.path == vh.path:
        vv, vh, _ = two_bands(infos[vv.path], record.answers)
    else:
        vv, vh = named_band(infos[vv.path], vv, "VV"), named_band(infos[vh.path], vh, "VH")
    parts = []
    for asset, name in ((vv, "VV"), (vh, "VH")):
        info = infos[asset.path]
        require_number_type(info, asset.band, name)
        if info.place.from_gcps:
            raise GeoreferenceError(points_alone(info.path))
        said = Said(name if record.answers.bands else None, _unit(record, info, asset, name))
        parts.append(_Part(name.lower(), asset.band, info, place_of(info), said))
    one, two = (part.info for part in parts)
    require_same_grid("VH", two.path, _grid(two), "VV", one.path, _grid(one))
    return parts


def _whole(path: str) -> RasterInfo:
    info = read_info(path)
    info.require_whole()
    return info


def _grid(info: RasterInfo) -> Grid:
    return info.place.grid(info.width, info.height)


def _unit(record: ChipRecord, info: RasterInfo, asset: Asset, name: str) -> str | None:
    """Return the unit to write: what the user says, or what the file's name says and a tile's name would not."""
    if record.answers.units is not None:
        return WORDS[record.answers.units]
    named = said_by_name(asset.name or info.path)
    if (
        named is None
        or said_by_tags(info, asset.band) is not None
        or said_by_name(f"{record.id}_0_0_{name.lower()}") == named
    ):
        return None
    return WORDS[named[0]]


def _beside(record: ChipRecord, image: _Part, problems: list[Problem]) -> list[_Part]:
    """Return what lies on the image's grid beside it; what cannot be used is told, and left out."""
    parts = []
    for kind in ("label", *ANCILLARY):
        asset: Asset | None = getattr(record, kind)
        if asset is None:
            continue
        words = kind.replace("_", " ")
        try:
            info = _whole(asset.path)
            require_same_grid(words, info.path, _grid(info), "image", image.info.path, _grid(image.info))
            if kind == "label":
                require_label_type(info.path, len(info.data_bands), info.dtypes[0])
                parts.append(_label(record, asset, info))
            else:
                ending = _SHARES.get(asset.scale, _MONTHS) if kind == "permanent_water" else kind
                parts.append(_Part(ending, asset.band, info, place_of(info)))
        except ChipError as error:
            text = label_refusal(error) if kind == "label" else ancillary_refusal(kind, error)
            problems.append(Problem(record.id, text))
    return parts


def _label(record: ChipRecord, asset: Asset, info: RasterInfo) -> _Part:
    """Return the label; 255 is tagged as unknown where the whole label shows it and a tile alone might not."""
    if record.answers.label_values and not info.scaled(asset.band):
        said = Said(nodata=UNKNOWN)
        return _Part("label", asset.band, info, place_of(info), said, record.answers.label_values)
    unsaid = info.nodata[asset.band - 1] is None and np.dtype(info.dtypes[asset.band - 1]).kind in "uif"
    wide = np.dtype(info.dtypes[asset.band - 1]) != np.int8
    documented = record.legend in LEGENDS and record.legend not in OWN_NUMBERS
    tagged = unsaid and wide and (documented or _holds_water(asset, info))
    return _Part("label", asset.band, info, place_of(info), Said(nodata=UNKNOWN if tagged else None))


def _holds_water(asset: Asset, info: RasterInfo) -> bool:
    with open_raster(asset.path) as dataset:
        for _, window in _windows(info.height, info.width, SIZE):
            values, there = stored(dataset, info, asset.band, window)
            if np.any((values == 1) & there):
                return True
    return False


def _cut_scene(
    folder: Path, name: str, parts: list[_Part], windows: list[tuple[str, Window]], report: CutReport
) -> Iterator[None]:
    """Write the tiles of one scene that hold a valid pixel, and yield after each window.

    Raises:
        ChipError: a file is damaged inside.
        OutputError: a tile cannot be written.
    """
    with ExitStack() as stack:
        opened = {path: stack.enter_context(open_raster(path)) for path in dict.fromkeys(p.info.path for p in parts)}

        def read(part: _Part, window: Window) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
            return stored(opened[part.info.path], part.info, part.band, window)

        for at, window in windows:
            image = [read(part, window) for part in parts[:2]]
            if not np.logical_and(*(_valid(part, *read_) for part, read_ in zip(parts, image, strict=False))).any():
                report.empty += 1
                yield
                continue
            for number, part in enumerate(parts):
                values, there = image[number] if number < len(image) else read(part, window)
                if part.meanings:
                    values = meant(values, there, part.meanings, part.info.path)
                path = folder / f"{name}_{at}_{part.ending}.tif"
                place = part_of(part.place, window)
                write_copy(path, part.info, [part.band], [values], there, place, part.said)
            report.tiles += 1
            yield


def _valid(part: _Part, values: npt.NDArray[np.generic], there: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return where a band of the image may hold data, bool (H, W)."""
    info, band = part.info, part.band
    nodata = info.nodata[band - 1]
    if nodata is not None:
        there = there & (np.asarray(values != nodata) if np.isfinite(nodata) else np.isfinite(values))
    if info.scaled(band):
        return has_data(scaled(values, info.scales[band - 1], info.offsets[band - 1]), there, integer=False)
    return has_data(values, there, "int" in info.dtypes[band - 1])
