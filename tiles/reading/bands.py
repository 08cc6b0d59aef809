"""Which band is what: polarization and quantity, from what bands are described as and what files are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tiles.answers import Answers, Units
from tiles.chip import Asset
from tiles.decisions import Decision
from tiles.errors import BandError
from tiles.reading.raster import RasterInfo
from tiles.sentences import shown

_POLARIZATION = re.compile(r"(?<![a-z])(vv|vh|hh|hv)(?=db|[^a-z]|$)")
# Names that say nothing: of GDAL, xarray, GIMP, R and hand-written scripts.
_MEANINGLESS = re.compile(
    r"(?:(?:the |raster |sar )?(?:bands?|b|layers?|channels?|data|band_data|array|raster|values?|images?|img|gr[ae]y|grayscale|"
    r"undefined|unnamed|untitled|unknown|none|null|nan|na|red|green|blue|sar|s1|sentinel[-_ ]?1|backscatter|"
    r"sigma0?|gamma0?|sigma_?nought|gamma_?nought|db|decibels?|intensity|power)?[\s_:#-]*\d*)"
)
# Quantities that are made of a polarization and are no backscatter, and layers that lie beside it.
_OTHER = re.compile(
    r"(?<![a-z])(?:incidence|inc|incidenceangle|localincidenceangle|lia|angles?|theta|ratio|quotient|diff|difference|delta|change|"
    r"log_?ratio|coherence|coh|corr|correlation|phase|ph|ifg|interferogram|entropy|alpha|anisotropy|rvi|dprvi|ndpi|nrpb|dpsvi|span|"
    r"std|stdev|stddev|sd|sigma_?std|variance|var|cv|count|n_?obs|mask|label|water|flood|layover|shadow|layovershadow|"
    r"layovershadowmask|dem|dsm|hand|elevation|height|slope|aspect|lat|lon|latitude|longitude|i|q|real|imag|imaginary|contrast|"
    r"glcm|texture|homogeneity|dissimilarity|asm|energy|zscore|z_?score|score|probability|prob|nesz|noise|valid|quality|"
    r"anomaly|trend|ndvi|ndwi|hue|jrc)(?![a-z])"
)
_UNIT_WORDS: tuple[tuple[Units, re.Pattern[str]], ...] = (
    ("db", re.compile(r"(?:(?<![a-z])|(?<=vv)|(?<=vh))(?:db|decibels?|log10)(?![a-z])")),
    ("amplitude", re.compile(r"(?<![a-z])(?:amplitudes?|ampl?|magnitude)(?![a-z])")),
    ("power", re.compile(r"(?<![a-z])(?:linear|lin|power|pwr|pow|intensity|intensities)(?![a-z])")),
)
# Uncalibrated quantities of SNAP, which stand back where a calibrated one is there.
_UNCALIBRATED = re.compile(r"(?<![a-z])(?:amplitude|intensity)[\s_-]*(?:vv|vh)", re.IGNORECASE)


@dataclass(frozen=True)
class Meaning:
    """What a name says of a band.

    Attributes:
        polarization: "VV", "VH", "HH" or "HV"; None where it names none.
        other: what it names that is no backscatter of one polarization, as "angle" or "VV and VH"; None where it does not.
        unit: db, power or amplitude, where it says so.
        meaningless: it says nothing at all, as "Band 1" or no name.
    """

    polarization: str | None = None
    other: str | None = None
    unit: Units | None = None
    meaningless: bool = False


def unit_in(text: str) -> Units | None:
    """Return the unit that a name, a unit or a tag's value says, or None."""
    low = _spaced(text)
    return next((unit for unit, words in _UNIT_WORDS if words.search(low)), None)


def _spaced(text: str) -> str:
    """Return a text in lower case, camel case taken apart: SigmaVV is sigma_vv, layoverShadowMask is layover_shadow_mask."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
    return re.sub(r"d_b(?![a-z])", "db", apart.lower())


def meaning(name: str | None) -> Meaning:
    """Return what a band's description or a file's stem says."""
    text = _spaced((name or "").strip())
    named = {found.upper() for found in _POLARIZATION.findall(text)}
    unit = unit_in(text)
    if len(named) > 1:
        return Meaning(None, " and ".join(sorted(named)), unit)
    polarization = named.pop() if named else None
    if other := _OTHER.search(text):
        return Meaning(polarization, other[0], unit)
    return Meaning(polarization, None, unit, bool(_MEANINGLESS.fullmatch(text)))


def _described(info: RasterInfo, band: int) -> str:
    """Return what a band is described as, for messages: one short line."""
    return shown(info.descriptions[band - 1] or "(no name)")[:60]


def _list(info: RasterInfo, bands: Sequence[int]) -> str:
    return ", ".join(_described(info, band) for band in bands[:8])


def two_bands(info: RasterInfo, answers: Answers, called: str | None = None) -> tuple[Asset, Asset, Decision]:
    """Find VV and VH in one file of two bands or more.

    Args:
        info: the file's header.
        answers: what the user says.
        called: what the file was called by who made it, where it is kept under another name.

    Raises:
        BandError: it cannot be told which they are, or they are of another polarization or quantity.
    """
    bands = info.data_bands
    if answers.bands and len(bands) > 1:
        return _as_said(info, bands, answers.bands, called)
    meanings = {band: meaning(info.descriptions[band - 1]) for band in bands}
    _refuse_other_polarization(info, meanings, called)
    if len(bands) == 1:
        raise BandError(
            "{file} has one band, a chip needs VV and VH: give a two-band file, or two files named *_vv.tif and "
            "*_vh.tif.",
            file=info.path,
        )
    found = {
        name: [b for b, m in meanings.items() if m.polarization == name and m.other is None] for name in ("VV", "VH")
    }
    chosen = _one_each(info, found, meanings)
    if chosen is not None:
        (vv, vh), how = chosen
        text = f"Band {vv} ({_described(info, vv)}) is VV and band {vh} ({_described(info, vh)}) is VH"
        return (
            Asset(info.path, vv, name=called),
            Asset(info.path, vh, name=called),
            Decision("bands", text + how, "tag"),
        )
    if len(bands) == 2 and all(m.meaningless for m in meanings.values()):
        if (alone := meaning(Path(called or info.path).stem).polarization) is not None:
            raise BandError(
                f"{{file}} is {alone} by its name, and has two bands without names: say what each is (--bands VV,VH), "
                "or describe them.",
                file=info.path,
            )
        text = "The bands are not named: the first is taken for VV, the second for VH; --bands says otherwise"
        return (
            Asset(info.path, bands[0], name=called),
            Asset(info.path, bands[1], name=called),
            Decision("bands", text, "assumed", told=True),
        )
    example = ",".join(("VV", "VH", *("-" for _ in bands[2:])))
    raise BandError(
        f"{{file}} has {len(bands)} bands described as {_list(info, bands)}: describe one band as VV and one as VH "
        f"(rio edit-info FILE -b {bands[0]} --description VV, and so for VH), or say what each is (--bands {example}).",
        file=info.path,
    )


def _as_said(
    info: RasterInfo, bands: Sequence[int], said: tuple[str, ...], called: str | None
) -> tuple[Asset, Asset, Decision]:
    if len(said) != len(bands):
        raise BandError(
            f"{{file}} has {len(bands)} bands, and --bands names {len(said)} ({','.join(said)}): name each of them, "
            "- for one that is left aside.",
            file=info.path,
        )
    vv, vh = bands[said.index("VV")], bands[said.index("VH")]
    _refuse_other_polarization(info, {band: meaning(info.descriptions[band - 1]) for band in (vv, vh)}, called)
    text = f"Band {vv} is VV and band {vh} is VH"
    return Asset(info.path, vv, name=called), Asset(info.path, vh, name=called), Decision("bands", text, "said")


def _refuse_other_polarization(info: RasterInfo, meanings: dict[int, Meaning], called: str | None) -> None:
    """Raise where the file holds HH or HV and lacks VV or VH, by its bands or, where those say nothing, by its name."""
    named = {m.polarization for m in meanings.values() if m.polarization}
    if not named:
        said = meaning(Path(called or info.path).stem)
        named = {said.polarization} if said.polarization else set()
    if named & {"HH", "HV"} and not {"VV", "VH"} <= named:
        raise BandError(
            f"{{file}} holds the polarization {' and '.join(sorted(named & {'HH', 'HV'}))}, and floodscope's models "
            "read VV and VH: take an image of those, as Sentinel-1 makes them outside the polar regions.",
            file=info.path,
        )


def _one_each(
    info: RasterInfo, found: dict[str, list[int]], meanings: dict[int, Meaning]
) -> tuple[tuple[int, int], str] | None:
    """Return the one VV and the one VH band; of several, those in dB, else those that are calibrated."""
    if not found["VV"] or not found["VH"]:
        return None
    if len(found["VV"]) == len(found["VH"]) == 1:
        return (found["VV"][0], found["VH"][0]), ""
    in_db = {band for band, said in meanings.items() if said.unit == "db"}
    calibrated = {band for band in meanings if not _UNCALIBRATED.search(info.descriptions[band - 1] or "")}
    for keep, how in ((in_db, ", the ones in dB of several"), (calibrated, ", the calibrated ones of several")):
        kept = {name: [band for band in bands if band in keep] for name, bands in found.items()}
        if len(kept["VV"]) == len(kept["VH"]) == 1:
            return (kept["VV"][0], kept["VH"][0]), how
    return None


def named_band(info: RasterInfo, band: int, name: str) -> None:
    """Raise BandError where a band of a file that is named VV or VH says that it is something else.

    Args:
        info: the file's header.
        band: which band, from 1.
        name: "VV" or "VH", as the file's name or the data set says.
    """
    if not 1 <= band <= info.count:
        raise BandError(
            f"{{file}} has {info.count} band(s), {name} was expected in band {band}: give the file that holds it.",
            file=info.path,
        )
    said = meaning(info.descriptions[band - 1])
    if said.polarization in {"HH", "HV"} and said.other is None:
        raise BandError(
            f"{{file}} is named {name} but its band is described as {said.polarization}: floodscope's models read VV "
            "and VH, take an image of those.",
            file=info.path,
        )
    if said.polarization not in (None, name) or said.other is not None:
        raise BandError(
            f"{{file}} is named {name} but its band is described as {_described(info, band)}: rename the file, or "
            f"describe the band (rio edit-info FILE -b {band} --description {name}).",
            file=info.path,
        )
