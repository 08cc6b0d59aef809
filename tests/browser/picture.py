"""What the map should look like, pixel by pixel: tiles from the server, put where Leaflet put them, painted by numpy."""

from __future__ import annotations

import io
import urllib.request
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from screen import Screen

Pixels = npt.NDArray[np.uint8]

SIZE = 512
"""Pixels that a tile of the map is wide."""
GROUND = (10, 200, 90)
"""Colour behind the layer that is looked at: none of the layers' own."""

# One pane alone on a ground of one colour: whatever else is on the map is not drawn.
ALONE = """.leaflet-container {{ background: rgb{ground} !important; }}
.leaflet-map-pane > .leaflet-pane:not(.leaflet-{pane}-pane) {{ visibility: hidden !important; }}
.leaflet-control-container, .fs-map > :not(#map) {{ opacity: 0 !important; }}"""

PLACES = """(pane) => {
  const map = document.getElementById("map").getBoundingClientRect();
  return [...document.querySelectorAll(`.fs-${pane}-layer .leaflet-tile`)].map((tile) => {
    const box = tile.getBoundingClientRect();
    return { url: tile.src, x: box.x - map.x, y: box.y - map.y, width: box.width, height: box.height };
  });
}"""


def rgba(png: bytes) -> Pixels:
    """Return the pixels of a PNG, (H, W, 4)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def fetch(url: str) -> Pixels:
    with urllib.request.urlopen(url) as answer:
        return rgba(answer.read())


@dataclass(frozen=True)
class Tile:
    """One tile on the map: its URL, and the CSS pixel of the map that its upper left corner is at."""

    url: str
    x: int
    y: int


def tiles_of(screen: Screen, pane: str) -> list[Tile]:
    """Return the tiles of a pane as Leaflet has placed them: on whole pixels, unscaled."""
    found = screen.page.evaluate(PLACES, pane)
    assert found
    for tile in found:
        assert (tile["width"], tile["height"]) == (SIZE, SIZE)
        assert tile["x"] == int(tile["x"])
        assert tile["y"] == int(tile["y"])
    return [Tile(tile["url"], int(tile["x"]), int(tile["y"])) for tile in found]


def mosaic(screen: Screen, tiles: list[Tile], layer: str | None = None) -> Pixels:
    """Return the map's area with the tiles' own values in their places, (H, W, 4); transparent elsewhere.

    Args:
        screen: the page.
        tiles: which, and where.
        layer: ask the server for this layer in place of the one that the page shows.
    """
    box = screen.page.locator("#map").bounding_box()
    assert box is not None
    height, width = round(box["height"]), round(box["width"])
    out = np.zeros((height, width, 4), dtype=np.uint8)
    for tile in tiles:
        url = tile.url if layer is None else tile.url.replace("/composite/", f"/{layer}/")
        values = fetch(url)
        top, left = max(0, tile.y), max(0, tile.x)
        bottom, right = min(height, tile.y + SIZE), min(width, tile.x + SIZE)
        if bottom > top and right > left:
            out[top:bottom, left:right] = values[top - tile.y : bottom - tile.y, left - tile.x : right - tile.x]
    return out


def show_alone(screen: Screen, pane: str) -> None:
    """Hide everything but one pane, and put a known colour behind it."""
    screen.style(ALONE.format(ground=GROUND, pane=pane))


def seen(screen: Screen) -> Pixels:
    """Return what is on the map, (H, W, 3), once the last change is drawn."""
    screen.frames(2)
    return rgba(screen.page.locator("#map").screenshot(animations="disabled"))[..., :3]


def painted(classes: list[tuple[npt.NDArray[np.bool_], tuple[int, int, int]]]) -> Pixels:
    """Return the ground with each mask in its colour, (H, W, 3)."""
    out = np.empty((*classes[0][0].shape, 3), dtype=np.uint8)
    out[:] = GROUND
    for mask, colour in classes:
        out[mask] = colour
    return out


# A whole tile of surely water in place of each that is there; gives how far they reach, in CSS pixels of the map.
FILL = """async (pane) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 512, height: 512 });
  Object.assign(canvas.getContext("2d"), { fillStyle: "rgb(255, 255, 255)" }).fillRect(0, 0, 512, 512);
  const map = document.getElementById("map").getBoundingClientRect();
  const tiles = [...document.querySelectorAll(`.fs-${pane}-layer .leaflet-tile`)];
  tiles.forEach((tile) => { tile.src = canvas.toDataURL(); });
  await Promise.all(tiles.map((tile) => tile.decode()));
  const boxes = tiles.map((tile) => tile.getBoundingClientRect());
  const [left, top] = [Math.min(...boxes.map((b) => b.left)) - map.left, Math.min(...boxes.map((b) => b.top)) - map.top];
  const [right, bottom] = [Math.max(...boxes.map((b) => b.right)) - map.left, Math.max(...boxes.map((b) => b.bottom)) - map.top];
  return [tiles.length, Math.max(0, left), Math.max(0, top), Math.min(map.width, right), Math.min(map.height, bottom)];
}"""


def lines_between_tiles(screen: Screen, pane: str, zoom: float, scale: int = 1) -> int:
    """Return how many pixels of a pane's tiles, all of one colour, have another: where they do not meet at a fraction of a zoom.

    The pane must be alone (`show_alone`), and so near that a chip has more than one tile.
    """
    screen.page.evaluate(
        "z => { const { map, jump } = floodscope.leaflet; jump(map.getCenter(), Math.floor(map.getZoom()) + z); }", zoom
    )
    screen.quiet()
    count, *box = screen.page.evaluate(FILL, pane)
    assert count > 1
    left, top, right, bottom = (round(scale * edge) for edge in box)
    inside = seen(screen)[top:bottom, left:right]
    return int((inside != inside[0, 0]).any(axis=-1).sum())
