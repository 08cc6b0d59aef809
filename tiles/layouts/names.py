"""What a raster is of a chip, by its name alone: VV, VH, both, truth, something beside it, or a product's own side layer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tiles.naming import nfc

Role = Literal["both", "vv", "vh", "label", "mask", "ancillary", "side"]
"""`mask` is named *_mask, which no document of ours or of a data set says to be truth: it is taken as such, and told."""

_BAND = re.compile(r"(?:^|[_\-. ])(vv|vh)(?=[_\-. ]|$)", re.IGNORECASE)
# Truth by documented names: ours, Sen1Floods11's LabelHand, S1S2-Water's msk, "ground truth" in full or short.
_LABEL = re.compile(r"[_\-.](label|labels|labelhand|truth|msk|gt|ground_?truth)$", re.IGNORECASE)
# A file that is called no more is the label of the only image beside it, as in a folder a chip (LabelWater: Cloud to Street).
_BARE = re.compile(
    r"(?:(?:flood|water)_?)?"
    r"(?:(?P<label>labels?|label_?(?:water|flood|hand)|truth|gt|ground_?truth|msk)|(?P<mask>masks?))",
    re.IGNORECASE,
)
# Browsers number the second download of one name: lake_vv (1).tif.
_COPY = re.compile(r" \(\d{1,3}\)$")
_MASK = re.compile(r"[_\-.]masks?$", re.IGNORECASE)
_ANCILLARY = re.compile(r"[_\-.](elevation|dem|nasadem|permanent_water|jrc_occurrence|jrc_seasonality)$", re.IGNORECASE)
# How data sets end the name of an image whose label has another ending: Sen1Floods11, S1S2-Water, folders of pictures.
_IMAGE = re.compile(r"[_\-.](s1hand|s1grdhand|s1weak|s1perm|img|image|images|s1|sar)$", re.IGNORECASE)
_ENDING = re.compile(
    r"[_\-.](labels?|labelhand|truth|masks?|msk|gt|ground_?truth|(?:flood|water)_?(?:label|mask)|s1otsulabelhand|s1otsulabelweak|s2indexlabelweak)$",
    re.IGNORECASE,
)
_LABEL_HEAD = re.compile(r"^(?:(labels?|truth|gt)|masks?|msk)[_\-.](?=.*\d)", re.IGNORECASE)
_HEAD = re.compile(r"^(images?|img|s1|sar|labels?|masks?|msk|gt)[_\-.](?=.*\d)", re.IGNORECASE)
# ESA's measurement files count their polarizations: s1a-iw-grd-vv-...-001.tiff, s1a-iw-grd-vh-...-002.tiff.
_MEASUREMENT = re.compile(
    r"^(s1[a-d]-(?:iw\d?|ew\d?|s\d|wv\d?)-(?:grd|slc)-(?:vv|vh|hh|hv)-.*)-\d{3}(-cog)?$", re.IGNORECASE
)
# Kuro Siwo: MS1 is the image of the flood, SL1 and SL2 are those before, MK0 its label, valid pixels, elevation and slope.
_KURO_SIWO = re.compile(r"^(?P<image>MS\d|SL\d|MK0)_(?P<what>I?VV|I?VH|MLU|MNA|DEM|SLOPE)_(?P<rest>\d+_\w+)$")

_SHADOW = "a mask of radar shadow and layover"
_ANGLE = "an incidence angle"
_GFM = "a layer of GFM"
_END = r"(?:[_\-.]geo)?$"
# A product's own layers, what each is, and whether a user might take it for truth, so that a word on it is due.
_SIDES: tuple[tuple[re.Pattern[str], str, bool], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), what, told)
    for pattern, what, told in (
        (r"^OPERA_L2_RTC-S1.*_mask$", f"{_SHADOW} of OPERA RTC-S1", True),
        (r"^OPERA_L3_.*_B\d\d_", "a layer of OPERA DSWx", True),
        (r"^OPERA_.*_(BROWSE|number_of_looks|rtc_anf_.*|.*incidence_angle)$", "a layer of OPERA RTC-S1", False),
        (r"^(ENSEMBLE|DLR|LIST|TUWIEN|VITO)_(FLOOD|LIKELIHOOD|EXCLAYER|OBSWATER|UNCERTAINTY|WATER)", _GFM, True),
        (r"(ensemble|dlr|list|tuwien)_(flood_extent|likelihood|water_extent)", _GFM, True),
        (r"(exclusion_mask|reference_water_mask|reference_water|advisory_flags)$", _GFM, True),
        (rf"[_\-.](ls_?map|lsm|layover[_-]?shadow[_-]?mask|(layover|shadow)[_-]?mask){_END}", _SHADOW, True),
        (r"^S1[A-D]{1,2}_.*_(WM|FM)$", "a water map of HyP3", True),
        (
            r"[_\-.](inc|lia|inc_?map(_ell)?|angle|(local_?|projected_?local_?)?inc(idence)?_?angle|theta)" + _END,
            _ANGLE,
            False,
        ),
        (r"[_\-.]incidenceAngleFromEllipsoid$", _ANGLE, False),
        (
            r"[_\-.](area|scatteringArea|gammaSigmaRatio|sigmaGammaRatio|pixel_area|gs|rgb(_thumb)?|browse|quick-?look|ratio)$",
            "a side layer",
            False,
        ),
        (
            r"(?<![_\-.]jrc)[_\-.](slope|aspect|hand|landcover|land_cover|lulc|worldcover|occurrence|coherence)$",
            "a layer of land",
            False,
        ),
        (r"[_\-.]probability$", "a prediction of floodscope", False),
        (r"[_\-.]valid$", "a layer that says where there is data", True),
        (r"^sentinel12_(s2|copdem30|dem)_", "a layer of S1S2-Water that no radar took", False),
        (
            r"^s1[a-d]-(iw|ew|s\d)-(nrb|orb)-.*-(dm|ei|em|gs|id|lc|li|np|ratio|sg|wm)$",
            "an annotation of s1ard",
            False,
        ),
        (r"_(S2Hand|S2Weak|S2Perm)$", "an optical image of Sen1Floods11", False),
        (r"^(S2\w*|T\d\d[A-Z]{3})_.*_(B\d[\dA]|TCI|SCL)(_\d\dm)?$", "a band of an optical image", False),
        (r"^s1_rtc_[0-9a-f]{6}_.*_(MASK|ANGLE|AREA)$", "a side layer of Digital Earth's RTC", False),
        (r"_(S1OtsuLabelHand|S1OtsuLabelWeak|S2IndexLabelWeak|JRCPerm)$", "a label that no person drew", True),
        (r"_JRCWaterHand$", "permanent water", False),
        (r"_jrc_(extent|change|recurrence|transitions)$", "a layer of JRC Global Surface Water", False),
    )
)
# Products whose *_mask is one of shadow, layover or data.
_PRODUCT = re.compile(
    r"^(OPERA_|S1[A-D]{1,2}_(IW|EW|S\d)_\d{8}T\d{6}_[A-Z]{3}_RTC|S1[A-D]__|s1[a-d]-\w+-(nrb|orb)-)", re.IGNORECASE
)


@dataclass(frozen=True)
class Part:
    """What a file is of a chip.

    Attributes:
        key: what the chip is called.
        role: what the file is of it.
        what: the name of ancillary data, or in words what a side layer is.
        told: a side layer that somebody might take for truth.
        sure: the name is a product's; else it ends in a word that a user's own image may end in as well.
        bare: a label's name says no more than that: label.tif.
    """

    key: str
    role: Role
    what: str = ""
    told: bool = False
    sure: bool = True
    bare: bool = False

    @property
    def said(self) -> str:
        """What a file that is no image is, in words."""
        return {"side": self.what, "ancillary": "elevation or permanent water"}.get(self.role, "a label")


def part_of(path: Path) -> Part:
    """Return which chip a file belongs to, and what it is of it, by its name (and its folder's, where it says nothing)."""
    stem = nfc(path.stem)
    if kuro := _KURO_SIWO.match(stem):
        return _of_kuro_siwo(kuro)
    if copy := _COPY.search(stem):
        part = part_of(path.with_name(stem[: copy.start()] + path.suffix))
        return replace(part, key=part.key + copy[0])
    if bare := _BARE.fullmatch(stem):
        return Part(nfc(path.parent.name), "label" if bare["label"] else "mask", bare=True)
    return _beside(stem) or _image(stem, path.parent)


def _of_kuro_siwo(name: re.Match[str]) -> Part:
    image = name["image"] if name["image"] != "MK0" else "MS1"
    key, what = f"{image}_{name['rest']}", name["what"].removeprefix("I")
    roles: dict[str, Part] = {
        "VV": Part(key, "vv"),
        "VH": Part(key, "vh"),
        "MLU": Part(key, "label"),
        "DEM": Part(key, "ancillary", "elevation"),
        "MNA": Part(key, "side", "a layer that says where there is data"),
        "SLOPE": Part(key, "side", "a layer of land"),
    }
    return roles[what]


def _beside(stem: str) -> Part | None:
    """Return what a file is that is no image, or None."""
    for pattern, what, told in _SIDES:
        if match := pattern.search(stem):
            sure = pattern.pattern.startswith(("^", "_(", "_j", "_J"))
            return Part(stem if sure else stem[: match.start()], "side", what, told, sure)
    if _LABEL.search(stem):
        return Part(_LABEL.sub("", stem), "label")
    if _MASK.search(stem):
        if _PRODUCT.match(stem):
            return Part(stem, "side", "a mask of the product that it is named after", told=True)
        return Part(_MASK.sub("", stem), "mask")
    if match := _ANCILLARY.search(stem):
        return Part(stem[: match.start()], "ancillary", match[1].lower())
    return None


def _image(stem: str, folder: Path) -> Part:
    named = {match[1].lower() for match in _BAND.finditer(stem)}
    if len(named) != 1:  # no polarization, or both of them, as in x_vv_vh.tif
        return Part(sen1floods11_chip(stem), "both")
    measured = _MEASUREMENT.match(stem)
    name = measured[1] if measured else stem
    key = _BAND.sub("", name, count=1)
    if _BAND.match(name):  # VV_lake is of the chip lake
        key = key.lstrip("_-. ")
    key = key or nfc(folder.name)
    return Part(key, "vv" if "vv" in named else "vh")


def says_band(stem: str) -> bool:
    """Return whether a name has VV or VH in it."""
    return _BAND.search(nfc(stem)) is not None


def without_bands(name: str) -> str:
    """Return a name without VV and VH, lake of lake_vv_vh."""
    return _BAND.sub("", nfc(name)).strip("_-. ")


def sen1floods11_chip(stem: str) -> str:
    """Return the chip of a Sen1Floods11 file's name, India_900498 of India_900498_S1Hand; other names as they are."""
    return re.sub(r"_(S1Hand|S1GRDHand|S1Weak|S1Perm)$", "", nfc(stem), flags=re.IGNORECASE)


def pair_key(name: str) -> str:
    """Return what an image and its label have in common: the name without what says that it is the one or the other."""
    name = nfc(name)
    for ending in (_ENDING, _IMAGE):
        name = ending.sub("", name) or name
    return _HEAD.sub("", name) or name


def label_head(stem: str) -> Role | None:
    """Return what a name begins with where it may be the label of a numbered image, as mask_1 of image_1; else None."""
    match = _LABEL_HEAD.match(nfc(stem))
    return None if match is None else "label" if match[1] else "mask"


def sent_part(name: str) -> Part:
    """Return what `part_of` says of a file that has no folder; one that only says VV or VH is of the chip `image`."""
    part = part_of(Path(Path(name).name or "image"))
    return part if part.key else replace(part, key="image")


def sent_as_mask(name: str) -> bool:
    """Return whether a file that is taken for a label is called a mask, which may be one of anything."""
    return sent_part(name).role == "mask" or label_head(Path(name).stem) == "mask"
