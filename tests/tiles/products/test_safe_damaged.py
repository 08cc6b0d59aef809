"""Products that cannot be laid onto a map are refused, each in a sentence of its own that names the file and what to do."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from products.safe_files import NAME, STEM, Safe, replace, with_text, write_safe

from tiles.errors import ChipError
from tiles.products.kept import kept_map
from tiles.products.make import make
from tiles.products.product import Product

pytestmark = pytest.mark.slow

SMALL = Safe(height=120, width=160, lines=3, pixels=4)
VV, VH = (STEM.format(pol=pol, number=number) for number, pol in ((1, "vv"), (2, "vh")))


def _named(name: str) -> Callable[[Path], Path]:
    return lambda folder: write_safe(folder, replace(SMALL, name=name))


def _text(pattern: str, old: str, new: str) -> Callable[[Path], Path]:
    return lambda folder: with_text(write_safe(folder, SMALL), pattern, old, new)


def _without(pattern: str) -> Callable[[Path], Path]:
    def damage(folder: Path) -> Path:
        root = write_safe(folder, SMALL)
        for path in root.glob(pattern):
            path.unlink()
        return root

    return damage


def _cut_short(pattern: str, share: float) -> Callable[[Path], Path]:
    def damage(folder: Path) -> Path:
        root = write_safe(folder, SMALL)
        for path in root.glob(pattern):
            path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        return root

    return damage


def _measured(dtype: str, width: int = 160, value: int = 1, count: int = 1) -> Callable[[Path], Path]:
    def damage(folder: Path) -> Path:
        root = write_safe(folder, SMALL)
        for path in root.glob("measurement/*"):
            with rasterio.open(path, "w", driver="GTiff", width=width, height=120, count=count, dtype=dtype) as out:
                out.write(np.full((count, 120, width), value, dtype))
        return root

    return damage


def _inside(folder: Path) -> Path:
    root = write_safe(folder, replace(SMALL, tiled=True))
    for path in root.glob("measurement/*vh*"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 4000] = b"\xff" * 4000
        path.write_bytes(data)
    return root


def _no_zip(folder: Path) -> Path:
    (path := folder / f"{NAME}.zip").write_bytes(b"PK\x03\x04 and no more")
    return path


def _zip_of_nothing(folder: Path) -> Path:
    with zipfile.ZipFile(folder / f"{NAME}.zip", "w") as file:
        file.writestr("readme.txt", "none")
    return folder / f"{NAME}.zip"


def _zip_of_two(folder: Path) -> Path:
    with zipfile.ZipFile(folder / f"{NAME}.zip", "w") as file:
        for name in ("a", "b"):
            file.writestr(f"{name}.SAFE/manifest.safe", "<xfdu/>")
    return folder / f"{NAME}.zip"


def _zip_with_a_wrong_sum(folder: Path) -> Path:
    path = write_safe(folder, SMALL, zipped=True)
    with zipfile.ZipFile(path) as file:
        info = next(i for i in file.infolist() if "measurement" in i.filename)
    data = bytearray(path.read_bytes())
    at = info.header_offset + 200
    data[at : at + 40] = bytes(40)
    path.write_bytes(data)
    return path


def _bomb(folder: Path) -> Path:
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    return with_text(write_safe(folder, SMALL), f"annotation/{VV}.xml", "<product>", entities + "<product>")


def _folded(folder: Path) -> Path:
    root = write_safe(folder, SMALL)
    path = root / "annotation" / f"{VV}.xml"
    points = path.read_text().split("<geolocationGridPoint>")
    places = [re.search(r"<latitude>.*</longitude>", point) for point in points]
    assert places[1] and places[3]
    points[1], points[3] = (
        points[1].replace(places[1][0], places[3][0]),
        points[3].replace(places[3][0], places[1][0]),
    )
    path.write_text("<geolocationGridPoint>".join(points))
    return root


DAMAGED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "SLC": (
        _named(NAME.replace("GRDH", "SLC_")),
        r"complex samples in the radar's own geometry \(SLC\): give the IW GRD",
    ),
    "RAW": (_named(NAME.replace("GRDH_1", "RAW__0")), r"raw echoes \(RAW\): give the IW GRD"),
    "OCN": (_named(NAME.replace("GRDH_1", "OCN__2")), r"wind and waves \(OCN\)"),
    "EW": (_named(NAME.replace("_IW_", "_EW_").replace("GRDH", "GRDM")), r"extra wide swath \(EW\)"),
    "WV": (_named(NAME.replace("_IW_", "_WV_")), r"wave mode \(WV\)"),
    "stripmap": (_named(NAME.replace("_IW_", "_S3_")), r"the mode S3 \(stripmap\)"),
    "HH and HV": (_named(NAME.replace("1SDV", "1SDH")), "holds HH and HV, and models here know VV with VH"),
    "HH": (_named(NAME.replace("1SDV", "1SSH")), "holds HH alone"),
    "VV alone": (_named(NAME.replace("1SDV", "1SSV")), "holds VV alone"),
    "another mode in the annotation": (_text("annotation/*.xml", "<mode>IW", "<mode>EW"), r"extra wide swath \(EW\)"),
    "SLC in the annotation": (_text("annotation/*.xml", "<productType>GRD", "<productType>SLC"), "complex samples"),
    "VH where VV should be": (
        _text(f"annotation/{VV}.xml", "tion>VV<", "tion>VH<"),
        "of VH by its content and of VV by its name",
    ),
    "no annotation": (_without(f"annotation/{VV}.xml"), r"lacks the annotation of VV \(annotation/\)"),
    "no calibration": (_without("annotation/calibration/cal*vh*"), r"lacks the calibration of VH"),
    "no noise": (_without("annotation/calibration/noise*vv*"), "lacks the noise of VV"),
    "no measurement": (_without("measurement/*vh*"), r"lacks the measurement of VH \(measurement/\)"),
    "no grid": (_text("annotation/*vv*.xml", "geolocationGridPoint>", "other>"), "has 0 points of a geolocation grid"),
    "half a grid": (
        _text("annotation/*vv*.xml", "<line>0</line><pixel>53<", "<line>0</line><pixel>54<"),
        "points that make no grid of lines",
    ),
    "a grid of another image": (
        _text("annotation/*.xml", "Samples>160<", "Samples>16000<"),
        "has a geolocation grid of pixels 0 to 159 for 16,000 pixels",
    ),
    "a folded grid": (_folded, "whose points contradict each other"),
    "a place off the Earth": (_text("annotation/*vv*.xml", "<latitude>4", "<latitude>74"), "that are no places"),
    "no size": (_text("annotation/*vv*.xml", "<numberOfLines>120", "<numberOfLines>"), "lacks .*numberOfLines"),
    "a size of words": (
        _text("annotation/*vv*.xml", "Lines>120<", "Lines>many<"),
        "has 'many' for .*numberOfLines, which is no number",
    ),
    "a size of gigabytes": (
        _text("annotation/*vv*.xml", "Lines>120<", "Lines>9999999<"),
        "160 x 9,999,999 pixels, which no product",
    ),
    "VH of another size": (
        _text("annotation/*vh*.xml", "Lines>120<", "Lines>119<"),
        "VV of 160 x 120 pixels and VH of 160 x 119",
    ),
    "annotation cut short": (_cut_short(f"annotation/{VV}.xml", 0.6), "is no sound XML"),
    "annotation empty": (_cut_short(f"annotation/{VV}.xml", 0), r"is no sound XML \(it is empty\)"),
    "a document type": (_bomb, "holds a document type"),
    "no calibration vectors": (
        _text("annotation/calibration/cal*", "calibrationVector>", "x>"),
        "has 0 calibration vectors",
    ),
    "calibration of 0": (_text("annotation/calibration/cal*vv*", "'5'>419.86", "'5'>0"), "of 0 or less"),
    "calibration of words": (
        _text("annotation/calibration/cal*vv*", "'5'>", "'5'>none "),
        "no numbers, or none that are finite, for",
    ),
    "noise below 0": (
        _text("annotation/calibration/noise*vv*", "<noiseRangeLut>", "<noiseRangeLut>-"),
        "has noise below 0",
    ),
    "azimuth vectors that do not fit": (
        _text("annotation/calibration/noise*vh*", "<noiseAzimuthLut>", "<noiseAzimuthLut>1 "),
        "azimuth vector whose lines and factors do not fit",
    ),
    "measurement cut short": (_cut_short("measurement/*vv*", 0.5), "is truncated: it has"),
    "measurement of complex samples": (_measured("complex64"), "holds complex samples, as SLC products do"),
    "measurement of floats": (_measured("float32"), r"holds 1 band\(s\) of float32"),
    "measurement of another size": (_measured("uint16", 150), "150 x 120 pixels and its annotation says 160 x 120"),
    "measurement of zeros": (_measured("uint16", value=0), "holds zeros alone"),
    "measurement damaged inside": (_inside, "is damaged inside, lines"),
    "no zip": (_no_zip, "is no whole zip"),
    "a zip of something else": (_zip_of_nothing, "holds no manifest.safe"),
    "a zip of two products": (_zip_of_two, "holds 2 products"),
    "a zip with a wrong sum": (_zip_with_a_wrong_sum, "is no whole zip"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_or_other_product_is_refused_by_its_own_reason(tmp_path: Path, what: str) -> None:
    damage, words = DAMAGED[what]
    path = damage(tmp_path)
    (work := tmp_path / "work").mkdir()
    with pytest.raises(ChipError, match=words) as caught:
        make(Product(path), tmp_path / "map.tif", 10, work)
    assert str(caught.value).endswith((".", "..."))
    assert not (tmp_path / "map.tif").exists()


def test_each_reason_is_told_in_its_own_words() -> None:
    words = [words for _, words in DAMAGED.values()]
    assert len(set(words)) >= 30


def test_a_map_that_fails_leaves_nothing_and_the_next_try_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOODSCOPE_SCENES", str(tmp_path / "scenes"))
    root = _inside(tmp_path)
    with pytest.raises(ChipError, match="damaged inside"):
        kept_map(Product(root))
    assert not [p for p in (tmp_path / "scenes").iterdir() if p.suffix != ".lock"]
    write_safe(tmp_path / "sound", replace(SMALL, tiled=True))
    for path in (tmp_path / "sound").rglob("*vh*.tiff"):
        (root / "measurement" / path.name).write_bytes(path.read_bytes())
    assert kept_map(Product(root)).is_file()
