"""What people give as a source and is none yet: addresses, SNAP's own format."""

from __future__ import annotations

import re
from pathlib import Path

from tiles.errors import Problem
from tiles.sentences import shown

# pathlib makes one slash of two, so that s3://bucket/x has become s3:/bucket/x before anybody can look at it.
_ADDRESS = re.compile(r"(ftp|gs|az|abfss?|wasbs?|file)://?(?=[^/])", re.IGNORECASE)
_VIRTUAL = re.compile(r"/vsi[a-z0-9_]+/")


def address_refusal(source: str) -> str | None:
    """Return what is said of a source that is an address which is not read, as GDAL's own, or None of any other."""
    if _VIRTUAL.match(source):
        return (
            f"{shown(source)} is a virtual path of GDAL: give the file itself, or its address (https://..., s3://...)."
        )
    found = _ADDRESS.match(source)
    if found is None:
        return None
    url = f"{found[1]}://{source[found.end() :]}"
    if found[1].lower() == "file":
        return f"{shown(url)} is an address of a file: give its path alone, without file://."
    return (
        f"{shown(url)} is an address of a kind that is not read here (https, http and s3 are): download VV and VH into one "
        "folder with the tool of that store, then give the folder."
    )


def product_refusal(path: Path) -> str | None:
    """Return what is said of a product that has to be processed first, or None of what is none.

    Args:
        path: a file or a folder that exists.
    """
    header = _dimap(path)
    if header is None:
        return None
    data = header.with_suffix(".data")
    bands = sorted(p.name for p in data.glob("*.img")) if data.is_dir() else []
    held = f", whose bands are the images {', '.join(map(shown, bands[:4]))} in {shown(data.name)}" if bands else ""
    return (
        f"{shown(path)} is a product in SNAP's own format BEAM-DIMAP{held}, which is not read here: open {shown(header.name)} in "
        "SNAP, export VV and VH in dB (File, Export, GeoTIFF), and give that file."
    )


def products_in(folder: Path) -> list[Problem]:
    """Return each product in a folder that has to be processed first; of SNAP's, the .dim file."""
    out = []
    for path in sorted(folder.iterdir()):
        said = None if path.suffix.lower() == ".data" and path.with_suffix(".dim").exists() else product_refusal(path)
        if said is not None and not path.name.startswith("."):
            out.append(Problem(shown(path.name), said))
    return out


def _dimap(path: Path) -> Path | None:
    """Return the .dim file of a BEAM-DIMAP product that a path is of: the file itself, or its folder of bands."""
    if path.suffix.lower() == ".dim":
        return path
    if path.suffix.lower() == ".data" and path.is_dir() and any(path.glob("*.img")):
        return path.with_suffix(".dim")
    return None
