"""A base map under the chips: tiles of somebody else, or in a file; whom to name, and what a browser may ask for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dashboard.basemaps.archives import SUFFIXES, open_tiles
from dashboard.basemaps.pictures import WORLD, TileFile
from tiles.errors import UsageError

KNOWN = {
    "osm": ("https://tile.openstreetmap.org/{z}/{x}/{y}.png", "© OpenStreetMap contributors"),
    "opentopomap": (
        "https://tile.opentopomap.org/{z}/{x}/{y}.png",
        "© OpenStreetMap contributors, SRTM; © OpenTopoMap (CC-BY-SA)",
    ),
}
"""Usual base maps by name: their tiles, and whom they want named."""
_HOLE = re.compile(r"\{[^}]*\}")
_PARTS = ("z", "x", "y")
_MOST_ZOOM = 18
"""Which nearly every server of tiles has; what a file has, it says."""


@dataclass(frozen=True)
class Basemap:
    """A base map.

    Attributes:
        template: address of a tile, with {z}, {x} and {y} in it; of a file's, from the page.
        attribution: whom to name on the map, as plain text.
        bounds: west, south, east and north of where it has tiles; None where that is everywhere.
        least: smallest zoom that there are tiles of.
        most: and the largest.
        file: the file that this server hands them out of; None where they are somebody else's.
    """

    template: str
    attribution: str
    bounds: tuple[float, float, float, float] | None = None
    least: int = 0
    most: int = _MOST_ZOOM
    file: TileFile | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port: all that the page's content policy opens for it; "" where it is this server."""
        parts = urlsplit(self.template)
        return "" if self.file else f"{parts.scheme}://{parts.netloc}"

    def told(self) -> dict[str, Any]:
        """Return what the page is told of it."""
        names = ("template", "attribution", "bounds", "least", "most")
        return {name: getattr(self, name) for name in names}


def basemap_of(named: str | None, attribution: str | None) -> Basemap | None:
    """Return the base map that is asked for; None where none is.

    Args:
        named: a name of `KNOWN`, an address with {z}, {x} and {y} in it, or the path of a PMTiles or MBTiles file.
        attribution: whom to name; what is known of a name is known, and a file may say it.

    Raises:
        UsageError: it is none of them, holds no pictures, or nobody is named.
        UnreadableFileError: the file is damaged.
    """
    if not named:
        if attribution:
            raise UsageError(
                "--basemap-attribution says whom a base map is of: name that with --basemap, or leave both out."
            )
        return None
    if "://" not in named and named.lower() not in KNOWN and _names_file(named):
        return _of_file(Path(named).expanduser(), attribution or "")
    return _elsewhere(named, attribution or "")


def _names_file(named: str) -> bool:
    return named.lower().endswith(SUFFIXES) or Path(named).expanduser().exists()


def _of_file(path: Path, attribution: str) -> Basemap:
    file = open_tiles(path)
    about = file.about()
    owner = attribution.strip() or about.attribution
    if not owner:
        raise UsageError(
            "Say whom the base map {file} is of, which it does not say itself: --basemap-attribution TEXT.", file=path
        )
    template = f"basemap/{about.revision}/{{z}}/{{x}}/{{y}}"
    return Basemap(template, owner, None if about.bounds == WORLD else about.bounds, about.least, about.most, file)


def _elsewhere(named: str, attribution: str) -> Basemap:
    template, owner = KNOWN.get(named.lower(), (named, attribution))
    parts = urlsplit(_HOLE.sub("0", template))
    holes = [hole[1:-1] for hole in _HOLE.findall(template)]
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise UsageError(
            f"--basemap {named!r} is no base map: give the address of its tiles, such as "
            f"https://HOST/{{z}}/{{x}}/{{y}}.png, one of {', '.join(KNOWN)}, or the path of a PMTiles or MBTiles file."
        )
    if parts.path.lower().endswith(SUFFIXES):
        raise UsageError(f"--basemap {named!r} is a file elsewhere: download it, and give its path here.")
    if _HOLE.search(urlsplit(template).netloc) or re.search(r"[\s;,'\"]", template):
        raise UsageError(
            f"--basemap {named!r} has a sign in it that an address of tiles cannot have: name one host, and encode the rest."
        )
    if sorted(holes) != sorted(_PARTS):
        raise UsageError(
            f"--basemap {named!r} must have {{z}}, {{x}} and {{y}} in it, once each, and nothing else in braces."
        )
    if not owner.strip():
        raise UsageError(
            f"Say whom the base map {named!r} is of, as its owner wants to be named: --basemap-attribution TEXT."
        )
    return Basemap(template, owner.strip())
