"""What a catalog costs as it grows: 446, 10,000 and 100,000 chips with files of their own and stored predictions.

Run `.venv/bin/python tests/benchmarks/growth.py [--chips 446 10000 100000]` on a machine that does nothing else; the load is
printed with the numbers. The files are cuts of simulated chips, each moved to a place of its own in its country; predictions
are written straight into the store, with no raster of any, and histograms as a good model's are: most pixels at either end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import struct
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil

# The browser tests' modules in place of this folder, whose tiles.py would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent / "browser")

from playwright.sync_api import CDPSession, sync_playwright  # noqa: E402
from running import ARGUMENTS, PATIENCE_MS, browser_path, serving  # noqa: E402
from screen import Screen  # noqa: E402

COUNTS = (446, 10_000, 100_000)
SIDE, DEGREES = 16, 0.046  # pixels of a file, and how wide it lies on the ground: a chip of 512 pixels of 10 m
APART = 0.07
BLOCK = 5000
MODEL = "backscatter"
PRESSES, MOVES = 10, 12

# From an act until the frame after the one in which a condition holds; the condition is asked once a frame.
UNTIL = """([act, condition]) => new Promise((done) => {
  const holds = new Function("floodscope", "was", `return ${condition}`);
  const was = { sieved: floodscope.filters.version };
  const begun = performance.now();
  new Function("floodscope", act)(floodscope);
  const look = () => {
    if (holds(floodscope, was)) requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
    else requestAnimationFrame(look);
  };
  look();
})"""
# Frames of a map that moves: the milliseconds between them.
FRAMES = """([what, ms]) => new Promise((done) => {
  const { map } = floodscope.leaflet;
  const out = [];
  let last = performance.now();
  const end = last + ms;
  new Function("map", what)(map);
  const frame = (now) => {
    out.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(frame);
    else done(out.slice(1));
  };
  requestAnimationFrame(frame);
})"""
# From a key on the slider until the frame after the last change of map and table.
KEYS = """() => {
  window.painted = { map: [], table: [] };
  let key = null;
  window.addEventListener("keydown", (event) => { key = { at: event.timeStamp, n: painted.map.length }; painted.map.push(0);
    painted.table.push(0); }, true);
  const watch = (place, what) => {
    const note = () => {
      const mine = key;
      if (mine) requestAnimationFrame(() => setTimeout(() => { painted[what][mine.n] = performance.now() - mine.at; }));
    };
    new MutationObserver(note).observe(place, { childList: true, subtree: true, attributes: true, characterData: true });
  };
  watch(document.querySelector("#regions-table .ag-body"), "table");
  for (const pane of ["countries", "footprints", "points"]) watch(document.querySelector(`.leaflet-${pane}-pane`), "map");
}"""


def template(image: Path) -> tuple[bytes, tuple[float, float]]:
    """Return a small file of a simulated one's first pixels, lying where that lies, as bytes, and its upper left corner."""
    import rasterio
    from rasterio.transform import Affine
    from rasterio.windows import Window

    with rasterio.open(image) as source:
        values, made = source.read(window=Window(0, 0, SIDE, SIDE)), source.profile
        tags, names, west, north = source.tags(), source.descriptions, source.transform.c, source.transform.f
    size = DEGREES / SIDE
    transform = Affine(size, 0, west, 0, -size, north)
    wanted = {name: made[name] for name in ("dtype", "count", "crs", "nodata")}
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="GTiff", width=SIDE, height=SIDE, transform=transform, **wanted) as dataset:
            dataset.write(values)
            dataset.update_tags(**tags)
            dataset.descriptions = names
        content = bytes(memory.read())
    assert struct.pack("<dd", west, north) in content
    return content, (west, north)


def make_chips(folder: Path, count: int) -> Path:
    """Write so many small chips, those of a country side by side around where its simulated one lies."""
    from tiles.simulate import simulate

    made = simulate(folder / "templates", chips=11, size=64)
    images = sorted(made.rglob("*_S1Hand.tif"))
    out = folder / f"chips-{count}"
    for kind in ("S1Hand", "LabelHand"):
        (out / kind).mkdir(parents=True)
    shutil.copy(made / "SIMULATED.json", out)
    a_country = -(-count // len(images))
    across = int(np.ceil(np.sqrt(a_country)))
    left = count
    for image in images:
        both = [(kind, template(Path(str(image).replace("S1Hand", kind)))) for kind in ("S1Hand", "LabelHand")]
        country = image.name.split("_")[0]
        for n in range(min(a_country, left)):
            row, column = divmod(n, across)
            for kind, (content, (west, north)) in both:
                place = struct.pack("<dd", west + APART * column, north - APART * (row - across / 2))
                path = out / kind / f"{country}_sim{n:06}_{kind}.tif"
                path.write_bytes(content.replace(struct.pack("<dd", west, north), place))
        left -= min(a_country, left)
    return out


def histograms(random: np.random.Generator, count: int) -> np.ndarray:
    """Return counts (count, 510) of water and dry pixels at each value: of chips of which a share is water, well told or not."""
    values = (np.arange(255) + 0.5) / 255
    share = random.beta(0.4, 2.0, count)
    out = []
    for pixels, mirrored in ((262_144 * share, False), (262_144 * (1 - share), True)):
        a, b = random.uniform(0.6, 3.0, (2, count, 1)) * np.array([1.0, 0.12])[:, None, None]
        density = (values ** (a - 1)) * ((1 - values) ** (b - 1))
        density /= density.sum(axis=1, keepdims=True)
        counts = random.multinomial(pixels.astype(np.int64), density)
        out.append(counts[:, ::-1] if mirrored else counts)
    return np.concatenate(out, axis=1).astype("<u4")


def predict(folder: Path, data: Path) -> None:
    """Write predictions of all chips by the baseline into the store, with no raster of any."""
    from model.predictors.select import open_predictor
    from model.store.database import PREDICTIONS
    from model.store.store import Store, key_of
    from tiles.chip import Asset, ChipRecord

    predictor, random = open_predictor(MODEL), np.random.default_rng(3)
    key = key_of(predictor)
    images = sorted((folder / "S1Hand").iterdir())
    with Store(data) as store:
        for first in range(0, len(images), BLOCK):
            block = images[first : first + BLOCK]
            counts = histograms(random, len(block))
            rows = []
            for image, row in zip(block, counts, strict=True):
                chip = image.stem.removesuffix("_S1Hand")
                label = str(folder / "LabelHand" / f"{chip}_LabelHand.tif")
                both = (Asset(str(image), band) for band in (1, 2))
                revision = ChipRecord(chip, vv=next(both), vh=next(both), label=Asset(label)).revision()
                name = f"{random.integers(1 << 48):012x}"
                rows.append(
                    {
                        **{"chip_id": chip, "chip_revision": revision, "revision": name, "created": _now()},
                        **{"model_key": key.digest, "model_id": key.model_id, "parameters": key.parameters},
                        **{"model_name": predictor.name, "device": predictor.device, "threshold": predictor.threshold},
                        **{"raster": f"{store.home}/{chip}.{name}.tif", "seconds": 0.1, "label_water_km2": 1.0},
                        **{"valid_pixels": int(row.sum()), "total_pixels": 262_144, "histogram": row.tobytes()},
                        "area": ((row[:255] + row[255:]) * 1e-4).astype("<f8").tobytes(),
                    }
                )
            with store.database.writing() as connection:
                connection.execute(PREDICTIONS.insert(), rows)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def memory(data: Path) -> float:
    """Return the MB (10^6) that the server's processes of a data folder hold: what they share is counted once (PSS)."""
    held = 0.0
    for process in psutil.process_iter(["cmdline"]):
        if str(data) in (process.info["cmdline"] or []):
            held += process.memory_full_info().pss / 1e6
    return held


def processor(data: Path) -> float:
    """Return the seconds of a processor that the server's processes of a data folder have used."""
    times = [p.cpu_times() for p in psutil.process_iter(["cmdline"]) if str(data) in (p.info["cmdline"] or [])]
    return float(sum(one.user + one.system for one in times))


def heap(session: CDPSession) -> tuple[float, float]:
    """Return the MB of JavaScript's objects, and of its arrays, after a collection."""
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")
    return used["usedSize"] / 1e6, used.get("backingStorageSize", 0) / 1e6


def moved(page: Screen, what: str, ms: int = 700) -> list[float]:
    out: list[float] = []
    for _ in range(MOVES):
        out += page.page.evaluate(FRAMES, [what, ms])
    return out


def until(page: Screen, act: str, condition: str) -> float:
    return float(page.page.evaluate(UNTIL, [act, condition]))


def visit(page: Screen, session: CDPSession, count: int) -> dict[str, float]:
    """Open the page on the world, and return seconds and megabytes of it."""
    sizes: dict[str, tuple[str, float]] = {}
    session.send("Network.enable")
    session.on("Network.responseReceived", lambda e: sizes.update({e["requestId"]: (e["response"]["url"], 0.0)}))
    session.on(
        "Network.loadingFinished",
        lambda e: sizes.update({e["requestId"]: (sizes.get(e["requestId"], ("", 0.0))[0], e["encodedDataLength"])}),
    )
    begun = time.perf_counter()
    page.page.goto(f"{page.url}?tab=chip&z=2&lat=14&lon=8", timeout=600_000)
    page.page.locator(".leaflet-points-pane .leaflet-interactive").first.wait_for(state="attached", timeout=600_000)
    shown = time.perf_counter() - begun
    page.page.wait_for_function(
        "([model, n]) => floodscope.catalog.shelf(model).size >= n", arg=[MODEL, count], timeout=600_000
    )
    predicted = time.perf_counter() - begun
    page.page.wait_for_timeout(3000)
    static = ("/_dash-component-suites/", "/assets/", "/modules/", "/_dash-layout", "/_dash-dependencies")
    ours = {url: 0.0 for url, _ in sizes.values()}
    for url, size in sizes.values():
        ours[url] += size / 1e6
    scores = sum(size for url, size in ours.items() if "predictions" in url)
    data = {url: size for url, size in ours.items() if not any(part in url for part in static)}
    return {
        "first map, s": shown,
        "all predictions in the page, s": predicted,
        "on the wire but scripts and styles, MB": sum(data.values()),
        "of these asked for as predictions, MB": scores,
    }


def used(page: Screen, session: CDPSession) -> dict[str, float]:
    """Use the page, and return the milliseconds of each use."""
    out: dict[str, float] = {}
    out["heap: objects, MB"], out["heap: arrays, MB"] = heap(session)
    for where, zoom in (("world", 3), ("country", 6), ("chips", 10)):
        page.go(
            *page.page.evaluate(
                "() => { const [w, s, e, n] = [...floodscope.catalog.chips.values()].find((c) => c.bounds).bounds;"
                " return [s - 0.5, e + 0.5]; }"
            ),
            zoom,
        )
        page.page.wait_for_timeout(500)
        pans = moved(page, "map.panBy([160, 40], { duration: 0.5 });")
        page.go(
            *page.page.evaluate(
                "() => { const { lat, lng } = floodscope.leaflet.map.getCenter(); return [lat, lng]; }"
            ),
            zoom,
        )
        zooms = []
        for n in range(MOVES):
            zooms += page.page.evaluate(FRAMES, [f"map.setZoom({zoom + 1 - n % 2});", 900])
        out[f"pan at {where}, frames p95, ms"], out[f"zoom at {where}, frames p95, ms"] = p95(pans), p95(zooms)
        out[f"zoom at {where}, longest frame, ms"] = max(zooms)
    page.go(14, 8, 2)
    rows = "document.querySelectorAll('#regions-table .ag-center-cols-container .ag-row').length > 5"
    out["regions table opened, ms"] = until(
        page, "[...document.querySelectorAll('[role=tab]')].find((t) => t.textContent === 'Regions').click()", rows
    )
    page.page.wait_for_timeout(2000)
    page.page.evaluate(KEYS)
    page.slider("Threshold").focus()
    for n in range(PRESSES + 2):
        page.page.keyboard.press("ArrowRight" if n % 8 < 4 else "ArrowLeft")
        page.page.wait_for_timeout(1500)
    painted = page.page.evaluate("painted")
    for what, times in painted.items():
        some = [value for value in times[2:] if value]
        out[f"slider to painted {what}, ms"] = statistics.median(some) if some else float("nan")
    sieved = "floodscope.filters.version !== was.sieved"
    filters = {"country": "{ country: ['India'] }", "IoU": "{ iou: [0, 0.5], country: [] }", "none": "{ iou: [0, 1] }"}
    for name, values in filters.items():
        out[f"filter by {name}, ms"] = until(page, f"floodscope.filterbar.set({values})", sieved)
        page.page.wait_for_timeout(1500)
    rows = "document.querySelectorAll('#chips-table .ag-center-cols-container .ag-row').length > 2"
    out["chips table opened, ms"] = until(
        page, "[...document.querySelectorAll('[role=tab]')].find((t) => t.textContent === 'Chips').click()", rows
    )
    page.page.wait_for_timeout(2000)
    begun = time.perf_counter()
    page.page.locator("input#search").fill("India_sim000007")
    page.page.get_by_role("option", name="India_sim000007", exact=True).wait_for()
    out["search, ms (with the test's own way to the page)"] = 1000 * (time.perf_counter() - begun)
    return out


def measure(folder: Path, count: int, only: str | None) -> dict[str, float]:
    """Return all that is measured of a catalog."""
    chips, data = folder / f"chips-{count}", folder / f"data-{count}"
    if not chips.is_dir():
        begun = time.perf_counter()
        make_chips(folder, count)
        predict(chips, data)
        print(f"{count} chips made in {time.perf_counter() - begun:.0f} s", flush=True)
    out: dict[str, float] = {}
    for again in ("first start, s", "start, s", "start with one chip more, s"):
        if again.endswith("more, s"):
            for image in (sorted((chips / kind).iterdir())[0] for kind in ("S1Hand", "LabelHand")):
                shutil.copy(image, image.with_name(image.name.replace("_sim", f"_more{time.time():.0f}")))
        begun = time.perf_counter()
        with serving(data, chips) as dashboard:
            out[again] = time.perf_counter() - begun
            out[again.replace(", s", ", of the processor, s")] = processor(data)
            print(f"{again} {out[again]:.1f}", flush=True)
            if again == "start, s" and only != "start":
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
                    context = browser.new_context(viewport={"width": 1280, "height": 800})
                    context.set_default_timeout(PATIENCE_MS)
                    page = Screen(context.new_page(), dashboard.url)
                    # There are no rasters: a picture that is asked for would have its prediction taken for lost.
                    page.page.route("**/review/thumbnails/**", lambda asked: asked.fulfill(content_type="image/png"))
                    session = context.new_cdp_session(page.page)
                    for part in (visit(page, session, count), used(page, session)):
                        out |= part
                    out["server, MB"] = memory(data)
                    browser.close()
    return out


def main() -> None:
    """Print one column a catalog."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, nargs="*", default=list(COUNTS))
    parser.add_argument("--folder", type=Path, help="keep the catalogs here, and take those that are there")
    parser.add_argument("--only", choices=["start"], help="the server's start alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        for count in given.chips:
            found: dict[str, Any] = measure(folder, count, given.only)
            print(f"{count} chips; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            for what, value in found.items():
                print(f"  {what:50} {value:10.1f}")
            print(json.dumps({"chips": count, **found}), flush=True)


if __name__ == "__main__":
    main()
