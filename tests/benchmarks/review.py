"""How long the threshold slider takes until map and Regions table are painted anew, on 446 and on 10,000 chips.

Run `.venv/bin/python tests/benchmarks/review.py` on a machine that does nothing else; the load is printed with the numbers.
The times are read from Chromium's own performance trace: from the key's mark to the end of the first commit to the screen
after the last change of table or map, the median of 20 presses. The catalog is made up in the page (chips in 40 countries with
random histograms) and goes through the same code as one from the server. Beside the clock's time stands the time that the
page's thread worked: on a busy machine the two are far apart. Before them stands what a key costs while a chip is open.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

# The browser tests' modules in place of this folder, whose tiles.py would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent / "browser")

from playwright.sync_api import CDPSession, sync_playwright  # noqa: E402
from running import ARGUMENTS, browser_path, serving  # noqa: E402
from screen import Screen  # noqa: E402

PRESSES = 20
BOUNDS_MS = {446: 50, 10_000: 100}
CATEGORIES = "devtools.timeline,disabled-by-default-devtools.timeline,blink.user_timing"
COMMITS = {"Commit", "Layerize"}  # the last of a frame on the page's own thread

# Chips in 40 countries, 6 km squares, each with a histogram of 262,144 pixels that is its own.
TABLE = (Path(__file__).resolve().parents[1] / "page" / "table.mjs").read_text(encoding="utf-8")
FILL = """async (count) => {
  TABLE
  const names = Array.from({ length: 40 }, (_, i) => `Country ${i}`);
  const random = (() => { let n = 7; return () => floodscope.intervals.hash(n += 1) / 4294967296; })();
  const chips = Array.from({ length: count }, (_, i) => {
    const [x, y] = [-160 + 300 * random(), -50 + 100 * random()];
    const ring = [[x, y], [x + 0.05, y], [x + 0.05, y + 0.05], [x, y + 0.05], [x, y]];
    return {
      id: `chip_${i}`, country: names[i % 40], event: names[i % 40], date: "2020-01-01", split: "test", layout: "geotiff",
      imagery: true, labelled: true, simulated: true, problem: null, revision: "0", ring, bounds: [x, y, x + 0.05, y + 0.05],
    };
  });
  const histogram = () => {
    const counts = new Uint32Array(510);
    const [wet, dry, size] = [0.5 + 0.5 * random(), 0.5 * random(), 100000 * random()];
    for (let v = 0; v < 255; v += 1) {
      counts[v] = size * Math.exp(-(((v / 254 - wet) / 0.3) ** 2)) / 60;
      counts[255 + v] = 200000 * Math.exp(-(((v / 254 - dry) / 0.25) ** 2)) / 60;
    }
    return btoa(String.fromCharCode(...new Uint8Array(counts.buffer)));
  };
  const counts = { chips: count, imagery: count, labelled: count };
  const { version } = floodscope.catalog.info; // or the page would fetch the server's catalog in place of this
  const info = { name: "made up", counts, simulated: true, countries: names, version };
  floodscope.catalog.setCatalog(table(chips, info));
  window.dash_clientside.set_props("catalog-in", { data: floodscope.catalog.version });
  await new Promise((done) => setTimeout(done, 1500));
  const rest = { seen: false, valid_share: 1, valid_pixels: 262144, uncertain: 0.1 };
  const predictions = chips.map(({ id }) => ({ id, revision: id, histogram: histogram(), ...rest }));
  floodscope.catalog.add("backscatter", predictions);
  window.dash_clientside.set_props("version", { data: floodscope.catalog.version });
}""".replace("TABLE", TABLE.replace("export ", ""))
WATCH = """() => {
  const mark = (name) => () => performance.mark(name);
  const all = { childList: true, subtree: true, attributes: true, characterData: true };
  new MutationObserver(mark("fs-table")).observe(document.querySelector("#regions-table .ag-body"), all);
  for (const pane of ["countries", "footprints", "points"]) {
    new MutationObserver(mark("fs-map")).observe(document.querySelector(`.leaflet-${pane}-pane`), all);
  }
  window.addEventListener("keydown", mark("fs-key"), true);
}"""


def trace(session: CDPSession, page: Screen, presses: int) -> list[dict[str, Any]]:
    """Return the events of a trace of so many presses of the slider's key."""
    events: list[dict[str, Any]] = []
    session.on("Tracing.dataCollected", lambda more: events.extend(more["value"]))
    ended: list[object] = []
    session.on("Tracing.tracingComplete", lambda told: ended.append(told))  # noqa: PLW0108 - it must take an attribute
    session.send("Tracing.start", {"categories": CATEGORIES, "transferMode": "ReportEvents"})
    for n in range(presses):
        page.page.keyboard.press("ArrowRight" if n % 2 else "ArrowLeft")
        page.page.wait_for_timeout(500)
    session.send("Tracing.end")
    while not ended:
        page.page.wait_for_timeout(50)
    return events


def times(events: list[dict[str, Any]], what: tuple[str, ...]) -> list[tuple[float, float]]:
    """Return for each press the milliseconds until the last change of `what` was committed: by the clock, and of work.

    The second is the time that the page's thread itself ran, which a busy machine stretches less than the clock's.
    """
    marks = sorted((e["ts"], e["name"]) for e in events if e.get("cat", "").startswith("blink.user_timing"))
    keys = [e for e in events if e["name"] == "fs-key"]
    thread = (keys[0]["pid"], keys[0]["tid"])
    own = [e for e in events if (e["pid"], e["tid"]) == thread and e.get("ph") == "X"]
    commits = sorted(e["ts"] + e.get("dur", 0) for e in own if e["name"] in COMMITS)
    tasks = [e for e in own if e["name"].endswith("RunTask")]
    starts = sorted(e["ts"] for e in keys)
    out = []
    for key, following in zip(starts, [*starts[1:], float("inf")], strict=True):
        changed = [ts for ts, name in marks if name in what and key < ts < following]
        if not changed:
            continue
        end = next(ts for ts in commits if ts > changed[-1])
        work = sum(e.get("tdur", 0) for e in tasks if e["ts"] + e["dur"] > key and e["ts"] < end)
        out.append(((end - key) / 1000, work / 1000))
    return out


def measure(page: Screen, count: int) -> None:
    """Print the times of one catalog."""
    page.open(tab="regions", theme="dark", wide=1, z=2, lat=14, lon=8)
    page.page.evaluate(FILL, count)
    page.page.wait_for_function(
        "count => document.querySelectorAll('#regions-table .ag-center-cols-container .ag-row').length > 20"
        " && floodscope.shapes.state.iou.size === count",
        arg=count,
        timeout=120_000,
    )
    page.page.wait_for_timeout(3000)
    page.page.evaluate(WATCH)
    page.slider("Threshold").focus()
    session = page.page.context.new_cdp_session(page.page)
    trace(session, page, 2)  # the draws of the intervals, once
    events = trace(page.page.context.new_cdp_session(page.page), page, PRESSES)
    compute = page.page.evaluate(
        """() => {
          const at = (k) => {
            const t = performance.now();
            floodscope.groups.rows("backscatter", k);
            return performance.now() - t;
          };
          return [100, 101, 102, 103, 104].map(at).sort((a, b) => a - b)[2];
        }"""
    )
    for name, what in (("table", ("fs-table",)), ("map and table", ("fs-table", "fs-map"))):
        clock, work = zip(*times(events, what), strict=True)
        print(
            f"{count:6} chips, slider to painted {name:14} median {statistics.median(clock):6.1f} ms of {len(clock)}, worst "
            f"{max(clock):6.1f}, bound {BOUNDS_MS[count]}; of work {statistics.median(work):6.1f} ms"
        )
    print(f"{count:6} chips, rows of the table computed in {compute:.1f} ms")


def beside_a_chip(page: Screen) -> None:
    """Print what the page's thread does for a key on the slider while a chip is open, and for a chip that is opened."""
    page.open()
    session = page.page.context.new_cdp_session(page.page)
    session.send("Performance.enable")
    chips = page.page.evaluate("() => [...floodscope.catalog.chips.keys()].sort()")
    ids = [chip for _ in range(2) for chip in chips]

    def spent() -> dict[str, float]:
        page.quiet()
        return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}

    def tell(what: str, before: dict[str, float], number: int) -> None:
        after = spent()
        script, task = ((after[name] - before[name]) * 1000 / number for name in ("ScriptDuration", "TaskDuration"))
        print(f"{what}: {script:.1f} ms in scripts, {task:.1f} ms of the page's thread in all, mean of {number}")

    for chip in chips:  # predicted, and compiled
        page.search(chip)
        page.answered(chip)
    before = spent()
    for chip in ids:
        page.search(chip)
        page.answered(chip)
    tell("a predicted chip is opened", before, len(ids))
    page.slider("Threshold").focus()
    before = spent()
    for n in range(2 * PRESSES):
        page.page.keyboard.press("ArrowRight" if n < PRESSES else "ArrowLeft")
        page.frames(3)
    tell("a key on the slider beside an open chip", before, 2 * PRESSES)


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, choices=sorted(BOUNDS_MS), help="one of the two alone")
    parser.add_argument("--trace", type=Path, help="keep the marks of the last page here, as JSON")
    arguments = parser.parse_args()
    from tiles.simulate import simulate

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chips = simulate(Path(folder) / "chips", chips=11, size=64)
        browser = playwright.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        with serving(Path(folder) / "data", chips) as dashboard:
            context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
            beside_a_chip(Screen(context.new_page(), dashboard.url))
            context.close()
            for count in [arguments.chips] if arguments.chips else sorted(BOUNDS_MS):
                context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
                page = Screen(context.new_page(), dashboard.url)
                print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
                measure(page, count)
                if arguments.trace:
                    entries = page.page.evaluate("() => performance.getEntriesByType('mark').map((m) => m.toJSON())")
                    arguments.trace.write_text(json.dumps(entries))
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
