"""The names that SNAP gives to the bands of a GeoTIFF: in its own TIFF tag, which GDAL does not read."""

from __future__ import annotations

import html
import re

from tiles.reading.directory import read_tag

# BEAM-DIMAP's XML, as SNAP's GeoTIFF writer stores it (org.esa.snap.core.dataio.geotiff, private tag).
_TAG = 65000
_MOST_BYTES = 4 << 20
_BAND = re.compile(r"<Spectral_Band_Info>(.*?)</Spectral_Band_Info>", re.DOTALL)


def snap_band_names(path: str, count: int) -> tuple[str, ...] | None:
    """Return the bands' names in a TIFF that SNAP wrote, or None where it holds none that fit.

    Args:
        path: a file that begins as a TIFF.
        count: how many bands it has; as many names must be there, numbered 0, 1, ...
    """
    text = _tag_text(path)
    if text is None or "Dimap_Document" not in text[:2000]:
        return None
    names: dict[int, str] = {}
    for entry in _BAND.findall(text):
        index, name = _element(entry, "BAND_INDEX"), _element(entry, "BAND_NAME")
        if index is None or name is None or not index.isdigit():
            return None
        names[int(index)] = name
    if sorted(names) != list(range(count)):
        return None
    return tuple(names[i] for i in range(count))


def _element(text: str, name: str) -> str | None:
    match = re.search(rf"<{name}>([^<]{{1,200}})</{name}>", text)
    return html.unescape(match[1].strip()) if match else None


def _tag_text(path: str) -> str | None:
    """Return the text of the tag, or None."""
    data = read_tag(path, _TAG, _MOST_BYTES)
    return None if data is None else data.rstrip(b"\0").decode("utf-8", "replace")
