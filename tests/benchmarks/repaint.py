"""How long a threshold takes from the key to the new picture and the new table, with 446 chips predicted.

Run `.venv/bin/python tests/benchmarks/repaint.py` on a machine that does nothing else; the load is printed with the
numbers. Each step is a key on the threshold's slider, timed by the browser from the key's own time stamp until the frame
after the one that draws the change. The bound is 50 ms; a frame lasts 16.7.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

# The browser tests' modules in place of this folder, whose tiles.py would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent / "browser")

from playwright.sync_api import sync_playwright  # noqa: E402
from running import ARGUMENTS, browser_path, serving  # noqa: E402
from screen import Screen  # noqa: E402

CHIPS, BASE, STEPS = 446, 11, 20
# From the key to the frame after the change: of the picture (the filter's table, or a canvas), of the table's cells.
WATCH = """() => {
  window.waited = { picture: [], table: [] };
  const note = (kind, from) => requestAnimationFrame(() => setTimeout(() => waited[kind].push(performance.now() - from)));
  let key = 0;
  document.addEventListener("keydown", (event) => { key = event.timeStamp; }, true);
  new MutationObserver(() => note("picture", key)).observe(document.querySelector(".fs-step"), { attributes: true });
  let table = 0;
  new MutationObserver(() => { if (table !== key) { table = key; note("table", key); } })
    .observe(document.getElementById("regions-table"), { subtree: true, childList: true, characterData: true });
}"""


def chips(folder: Path) -> Path:
    """Write 446 small chips: simulated ones, and copies of them side by side."""
    import rasterio
    from rasterio.transform import Affine

    from tiles.simulate import simulate

    made = simulate(folder, chips=BASE, size=128)
    copies = -(-CHIPS // BASE)
    left = CHIPS - BASE
    images = sorted(made.rglob("*_sim00*_S1Hand.tif"))
    for n in range(1, copies):
        for image in images:
            if not left:
                return made
            left -= 1
            for file in (image, Path(str(image).replace("S1Hand", "LabelHand"))):
                copy = file.with_name(file.name.replace("_sim00", f"_sim{n:02}"))
                shutil.copyfile(file, copy)
                with rasterio.open(copy, "r+") as dataset:
                    dataset.transform = dataset.transform @ Affine.translation(1.5 * n * dataset.width, 0)
    return made


def predict(folder: Path, data: Path) -> list[str]:
    """Predict all chips by both baselines, and return the chips' ids."""
    from model.inference.missing import predict_missing
    from model.predictors.select import open_predictor
    from model.store.store import Store
    from tiles.catalog.catalog import open_catalog

    records = open_catalog([folder]).usable()
    with Store(data) as store:
        for spec in ("backscatter", "backscatter:otsu"):
            predict_missing(records, open_predictor(spec), store)
    return [record.id for record in records]


def measure(page: Screen, what: str) -> None:
    """Press 20 keys on the threshold, and print the medians."""
    page.page.evaluate(WATCH)
    thumb = page.slider("Threshold")
    thumb.focus()
    for n in range(STEPS):
        thumb.press("ArrowRight" if n % 8 < 4 else "ArrowLeft")
        page.page.wait_for_timeout(250)
    found: dict[str, list[float]] = page.page.evaluate("waited")
    said = [
        f"{name} {statistics.median(times):5.0f} ms (slowest {max(times):4.0f}, n = {len(times)})"
        for name, times in found.items()
        if times
    ]
    print(f"{what:34} {'; '.join(said)}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def main() -> None:
    """Run it all."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = chips(Path(name) / "chips")
        ids = predict(folder, Path(name) / "data")
        print(f"{len(ids)} chips predicted by two models; bound 50 ms")
        browser = playwright.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        with serving(Path(name) / "data", folder) as dashboard:
            for what, state in (
                ("world map, regions", {"tab": "regions"}),
                ("error map of a chip, regions", {"tab": "regions", "chip": ids[0], "overlay": "errors"}),
                (
                    "difference of two models, regions",
                    {"tab": "regions", "chip": ids[0], "mode": "swipe", "left": "errors", "right": "difference"},
                ),
            ):
                context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
                page = Screen(context.new_page(), dashboard.url)
                page.open(**state)
                page.page.locator("#regions-table .ag-row").first.wait_for()
                page.quiet()
                measure(page, what)
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
