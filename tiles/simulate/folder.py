"""Writing a folder of simulated chips in the layout of a real data set, named as simulated wherever someone may look."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, cast, get_args

from shapely.geometry import MultiPoint, Polygon, mapping

from tiles.errors import OutputError, UsageError
from tiles.files import read_small
from tiles.simulate.chip import Layout, SimulatedChip, Variety, draw_chip, place_chip, write_chip
from tiles.simulate.floods import FLOODS
from tiles.simulate.places import Flood

MARKER = "SIMULATED.json"
"""The file that says of a folder that its chips are simulated."""

MAX_CHIPS = 9999
_SMALLEST, _LARGEST = 32, 2048
# What map programs put beside a raster, and can make again.
_SIDE_CARS = (".aux.xml", ".ovr", ".DS_Store")
# Chips of one flood go to these in turn; those of Bolivia are a split of their own, as in Sen1Floods11.
_SPLITS = ("train", "train", "valid", "test")
_HELD_OUT = "Bolivia"
_SPLIT_NAMES = ("train", "valid", "test", "bolivia")


@dataclass(frozen=True)
class _Written:
    """What the tables of the folder say of one chip."""

    id: str
    number: int
    split: str
    flood: Flood
    footprint: Polygon


def simulate(
    out: Path,
    chips: int = 44,
    seed: int = 0,
    layout: Layout = "sen1floods11",
    size: int = 512,
    progress: Callable[[int, int], None] | None = None,
    *,
    replace: bool = False,
    variety: Variety = "floods",
) -> Path:
    """Write a folder of simulated Sentinel-1 flood chips with labels, at the places and dates of eleven real floods.

    The same arguments give the same pixels on any number of cores, and chip n does not depend on how many there are.
    The folder appears whole or not at all: it is made beside `out` and renamed. A folder that holds the same chips
    already, or the first of them, is replaced; one that holds others is only with `replace`, and one that holds anything
    that was not simulated never is.

    Args:
        out: the folder to write; its parents are made.
        chips: how many, 1 to 9999; they are dealt out evenly to the eleven countries.
        seed: 0 or more; another seed gives other chips.
        layout: the data set whose file formats, names and tables to follow. "sen1floods11": EPSG:4326, two bands,
            NaN nodata, int16 label with -1 unknown. "drivendata": UTM at 10 m, one file a band, 0.0 nodata, uint8 label
            with 255 unknown.
        size: rows and columns of a chip, 32 to 2048; pixels are 10 m at any size.
        progress: called with (chips done, chips in all) after each.
        replace: let chips that were simulated into `out` in another way go.
        variety: "wide" adds what looks like water and is not, small and rough water, and other processors
            (tiles.simulate.lookalikes), "fields" dark dry land alone: for training.

    Returns:
        `out`.

    Raises:
        UsageError: an argument is out of range.
        OutputError: `out` cannot be written, or holds something that would be lost.
    """
    out = Path(out)
    _check(chips, seed, layout, size, variety)
    marker: Marker = {
        "simulated": True,
        "seed": seed,
        "generator": f"floodscope {_version()}",
        "chips": chips,
        "layout": layout,
        "size": size,
    }
    if variety != "floods":
        marker["variety"] = variety
    _refuse_to_destroy(out, marker, replace)
    with _made(out) as making:
        written = _write_chips(making, chips, seed, layout, size, variety, progress)
        if layout == "sen1floods11":
            _sen1floods11_tables(making, written)
        else:
            _drivendata_table(making, written)
        _write_json(making / MARKER, marker)
    return out


def simulate_scene(
    out: Path,
    width: int,
    height: int,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    *,
    replace: bool = False,
) -> Path:
    """Write a folder with one large simulated scene, scene.tif (VV and VH) and its truth, scene_label.tif.

    The same arguments give the same pixels on any number of cores. It is written square by square, so memory does not grow
    with it. The folder appears whole or not at all, as with `simulate`.

    Args:
        out: the folder to write; its parents are made.
        width, height: pixels of 10 m, 512 to 100,000.
        seed: 0 or more; another seed gives another scene.
        progress: called with (squares done, squares in all).
        replace: let what was simulated into `out` in another way go.

    Raises:
        UsageError: an argument is out of range.
        OutputError: `out` cannot be written, or holds something that would be lost.
    """
    from tiles.simulate.large import CELL, MOST_SIDE, write_scene  # noqa: PLC0415 - chips need it not

    if not (min(width, height) >= CELL and max(width, height) <= MOST_SIDE):
        raise UsageError(
            f"A scene of {width} x {height} pixels cannot be simulated: give {CELL} to {MOST_SIDE} a side, as 25000x16000."
        )
    if seed < 0:
        raise UsageError(f"The seed {seed} is negative: give 0 or more.")
    marker: Marker = {
        "simulated": True,
        "seed": seed,
        "generator": f"floodscope {_version()}",
        "chips": 1,
        "layout": "scene",
        "scene": [width, height],
    }
    out = Path(out)
    _refuse_to_destroy(out, marker, replace)
    with _made(out) as making:
        making.mkdir()
        write_scene(making, width, height, seed, progress)
        _write_json(making / MARKER, marker)
    return out


@contextlib.contextmanager
def _made(out: Path) -> Iterator[Path]:
    """Give a folder to make, which takes the place of `out` when all is well."""
    making = out.parent / f".{out.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield making
        _put_in_place(making, out)
    except OSError as error:  # rasterio's are of this kind too
        raise OutputError(
            f"{out} cannot be written ({error.strerror or error}): give a folder on a disk with space that you may write to."
        ) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


class Marker(TypedDict):
    """What a folder says of the simulated chips in it; `size` is missing in older folders, `variety` where it is "floods"."""

    simulated: bool
    seed: int
    generator: str
    chips: int
    layout: Layout | Literal["scene"]
    size: NotRequired[int]
    scene: NotRequired[list[int]]
    variety: NotRequired[str]


def _check(chips: int, seed: int, layout: str, size: int, variety: str) -> None:
    if not 1 <= chips <= MAX_CHIPS:
        raise UsageError(f"{chips} simulated chips cannot be made: ask for 1 to {MAX_CHIPS}.")
    if seed < 0:
        raise UsageError(f"The seed {seed} is negative: give 0 or more.")
    if layout not in get_args(Layout):
        raise UsageError(f"There is no layout {layout!r} for simulated chips: use {' or '.join(get_args(Layout))}.")
    if variety not in get_args(Variety):
        raise UsageError(f"There is no variety {variety!r} of simulated chips: use {' or '.join(get_args(Variety))}.")
    if not _SMALLEST <= size <= _LARGEST:
        raise UsageError(f"Chips of {size} pixels cannot be simulated: give a size from {_SMALLEST} to {_LARGEST}.")


def _refuse_to_destroy(out: Path, asked: Marker, replace: bool) -> None:
    if not out.exists() and not out.is_symlink():
        return
    if out.is_symlink() or not out.is_dir():
        raise OutputError(f"{out} is not a folder: give the name of a new folder for the simulated chips.")
    inside = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    if not inside:
        return
    there = _marker(out)
    if there is None:
        raise OutputError(f"{out} holds files that are not simulated chips: give a new or an empty folder.")
    foreign = sorted(name for name in inside - _files_of(there) if not name.endswith(_SIDE_CARS))
    if foreign:
        raise OutputError(
            f"{out} holds {foreign[0]}, which is not part of simulated chips: move it away or give a new folder."
        )
    same = all(there.get(key) == asked.get(key) for key in {*asked, "variety", "scene"} - {"chips"})
    if not replace and not (same and there["chips"] <= asked["chips"]):
        raise OutputError(
            f"{out} holds {there['chips']} other simulated chips (layout {there['layout']}, seed {there['seed']}, "
            f"{there['generator']}): give a new folder, or --replace to let them go."
        )


def _marker(folder: Path) -> Marker | None:
    """Return what a folder's marker says of its simulated chips, or None where it has none that can be understood."""
    try:
        found = json.loads(read_small(folder / MARKER, 1 << 20))
        known = found["simulated"] is True and 1 <= int(found["chips"]) <= MAX_CHIPS
        return cast(Marker, found) if known and {"layout", "seed", "generator"} <= set(found) else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _files_of(marker: Marker) -> set[str]:
    """Return the names of the files that a simulation writes."""
    layout, numbers = marker["layout"], range(marker["chips"])
    if layout == "scene":
        return {MARKER, "scene.tif", "scene_label.tif"}
    if layout == "sen1floods11":
        kinds = ["S1Hand/{}_S1Hand.tif", "LabelHand/{}_LabelHand.tif"]
        tables = ["Sen1Floods11_Metadata.geojson", "chip_footprints.geojson"]
        tables += [f"splits/flood_{split}_data.csv" for split in _SPLIT_NAMES]
    else:
        kinds = ["train_features/{}_vv.tif", "train_features/{}_vh.tif", "train_labels/{}.tif"]
        tables = ["flood-training-metadata.csv"]
    return {MARKER, *tables, *(kind.format(_name(number, layout)[0]) for number in numbers for kind in kinds)}


def _put_in_place(made: Path, out: Path) -> None:
    if not out.exists():
        made.rename(out)
        return
    old = made.with_suffix(".old")
    out.rename(old)
    try:
        made.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old)


def _write_chips(
    folder: Path,
    chips: int,
    seed: int,
    layout: Layout,
    size: int,
    variety: Variety,
    progress: Callable[[int, int], None] | None,
) -> list[_Written]:
    """Draw and write the chips, on as many threads as there are cores: numpy, scipy and GDAL all let go of the lock."""
    names = ("S1Hand", "LabelHand", "splits") if layout == "sen1floods11" else ("train_features", "train_labels")
    for name in names:
        (folder / name).mkdir(parents=True)

    def make(number: int) -> _Written:
        chip: SimulatedChip = draw_chip(seed, number, size, variety)
        name, split = _name(number, layout)
        grid = place_chip(seed, number, size, layout)
        write_chip(folder, name, chip, grid, layout)
        return _Written(name, number, split, FLOODS[number % len(FLOODS)], grid.footprint(per_side=1))

    with ThreadPoolExecutor(max_workers=max(1, min(os.cpu_count() or 1, chips))) as pool:
        running = [pool.submit(make, number) for number in range(chips)]
        try:
            for done, future in enumerate(as_completed(running), start=1):
                future.result()
                if progress is not None:
                    progress(done, chips)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in running]


def _name(number: int, layout: Layout) -> tuple[str, str]:
    """Return the id and the split of a chip. No real chip has an id like these."""
    flood = FLOODS[number % len(FLOODS)]
    turn = number // len(FLOODS)
    split = "bolivia" if flood.event == _HELD_OUT else _SPLITS[turn % len(_SPLITS)]
    if layout == "sen1floods11":
        return f"{flood.event}_sim{number:04d}", split
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    tail = f"{turn:02d}" if turn < 100 else digits[10 + (turn - 100) // 36] + digits[(turn - 100) % 36]
    return f"s{flood.code}{tail}", split


def _sen1floods11_tables(folder: Path, written: list[_Written]) -> None:
    """Write the split lists, the metadata of the events and the footprints, with the properties of the real ones."""
    for split in _SPLIT_NAMES:
        lines = [f"{w.id}_S1Hand.tif,{w.id}_LabelHand.tif\n" for w in written if w.split == split]
        (folder / "splits" / f"flood_{split}_data.csv").write_text("".join(lines), encoding="utf-8")
    events = []
    for order, flood in enumerate(FLOODS, start=1):
        chips = [w for w in written if w.flood is flood]
        if not chips:
            continue
        corners = [corner for w in chips for corner in w.footprint.exterior.coords]
        properties: dict[str, object] = {
            **_image(flood, "/"),
            "location": flood.country.replace(" ", "-"),
            "ID": order,
            "ISO_CC": flood.iso,
            "VH_thresh": None,
            "train_chip": 0,
            "val_chip": len(chips),
            "simulated": True,
        }
        events.append(_feature(properties, MultiPoint(corners).envelope))
    collection = {"type": "FeatureCollection", "name": "Sen1Floods11_Metadata", "features": events}
    _write_json(folder / "Sen1Floods11_Metadata.geojson", collection)
    footprints = []
    for w in written:
        properties = {**_image(w.flood, "-"), "event": w.flood.event, "id": w.id.split("_")[1], "simulated": True}
        footprints.append({**_feature(properties, w.footprint), "id": w.id})
    _write_json(folder / "chip_footprints.geojson", {"type": "FeatureCollection", "features": footprints})


def _image(flood: Flood, separator: Literal["-", "/"]) -> dict[str, object]:
    return {
        "coincident_size": None,
        "orbit": flood.orbit,
        "rel_orbit_num": float(flood.relative_orbit),
        "s1_date": flood.s1_date.replace("-", separator),
        "s2_date": flood.s2_date.replace("-", separator),
    }


def _feature(properties: dict[str, object], shape: Any) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": mapping(shape)}


def _drivendata_table(folder: Path, written: Iterable[_Written]) -> None:
    with (folder / "flood-training-metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["image_id", "chip_id", "flood_id", "polarization", "location", "scene_start"])
        for w in written:
            for band in ("vh", "vv"):
                table.writerow([f"{w.id}_{band}", w.id, w.id[:3], band, w.flood.country, w.flood.s1_date])


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=None if "features" in content else 1) + "\n", encoding="utf-8")


def _version() -> str:
    try:
        return version("floodscope")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0+unknown"
