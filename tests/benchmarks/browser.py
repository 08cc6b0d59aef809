"""How long a person waits in the browser: click to mask, first time and read back; tiles while a network predicts.

Run `.venv/bin/python tests/benchmarks/browser.py` on a machine that does nothing else; the load is printed with the numbers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

# The browser tests' modules in place of this folder, whose tiles.py would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent / "browser")

from playwright.sync_api import Browser, sync_playwright  # noqa: E402
from running import ARGUMENTS, browser_path, serving  # noqa: E402
from screen import Screen  # noqa: E402
from slow_model import write_slow_bundle  # noqa: E402

CLICKS = 10
CONNECTIONS = 4  # a browser asks for about as many tiles at once
BEGUN = "model => floodscope.catalog.shelf(model).size > 0"
# From the click's own time stamp until the frame after the one that draws the last tile of a pane.
WATCH = """(chip) => {
  window.waited = null;
  window.addEventListener("click", (click) => {
    const seen = {};
    const map = floodscope.leaflet.map;
    const drawn = (pane) => {
      const tiles = [...document.querySelectorAll(`.fs-${pane}-layer .leaflet-tile`)];
      return !map._animatingZoom && !(map._flyToFrame > 0 && map._moving) && tiles.length > 0
        && tiles.every((t) => t.complete && t.src.includes(`/${chip}/`))
        && tiles.some((t) => t.src.includes(`/${Math.round(map.getZoom()) - 1}/`));
    };
    const frame = () => {
      for (const pane of ["imagery", "scores"]) {
        if (!(pane in seen) && drawn(pane)) requestAnimationFrame(() => { seen[pane] = performance.now() - click.timeStamp; });
      }
      if ("scores" in seen && "imagery" in seen) window.waited = seen;
      else requestAnimationFrame(frame);
    };
    frame();
  }, { once: true, capture: true });
}"""


@contextmanager
def new_page(browser: Browser, url: str, still: bool) -> Iterator[Screen]:
    """Give a page in a profile of its own: nothing is in its cache."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, reduced_motion="reduce" if still else "no-preference"
    )
    yield Screen(context.new_page(), url)
    context.close()


def clicks(page: Screen, chips: list[str]) -> list[dict[str, float]]:
    """Click each chip on the map, and return the seconds until image and mask are drawn."""
    out = []
    for chip in chips:
        page.go(*page.centre(chip), 11)
        page.quiet()
        page.page.evaluate(WATCH, chip)
        page.page.mouse.click(*page.pixel(*page.centre(chip)))
        seen: dict[str, float] = page.page.wait_for_function("() => window.waited").json_value()
        page.answered(chip)
        out.append({pane: ms / 1000 for pane, ms in seen.items()})
    return out


def tile_addresses(page: Screen, chips: list[str]) -> list[str]:
    """Return the addresses of the tiles that the map shows of the chips at zoom 13 and 14, image and scores."""
    return page.page.evaluate(  # type: ignore[no-any-return]
        """(ids) => ids.flatMap((id) => {
          const chip = floodscope.catalog.chips.get(id);
          const p = floodscope.catalog.prediction("backscatter", id);
          const map = floodscope.leaflet.map;
          return [13, 14].flatMap((z) => {
            const a = map.project([chip.bounds[3], chip.bounds[0]], z).divideBy(256).floor();
            const b = map.project([chip.bounds[1], chip.bounds[2]], z).divideBy(256).floor();
            const out = [];
            for (let x = a.x; x <= b.x; x += 1) for (let y = a.y; y <= b.y; y += 1) {
              for (const layer of [`composite/${id}/${chip.revision}`, `scores/${id}/${p.revision}`]) {
                out.push(`tiles/${layer}/${z}/${x}/${y}@2x.png`);
              }
            }
            return out;
          });
        })""",
        chips,
    )


def time_tiles(url: str, addresses: list[str]) -> list[float]:
    """Ask for tiles as a browser does, and return the seconds of each."""

    def one(address: str) -> float:
        began = time.perf_counter()
        with urllib.request.urlopen(url + address) as answer:
            answer.read()
        return time.perf_counter() - began

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(one, addresses))


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def median(values: list[dict[str, float]], pane: str) -> float:
    return statistics.median(value[pane] for value in values)


def measure_clicks(browser: Browser, data: Path, chips: Path, all_chips: list[str]) -> None:
    """Print how long clicks wait: first time, and read back by a server and a browser that have just started."""
    print(f"{'click to':40} {'image':>8} {'mask':>8}   {'slowest mask':>12}")
    for n, still in enumerate((True, False)):
        some = all_chips[n * CLICKS : (n + 1) * CLICKS]
        for what in ("first time", "read back"):
            with serving(data, chips) as dashboard, new_page(browser, dashboard.url, still) as page:
                page.open()
                seen = clicks(page, some)
            motion = "reduced motion" if still else "flight of 0.6 s" if what == "first time" else "motion, no flight"
            slowest = max(value["scores"] for value in seen)
            print(
                f"{what + ', ' + motion:40} {median(seen, 'imagery'):7.2f}s {median(seen, 'scores'):7.2f}s   "
                f"{slowest:11.2f}s  ({load()})"
            )


def measure_tiles(browser: Browser, data: Path, chips: Path, some: list[str], bundle: Path) -> None:
    """Print tile times idle and while a network predicts everything; each time from a server that has just started."""
    times: dict[str, list[float]] = {}
    for what in ("idle", "predicting"):
        with (
            tempfile.TemporaryDirectory() as folder,
            serving(
                shutil.copytree(data, Path(folder) / "data"), chips, options=("--bundle", str(bundle))
            ) as dashboard,
            new_page(browser, dashboard.url, still=True) as page,
        ):
            addresses = tile_addresses(page.open(tab="models"), some)
            if what == "predicting":
                page.open(tab="regions", model=bundle)
                page.page.locator("#predict-all").click()
                page.page.wait_for_function(BEGUN, arg=str(bundle), timeout=120_000)
            times[what] = time_tiles(dashboard.url, addresses)
            if what == "predicting":
                assert page.page.locator("#job").inner_text().startswith("Predicting"), "the model was too quick"
    idle, busy = times["idle"], times["predicting"]
    print(
        f"{len(idle)} tiles, idle -> predicting: median {1000 * statistics.median(idle):.0f} -> "
        f"{1000 * statistics.median(busy):.0f} ms, p95 {1000 * p95(idle):.0f} -> {1000 * p95(busy):.0f} ms, "
        f"ratio of p95 {p95(busy) / p95(idle):.2f}, bound 2  ({load()})"
    )


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of tile timings")
    parser.add_argument("--only", choices=["clicks", "tiles"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        from tiles.catalog.catalog import open_catalog
        from tiles.simulate import simulate

        chips = simulate(Path(folder) / "chips", chips=2 * CLICKS)
        names = sorted(record.id for record in islice(open_catalog([chips]).usable(), 2 * CLICKS))
        browser = playwright.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        print(load())
        if arguments.only != "tiles":
            measure_clicks(browser, Path(folder) / "data", chips, names)
        if arguments.only != "clicks":
            bundle = write_slow_bundle(Path(folder) / "slow")
            predict_baseline(chips, Path(folder) / "data")
            for _ in range(arguments.rounds):
                measure_tiles(browser, Path(folder) / "data", chips, names[:CLICKS], bundle)
        browser.close()


def predict_baseline(chips: Path, data: Path) -> None:
    """Predict all chips by the baseline, so that there are score tiles to ask for."""
    from model.inference.missing import predict_missing
    from model.predictors.select import open_predictor
    from model.store.store import Store
    from tiles.catalog.catalog import open_catalog

    store = Store(data)
    predict_missing(open_catalog([chips]).usable(), open_predictor("backscatter"), store)
    store.close()


if __name__ == "__main__":
    main()
