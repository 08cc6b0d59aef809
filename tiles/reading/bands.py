"""Which band is what: polarization and quantity, from what bands are described as and what files are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from tiles.answers import Answers, Units
from tiles.chip import Asset
from tiles.decisions import Decision
from tiles.errors import BandError, Choice
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
# Tags that say a polarization: POLARIZATION, polarisationMode of Sentinel-1's annotations, mds1_tx_rx_polar of SNAP.
_TAGS = re.compile(r"(?:.*[^a-z])?(?:pols?|polar|polari[sz]ations?)(?:_?mode)?", re.IGNORECASE)
_IN_TAG = re.compile(r"(?<![a-z])(?:vv|vh|hh|hv)(?![a-z])")
# What products of Sentinel-1 say by name: S1A_EW_GRDM_1SDH_..., S1A_IW_..._DVP_RTC30_... of HyP3; also values of tags.
_PRODUCT = re.compile(
    r"(?<![a-z0-9])s1[a-d]_(?:.*_)?(?:[0-3][sa](?P<esa>[sd][hv]|hh|hv|vv|vh)|(?P<hyp3>[sd][hv])[por]_rtc\d*)"
    r"(?:[^a-z0-9]|$)",
    re.IGNORECASE,
)
_TRANSMITTED = {"sh": {"HH"}, "sv": {"VV"}, "dh": {"HH", "HV"}, "dv": {"VV", "VH"}}
_UNIT_WORDS: tuple[tuple[Units, re.Pattern[str]], ...] = (
    ("db", re.compile(r"(?:(?<![a-z])|(?<=vv)|(?<=vh))(?:db|decibels?|log10)(?![a-z])")),
    ("amplitude", re.compile(r"(?<![a-z])(?:amplitudes?|ampl?|magnitude)(?![a-z])")),
    ("power", re.compile(r"(?<![a-z])(?:linear|lin|power|pwr|pow|intensity|intensities)(?![a-z])")),
)
_MOST_ASKED = 4
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


def _in_tags(tags: Mapping[str, str]) -> set[str]:
    """Return the polarizations that tags name."""
    found: set[str] = set()
    for key, value in tags.items():
        if _TAGS.fullmatch(key):
            text = value.strip().lower()
            found |= _TRANSMITTED.get(text) or {name.upper() for name in _IN_TAG.findall(text)}
    return found


def _in_name(path: str) -> set[str]:
    """Return the polarizations that a product of Sentinel-1 holds by its name; none where it is no product's name."""
    if (product := _PRODUCT.search(Path(path).stem)) is None:
        return set()
    code = (product["esa"] or product["hyp3"]).lower()
    return _TRANSMITTED.get(code) or {code.upper()}


def _band_meaning(info: RasterInfo, band: int) -> Meaning:
    """Return what a band says by its description, or where that names no polarization, by its own tags."""
    said = meaning(info.descriptions[band - 1])
    if said.polarization is None and said.other is None and len(info.band_tags) >= band:
        tagged = _in_tags(info.band_tags[band - 1])
        if len(tagged) == 1:
            return replace(said, polarization=tagged.pop(), meaningless=False)
    return said


def _described(info: RasterInfo, band: int) -> str:
    """Return what a band is described as, for messages: one short line."""
    tagged = _band_meaning(info, band).polarization
    return shown(info.descriptions[band - 1] or (f"tagged {tagged}" if tagged else "(no name)"))[:60]


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
    meanings = {band: _band_meaning(info, band) for band in bands}
    _refuse_other_polarization(info, meanings, called)
    if len(bands) == 1:
        raise BandError(
            "{file} has one band, a chip needs VV and VH: give a two-band file, or two files named *_vv.tif and "
            "*_vh.tif; a label is named IMAGE_label.tif.",
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
        tagged = _in_tags(info.tags)
        alone = next(iter(tagged)) if len(tagged) == 1 else meaning(Path(called or info.path).stem).polarization
        if alone is not None:
            where = "tags" if len(tagged) == 1 else "name"
            error = BandError(
                f"{{file}} is {alone} by its {where}, and has two bands without names: say what each is (--bands VV,VH), "
                "or describe them.",
                file=info.path,
            )
            raise error.offering(bands_choice("VV,VH"), bands_choice("VH,VV"))
        text = "The bands are not named: the first is taken for VV, the second for VH; --bands says otherwise"
        return (
            Asset(info.path, bands[0], name=called),
            Asset(info.path, bands[1], name=called),
            Decision("bands", text, "assumed", told=True, choices=(bands_choice("VH,VV"),)),
        )
    possible = _possible_answers(meanings)
    if not possible:
        raise _no_backscatter(info, meanings)
    error = BandError(
        f"{{file}} has {len(bands)} bands described as {_list(info, bands)}: describe one band as VV and one as VH "
        f"(rio edit-info FILE -b {bands[0]} --description VV, and so for VH), or say what each is (--bands {possible[0]}).",
        file=info.path,
    )
    raise error.offering(*map(bands_choice, possible[:_MOST_ASKED]))


def bands_choice(answer: str) -> Choice:
    """Return an answer for --bands, as "-,VV,VH", as one that can be chosen."""
    names = answer.split(",")
    return Choice(f"Band {names.index('VV') + 1} is VV, band {names.index('VH') + 1} is VH", "bands", answer)


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
    meanings = {band: _band_meaning(info, band) for band in (vv, vh)}
    _refuse_other_polarization(info, meanings, called)
    if not _possible_answers(meanings):
        raise _no_backscatter(info, meanings)
    text = f"Band {vv} is VV and band {vh} is VH"
    return Asset(info.path, vv, name=called), Asset(info.path, vh, name=called), Decision("bands", text, "said")


def _possible_answers(meanings: Mapping[int, Meaning]) -> list[str]:
    """Return the answers for --bands that the bands' names leave open, as "VV,VH,-", the likeliest first."""
    free = {band: said.polarization for band, said in meanings.items() if said.other is None}
    found = []
    for first, second in combinations(free, 2):
        for names in ({first: "VV", second: "VH"}, {first: "VH", second: "VV"}):
            if all(free[band] in (None, name) for band, name in names.items()):
                found.append(",".join(names.get(band, "-") for band in meanings))
    return found


def _no_backscatter(info: RasterInfo, meanings: Mapping[int, Meaning]) -> BandError:
    """Return the refusal of bands of which no two can be VV and VH, by what they are."""
    others = [band for band, said in meanings.items() if said.other is not None]
    if others:
        named = " and ".join(f"{_described(info, band)} ({shown(meanings[band].other or '')})" for band in others[:4])
        why = f"{named} {'is' if len(others) == 1 else 'are'} no backscatter of one polarization"
    else:
        why = f"each is {next(said.polarization for said in meanings.values())}"
    return BandError(
        f"{{file}} has {len(info.data_bands)} bands described as {_list(info, list(meanings))}, of which {why}: take an image "
        "of VV and VH, or, where a description is wrong, describe one band as VV and one as VH (rio edit-info FILE -b "
        f"{next(iter(meanings))} --description VV, and so for VH).",
        file=info.path,
    )


def _refuse_other_polarization(info: RasterInfo, meanings: dict[int, Meaning], called: str | None) -> None:
    """Raise where the file holds HH or HV and lacks VV or VH.

    So say a product's name and the file's tags; its bands; and where those say nothing, its name in any way.
    """
    by_name = _in_name(called or info.path)
    if by_name and not {"VV", "VH"} <= by_name:
        raise _another(info.path, by_name)
    named = {m.polarization for m in meanings.values() if m.polarization}
    tagged = _in_tags(info.tags)
    if tagged and not tagged & {"VV", "VH"}:
        named = tagged
    if not named:
        named = tagged or {name.upper() for name in _POLARIZATION.findall(_spaced(Path(called or info.path).stem))}
    if named & {"HH", "HV"} and not {"VV", "VH"} <= named:
        raise _another(info.path, named)


def _another(path: str, named: set[str]) -> BandError:
    """Return the refusal of an image that holds these polarizations, not VV and VH."""
    held = named & {"HH", "HV"} or named
    alone = " alone" if not held & {"HH", "HV"} else ""
    return BandError(
        f"{{file}} holds the polarization {' and '.join(sorted(held))}{alone}, and floodscope's models "
        "read VV and VH: take an image of those, as Sentinel-1 makes them outside the polar regions.",
        file=path,
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


def named_band(info: RasterInfo, asset: Asset, name: str) -> Asset:
    """Return the band of a file that is named VV or VH: the only one, or of several the one that is described so.

    Args:
        info: the file's header.
        asset: the file, and what it was called.
        name: "VV" or "VH", as the file's name or the data set says.

    Raises:
        BandError: the file holds something else, or several bands of which none or more than one says that it is this.
    """
    by_name, tagged = _in_name(asset.name or info.path), _in_tags(info.tags)
    if by_name and name not in by_name:
        raise _another(info.path, by_name)
    if tagged and not tagged & {"VV", "VH"}:
        raise _another(info.path, tagged)
    bands = info.data_bands
    meanings = {band: _band_meaning(info, band) for band in bands}
    if len(bands) > 1:
        meant = [band for band, said in meanings.items() if said.polarization == name and said.other is None]
        if len(meant) != 1:
            raise BandError(
                f"{{file}} is named {name} and has {len(bands)} bands described as {_list(info, bands)}, of which it cannot be "
                f"told which one is meant: describe that one as {name} (rio edit-info FILE -b {bands[-1]} --description {name}).",
                file=info.path,
            )
        return replace(asset, band=meant[0])
    band = bands[0]
    said = meanings[band]
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
    return replace(asset, band=band)
