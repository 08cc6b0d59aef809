"""Inputs that provoke advice, each with the command that is advised and what makes it right: the table behind test_advice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from tests.tiles.chips import PLACE, SIZE, UTM, backscatter, lake, write_pair, write_tiff

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Advice:
    """One command of a message.

    Attributes:
        command: as the message's source has it; {} stands for what the program fills in.
        make: writes the source that provokes the message into a folder.
        fill: what a user writes in the place of a capital word, and for "EPSG:..."; FILE may be several, and each is run.
        threshold: the VH below which the input's lake is water, dB.
        least: the share of the pixels that must be known afterwards.
        also: further commands that the sentence asks for beside it, as a user derives them.
        size: what the source is cut by where `floodscope cut` is what says it; 0 where it is not.
        chips: how many chips there are afterwards.
        left: how many of them cannot be used, as the sentence says.
    """

    command: str
    make: Callable[[Path], object]
    fill: dict[str, str] = field(default_factory=dict)
    threshold: float = -22.0
    least: float = 0.85
    also: tuple[str, ...] = ()
    size: int = 0
    chips: int = 1
    left: int = 0


VV, VH = backscatter()
LAKE = lake()
TRUTH = LAKE.astype(np.uint8)
REGRID = "floodscope regrid FILE OUT --like IMAGE"


def _one_file(
    *bands: Array, names: tuple[str, ...] = (), label: Array = TRUTH, **profile: Any
) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        write_tiff(folder / "a.tif", *(np.asarray(band, dtype=np.float32) for band in bands), names=names, **profile)
        write_tiff(folder / "a_label.tif", label, **profile)

    return make


def _pair(
    *, vv: dict[str, Any] | None = None, vh: dict[str, Any] | None = None, **profile: Any
) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        write_pair(folder, "a", **profile)
        write_tiff(folder / "a_vv.tif", VV, **profile, **(vv or {}))
        write_tiff(folder / "a_vh.tif", VH, **profile, **(vh or {}))

    return make


def _labelled(label: Array, **profile: Any) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        write_pair(folder, "a", label=False)
        write_tiff(folder / "a_label.tif", label, **profile)

    return make


def _points(crs: CRS | None, *, wide: int = SIZE) -> Callable[[Path], object]:
    """Write files that only ground control points place."""

    def make(folder: Path) -> None:
        for name, band in (("vv", VV), ("vh", VH), ("label", TRUTH)):
            path = write_tiff(folder / f"a_{name}.tif", np.tile(band, (1, wide // SIZE)), crs=None, transform=None)
            corners = [(0, 0), (wide, 0), (0, SIZE), (wide, SIZE)]
            with rasterio.open(path, "r+") as dataset:
                points = [GroundControlPoint(row, col, *(PLACE @ (col, row))) for col, row in corners]
                dataset.gcps = (points, crs or CRS())

    return make


def _label_without_points(folder: Path) -> None:
    """An image that its control points turn upside down, and a label that was drawn on it as it is stored, without any."""
    corners = [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)]
    points = [GroundControlPoint(SIZE - row, SIZE - col, *(PLACE @ (col, row))) for col, row in corners]
    for name, band in (("vv", VV), ("vh", VH)):
        write_tiff(folder / f"a_{name}.tif", band[::-1, ::-1], transform=None, gcps=points)
    write_tiff(folder / "a_label.tif", TRUTH[::-1, ::-1], crs=None, transform=None)


def _vh_elsewhere(folder: Path) -> None:
    """A VH that begins three pixels further east, and ends where VV does."""
    write_pair(folder, "a")
    further = np.round(np.pad(VH[:, 3:], ((0, 0), (0, 3)), constant_values=-15) * 100).astype(np.int16)
    place = PLACE @ Affine.translation(3, 0)
    write_tiff(folder / "a_vh.tif", further, names=("Sigma0_VH_db",), scale=0.01, nodata=-32768, transform=place)


def _label_elsewhere(folder: Path) -> None:
    """A label of a larger place in degrees, finer than the image, so that each pixel of the image has its own."""
    write_pair(folder, "a", label=False)
    fine = np.kron(np.pad(TRUTH, 12, constant_values=0), np.ones((4, 4), dtype=np.uint8))
    write_tiff(folder / "label_utm.tif", fine, transform=PLACE @ Affine.translation(-12, -12) @ Affine.scale(0.25))
    from tiles.cutting.regrid import regrid

    grid = write_tiff(
        folder / "grid.tif",
        np.zeros((1200, 1800), dtype=np.uint8),
        crs="EPSG:4326",
        transform=Affine(6e-6, 0, 11.6386, 0, -6e-6, 47.1942),
    )
    regrid(folder / "label_utm.tif", folder / "a_label.tif", grid)
    for path in ("label_utm.tif", "grid.tif"):
        (folder / path).unlink()


def _large(folder: Path) -> None:
    copies = 86  # 4,128 pixels a side
    stored: dict[str, Any] = {"scale": 0.01, "nodata": -32768, "compress": "deflate"}
    for name, band in (("vv", VV), ("vh", VH)):
        tiled = np.tile(np.round(band * 100).astype(np.int16), (copies, copies))
        write_tiff(folder / f"a_{name}.tif", tiled, names=(f"Sigma0_{name.upper()}_db",), **stored)
    write_tiff(folder / "a_label.tif", np.tile(TRUTH, (copies, copies)), compress="deflate")


def _large_blocks(folder: Path) -> None:
    write_pair(folder, "a")
    write_tiff(
        folder / "a_vv.tif", VV, names=("VV",), tiled=True, blockxsize=11_600, blockysize=11_600, compress="deflate"
    )


def _three_days(folder: Path) -> None:
    """VV of three days in one file, of which the last is that of VH."""
    write_pair(folder, "a")
    write_tiff(folder / "a_vv.tif", VV + 5, VV + 7, VV)


def _picture(folder: Path) -> None:
    write_pair(folder, "a", label=False)
    write_tiff(folder / "a_label.tif", TRUTH, TRUTH, TRUTH, photometric="RGB")


def _weak(folder: Path) -> None:
    write_tiff(folder / "S1Weak/Ghana_1_S1Weak.tif", VV, VH, names=("VV", "VH"))
    write_tiff(folder / "S1OtsuLabelWeak/Ghana_1_S1OtsuLabelWeak.tif", TRUTH)


def _catalog_of_another_kind(folder: Path) -> None:
    import geopandas as gpd
    from shapely.geometry import Point

    write_pair(folder / "chips", "a")
    folder.mkdir(parents=True, exist_ok=True)
    gpd.GeoDataFrame({"name": ["x"]}, geometry=[Point(0, 0)], crs=4326).to_parquet(folder / "old.parquet")


CLASSES = np.where(LAKE, 1, np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 40 // 38 * 3).astype(np.uint8)
"""0 dry, 1 water, and now and then a 3."""
AT_THE_POLE: dict[str, Any] = {"crs": "EPSG:3995", "transform": Affine(1000, 0, -24_000, 0, -1000, 24_000)}

ADVICE = {
    # --- units
    "amplitude": Advice(
        "--units power or --units amplitude", _one_file(10 ** (VV / 20 - 0.2), 10 ** (VH / 20 - 0.2)), threshold=-26
    ),
    "power": Advice("--units power", _one_file(10 ** (VV / 10 + 0.3), 10 ** (VH / 10 + 0.3)), threshold=-19),
    "two units are said": Advice(
        "--units {} or --units {}", _pair(vv={"names": ("VV power",)}, vh={"names": ("VH_dB",)})
    ),
    "power is said of dB": Advice("--units {}", _one_file(VV, VH, names=("VV power", "VH power"))),
    # --- bands
    "VH first": Advice("--bands VH,VV", _one_file(VH, VV)),
    "three bands": Advice("--bands {}", _one_file(VV, VH, np.full(VV.shape, 38.0))),
    "bands named for orbits": Advice(
        "rio edit-info FILE -b {} --description VV",
        _one_file(VV, VH, names=("ascending", "descending")),
        {"FILE": "a.tif"},
        also=("rio edit-info FILE -b 2 --description VH",),
    ),
    "VV is called VH": Advice(
        "rio edit-info FILE -b {} --description {}", _pair(vv={"names": ("VH",)}), {"FILE": "a_vv.tif"}
    ),
    "three days in a file for one": Advice(
        "rio edit-info FILE -b {} --description {}", _three_days, {"FILE": "a_vv.tif"}
    ),
    # --- place
    "a local coordinate system": Advice(
        "rio edit-info FILE --crs EPSG:...",
        _pair(crs='LOCAL_CS["site",UNIT["metre",1]]'),
        {"FILE": "a_vv.tif a_vh.tif a_label.tif", "EPSG:...": UTM},
    ),
    "no coordinate system": Advice(
        "rio edit-info FILE --crs EPSG:...",
        _pair(crs=None),
        {"FILE": "a_vv.tif a_vh.tif a_label.tif", "EPSG:...": UTM},
    ),
    "points without a coordinate system": Advice(
        "rio edit-info FILE --crs EPSG:...", _points(None), {"FILE": "a_vv.tif a_vh.tif a_label.tif", "EPSG:...": UTM}
    ),
    "points of a scene": Advice(
        "rio warp FILE OUT --dst-crs EPSG:4326",
        _points(CRS.from_string(UTM), wide=96),
        {"FILE": "a_vv.tif a_vh.tif a_label.tif"},
        size=64,
        chips=2,
    ),
    "round the pole": Advice(
        "floodscope cut SOURCE --out DIR --size 512", _pair(**AT_THE_POLE), {"512": "16"}, chips=9, left=1
    ),
    "VH elsewhere": Advice(
        REGRID,
        _vh_elsewhere,
        {"FILE": "a_vh.tif", "IMAGE": "a_vv.tif"},
    ),
    "a label of a larger place": Advice(
        REGRID,
        _labelled(np.pad(TRUTH, 9), transform=PLACE @ Affine.translation(-9, -9)),
        {"FILE": "a_label.tif", "IMAGE": "a_vv.tif"},
        least=1.0,
    ),
    "a label that covers a part": Advice(
        REGRID, _labelled(TRUTH[:40], nodata=None), {"FILE": "a_label.tif", "IMAGE": "a_vv.tif"}, least=40 / 48
    ),
    "a label in degrees": Advice(REGRID, _label_elsewhere, {"FILE": "a_label.tif", "IMAGE": "a_vv.tif"}, least=1.0),
    "a label without the points that turn its image": Advice(
        REGRID, _label_without_points, {"FILE": "a_label.tif", "IMAGE": "a_vv.tif"}, least=1.0
    ),
    # --- size
    "a scene": Advice("floodscope cut SOURCE --out DIR", _large, chips=9),
    "blocks of 513 MiB": Advice("floodscope regrid FILE OUT", _large_blocks, {"FILE": "a_vv.tif"}),
    # --- truth
    "0 and 255, of which 255 is water": Advice("--label-values water=255,dry=0", _labelled(TRUTH * 255)),
    "0 and 255, of which 255 is unknown": Advice(
        "--label-values dry=0,water=1,unknown=255", _labelled(TRUTH * 255), least=0.7
    ),
    "four classes": Advice("--label-values {}", _labelled(CLASSES)),
    "0, 1 and 127": Advice("--label-values {}", _labelled(np.where(CLASSES == 3, 127, CLASSES))),
    "1 and 2": Advice("--label-values {}", _labelled(TRUTH + 1)),
    "0 and 1 exchanged": Advice("--label-values water=0,dry=1", _labelled(1 - TRUTH)),
    "255 is water, and tagged as nodata": Advice("--label-values water={},dry=0", _labelled(TRUTH * 255, nodata=255)),
    "water alone and NaN": Advice("--label-values {}", _labelled(np.where(LAKE, 1, np.nan).astype(np.float32))),
    "water alone and tagged 255": Advice(
        "--label-values {}", _labelled(np.where(LAKE, 1, 255).astype(np.uint8), nodata=255)
    ),
    "water alone and -1": Advice("--label-values {}", _labelled(np.where(LAKE, 1, -1).astype(np.int16))),
    "a black and white picture": Advice(
        "rio stack FILE --bidx 1 --output OUT", _picture, {"FILE": "a_label.tif"}, least=1.0
    ),
    "labels drawn by a rule": Advice("--labels {}", _weak),
}
"""By what is wrong with the input: where its chips are to be right afterwards."""
