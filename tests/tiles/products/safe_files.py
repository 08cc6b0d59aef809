"""SAFE products made whole, with known answers: sigma0, tables and places are formulas."""

from __future__ import annotations

import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import Transformer
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

Floats = npt.NDArray[np.float64]
Formula = Callable[[Floats, Floats], Floats]
"""Of line and pixel."""

NAME = "S1A_IW_GRDH_1SDV_20210401T052623_20210401T052648_037269_046297_ECC8"
STEM = "s1a-iw-grd-{pol}-20210401t052623-20210401t052648-037269-046297-00{number}"
SEED = 11


def calibration(line: Floats, pixel: Floats) -> Floats:
    """Return A of sigma0: bilinear, so that vectors at any lines and pixels tell all of it."""
    return 420 + 0.004 * pixel + 0.002 * line + 1e-7 * line * pixel


def range_noise(line: Floats, pixel: Floats) -> Floats:
    """Return noise along range, in squared digital numbers."""
    return 300 + 0.05 * pixel + 0.02 * line


def azimuth_factor(line: Floats, pixel: Floats) -> Floats:
    """Return the scalloping: of the left half of 0 to 1,000 pixels alone, a ramp along azimuth."""
    return np.where(pixel < 400, 1 + 0.0005 * line, 1.0)


@dataclass(frozen=True)
class Safe:
    """What a product is made of.

    Attributes:
        height, width: lines and pixels.
        sigma0: linear power of VV and VH.
        noise: "new" (since March 2018), "old", or "zero".
        tiled: the measurements are cloud-optimised.
        origin: longitude and latitude of the first pixel.
        turn: degrees by which the lines are turned against the map.
        heights: metres at the grid's points; where they rise, places move along range.
        fringe: columns at the left edge that hold border noise.
        lines, pixels: how many rows and columns of points the grid has.
    """

    height: int = 600
    width: int = 800
    sigma0: dict[str, Formula] = field(
        default_factory=lambda: {"vv": lambda line, pixel: 0.1 + 0 * line, "vh": lambda line, pixel: 0.02 + 0 * line}
    )
    noise: str = "new"
    tiled: bool = False
    name: str = NAME
    mode: str = "IW"
    kind: str = "GRD"
    origin: tuple[float, float] = (16.4, 47.1)
    turn: float = 13.0
    heights: float = 0.0
    fringe: int = 0
    lines: int = 5
    pixels: int = 6

    def places(self, line: Floats, pixel: Floats) -> tuple[Floats, Floats]:
        """Return longitude and latitude by formula: a turned plane, whose far range a hill stretches."""
        local = f"+proj=tmerc +lat_0={self.origin[1]} +lon_0={self.origin[0]} +ellps=WGS84"
        turn = np.radians(self.turn)
        x, y = 10.0 * pixel + self.heights * np.sin(pixel / 300.0), -10.0 * line
        east, north = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
        back = Transformer.from_crs(local, 4326, always_xy=True)
        longitude, latitude = back.transform(east, north)
        return np.asarray(longitude), np.asarray(latitude)

    def grid(self) -> tuple[Floats, Floats]:
        """Return the lines and pixels of the grid's points."""
        return (
            np.round(np.linspace(0, self.height - 1, self.lines)),
            np.round(np.linspace(0, self.width - 1, self.pixels)),
        )

    def noise_at(self, line: Floats, pixel: Floats) -> Floats:
        """Return the noise that was added, in squared digital numbers."""
        if self.noise == "zero":
            return 0 * line
        out = range_noise(line, pixel)
        return out * azimuth_factor(line, pixel) if self.noise == "new" else out


def write_safe(folder: Path, safe: Safe = Safe(), *, zipped: bool = False) -> Path:
    """Write a product into a folder, and return its own folder or its zip."""
    root = folder / f"{safe.name}.SAFE"
    (root / "annotation" / "calibration").mkdir(parents=True)
    (root / "measurement").mkdir()
    (root / "manifest.safe").write_text('<?xml version="1.0" encoding="UTF-8"?>\n<xfdu/>\n')
    rng = np.random.default_rng(SEED)
    for number, pol in enumerate(("vv", "vh"), 1):
        stem = STEM.format(pol=pol, number=number)
        (root / "annotation" / f"{stem}.xml").write_text(_annotation(safe, pol))
        (root / "annotation" / "calibration" / f"calibration-{stem}.xml").write_text(_calibration(safe))
        (root / "annotation" / "calibration" / f"noise-{stem}.xml").write_text(_noise(safe))
        write_measurement(root / "measurement" / f"{stem}.tiff", safe, pol, rng)
    return zip_of(root) if zipped else root


def zip_of(root: Path) -> Path:
    """Pack a product's folder as Copernicus does, and remove it."""
    packed = root.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in sorted(root.rglob("*")):
            file.write(path, path.relative_to(root.parent))
    shutil.rmtree(root)
    return packed


def write_measurement(path: Path, safe: Safe, pol: str, rng: np.random.Generator) -> None:
    """Write digital numbers: sqrt(sigma0 A^2 + noise), rounded up or down by chance so that means stay."""
    profile = {"driver": "GTiff", "width": safe.width, "height": safe.height, "count": 1, "dtype": "uint16"}
    profile |= (
        {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "zlevel": 1} if safe.tiled else {}
    )
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
    with rasterio.open(path, "w", **profile) as out:
        for top in range(0, safe.height, 512):
            rows = min(512, safe.height - top)
            line, pixel = np.meshgrid(
                np.arange(top, top + rows, dtype=float), np.arange(safe.width, dtype=float), indexing="ij"
            )
            power = safe.sigma0[pol](line, pixel) * calibration(line, pixel) ** 2 + safe.noise_at(line, pixel)
            power = np.where(pixel < safe.fringe, safe.noise_at(line, pixel) / 20, power)
            digital = np.floor(np.sqrt(power) + rng.random(power.shape))
            out.write(digital.clip(0, 65535).astype(np.uint16), 1, window=Window(0, top, safe.width, rows))


def with_text(root: Path, pattern: str, old: str, new: str) -> Path:
    """Change a text in the files of a product that match a pattern; fails where it is in none."""
    changed = 0
    for path in root.glob(pattern):
        text = path.read_text()
        changed += old in text
        path.write_text(text.replace(old, new))
    assert changed, f"{old!r} is in no {pattern}"
    return root


def _annotation(safe: Safe, pol: str) -> str:
    points = "".join(_points(safe))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<product><adsHeader><missionId>S1A</missionId>'
        f"<productType>{safe.kind}</productType><polarisation>{pol.upper()}</polarisation><mode>{safe.mode}</mode>"
        f"<swath>{safe.mode}</swath><startTime>2021-04-01T05:26:23.794457</startTime></adsHeader>"
        "<imageAnnotation><imageInformation><rangePixelSpacing>1.000000e+01</rangePixelSpacing>"
        "<azimuthPixelSpacing>1.000000e+01</azimuthPixelSpacing>"
        f"<numberOfSamples>{safe.width}</numberOfSamples><numberOfLines>{safe.height}</numberOfLines>"
        "</imageInformation></imageAnnotation><geolocationGrid>"
        f"<geolocationGridPointList>{points}</geolocationGridPointList></geolocationGrid></product>\n"
    )


def _points(safe: Safe) -> Iterator[str]:
    lines, pixels = safe.grid()
    for line in lines:
        for pixel in pixels:
            longitude, latitude = safe.places(np.array(line), np.array(pixel))
            longitude = (float(longitude) + 180) % 360 - 180
            yield (
                f"<geolocationGridPoint><line>{int(line)}</line><pixel>{int(pixel)}</pixel><latitude>{float(latitude):.15e}"
                f"</latitude><longitude>{longitude:.15e}</longitude><height>1.0e+02</height></geolocationGridPoint>\n"
            )


def _calibration(safe: Safe) -> str:
    out = ""
    pixels = _across(safe, 40)
    for line in _down(safe, 250, before=-70):
        values = calibration(np.full(len(pixels), float(line)), pixels.astype(float))
        out += (
            f"<calibrationVector><line>{line}</line><pixel count='{len(pixels)}'>{_text(pixels)}</pixel>"
            f"<sigmaNought count='{len(pixels)}'>{_text(values)}</sigmaNought></calibrationVector>\n"
        )
    return f"<calibration><calibrationVectorList>{out}</calibrationVectorList></calibration>\n"


def _noise(safe: Safe) -> str:
    kind, lut = ("noiseRangeVector", "noiseRangeLut") if safe.noise == "new" else ("noiseVector", "noiseLut")
    out = ""
    pixels = _across(safe, 60)
    for line in _down(safe, 300, before=0):
        values = range_noise(np.full(len(pixels), float(line)), pixels.astype(float)) * (safe.noise != "zero")
        out += f"<{kind}><line>{line}</line><pixel>{_text(pixels)}</pixel><{lut}>{_text(values)}</{lut}></{kind}>\n"
    out = f"<{kind}List>{out}</{kind}List>"
    if safe.noise == "new":
        lines = _down(safe, 100, before=0)
        out += "<noiseAzimuthVectorList>"
        for first, last in ((0, 399), (400, safe.width - 1)):
            factors = azimuth_factor(lines.astype(float), np.full(len(lines), float(first)))
            out += (
                f"<noiseAzimuthVector><swath>IW1</swath><firstAzimuthLine>0</firstAzimuthLine><firstRangeSample>{first}"
                f"</firstRangeSample><lastAzimuthLine>{safe.height - 1}</lastAzimuthLine>"
                f"<lastRangeSample>{last}</lastRangeSample>"
                f"<line>{_text(lines)}</line><noiseAzimuthLut>{_text(factors)}</noiseAzimuthLut></noiseAzimuthVector>\n"
            )
        out += "</noiseAzimuthVectorList>"
    return f"<noise>{out}</noise>\n"


def _across(safe: Safe, step: int) -> npt.NDArray[np.int64]:
    return np.unique([*range(0, safe.width, step), safe.width - 1])


def _down(safe: Safe, step: int, before: int) -> npt.NDArray[np.int64]:
    return np.unique([*range(before, safe.height, step), safe.height + step])


def _text(values: npt.ArrayLike) -> str:
    return " ".join(f"{v:.9g}" for v in np.asarray(values))


__all__ = ["NAME", "SEED", "STEM", "Safe", "replace", "with_text", "write_measurement", "write_safe", "zip_of"]
