"""A chip across 180 degrees on the page's map: drawn and read on both sides, and not covered by another date's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from running import serving
from screen import ScreenMaker

# Pixels of the picture's layer that are drawn on either side of 180 degrees, as a share of those that the chip covers.
DRAWN = """() => [179.998, 180.002].map((lon) => {
  const at = floodscope.leaflet.map.latLngToContainerPoint([-16.805, lon]);
  const box = document.getElementById("map").getBoundingClientRect();
  return [...document.querySelectorAll(".fs-imagery-layer .leaflet-tile")].some((tile) => {
    const r = tile.getBoundingClientRect();
    const [x, y] = [at.x + box.left - r.left, at.y + box.top - r.top];
    if (x < 0 || y < 0 || x >= r.width || y >= r.height) return false;
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    const scale = tile.naturalWidth / r.width;
    canvas.drawImage(tile, -Math.floor(x * scale), -Math.floor(y * scale));
    return canvas.getImageData(0, 0, 1, 1).data[3] === 255;
  });
})"""


# How much of what is below them the footprints in sight let through, least first.
FILLS = """() => [...document.querySelectorAll(".leaflet-footprints-pane path")]
  .map((path) => Number(path.getAttribute("fill-opacity"))).sort()"""


def test_a_chip_in_degrees_across_the_antimeridian_is_drawn_and_read_on_both_sides(
    screen: ScreenMaker, tmp_path: Path
) -> None:
    for name, level in (("fiji_vv", -18.0), ("fiji_vh", -26.0), ("later_vv", -18.0), ("later_vh", -26.0)):
        values = np.random.default_rng(1).normal(level, 0.5, (100, 100)).astype(np.float32)
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", driver="GTiff", width=100, height=100, count=1, dtype="float32",
            crs="EPSG:4326", transform=Affine(1e-4, 0, -180.005, 0, -1e-4, -16.8),
        ) as made:  # fmt: skip
            made.write(values, 1)
    with serving(tmp_path / "data", tmp_path) as dashboard:
        home = screen(dashboard).open(chip="fiji")
        home.answered("fiji")
        home.painted("fiji", "imagery")
        assert home.page.evaluate(DRAWN) == [True, True]
        home.until("() => (" + FILLS + ")().length > 0")
        assert set(home.page.evaluate(FILLS)) == {0}, "the later image leaves the picture of the open one free"
        home.page.evaluate("() => floodscope.shapes.highlight(null)")
        assert set(home.page.evaluate(FILLS)) == {0.7}
        home.page.evaluate("() => floodscope.shapes.highlight('fiji')")
        for lon, said in ((179.998, "E"), (180.002, "W")):
            home.page.mouse.move(*home.pixel(-16.805, lon))
            home.until("said => document.querySelector('#readout [data-fact=Place]')?.textContent.endsWith(said)", said)
        home.page.goto("about:blank")
