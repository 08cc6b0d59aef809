# ruff: noqa: E402 - the search path comes first
"""Tiles of a scene, as a page asks for them: views of 3 x 2 tiles of 512 pixels at random places, at every zoom.

    floodscope simulate FOLDER --scene 25000x16000
    python tests/benchmarks/scene_tiles.py FOLDER

Prints of each zoom the milliseconds that a tile takes, by the clock and of the processor, beside a tile of a 512 x 512 chip; all
are drawn for the first time. The display pyramid is made first, in a folder that is removed.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# This folder holds a tiles.py, which would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

import numpy as np

from model.store.store import Store
from tiles.catalog.catalog import open_catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import ChipRecord
from tiles.drawing.scenes import Scenes
from tiles.drawing.service import TileService
from tiles.simulate import simulate

VIEWS, COLS, ROWS = 8, 3, 2


def views(record: ChipRecord, z: int) -> Iterator[tuple[int, int]]:
    """Yield columns and rows of the tiles of some views, at random places of a chip."""
    assert record.footprint is not None
    west, south, east, north = record.footprint.bounds
    n = 2**z
    for _ in range(VIEWS):
        lon, lat = random.uniform(west, east), math.radians(random.uniform(south, north))
        x, y = int((lon + 180) / 360 * n), int((0.5 - math.asinh(math.tan(lat)) / 2 / math.pi) * n)
        yield from ((x + i, y + j) for i in range(COLS) for j in range(ROWS))


def measured(service: TileService, record: ChipRecord, z: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of tiles that hold data, by the clock and of the processor."""
    clock, worked = [], []
    for x, y in dict.fromkeys(views(record, z)):
        began, before = time.perf_counter(), time.thread_time()
        tile = service.tile("composite", record.id, record.revision(), z, x, y, scale=2)
        if len(tile.data) > 2000:
            clock.append(1000 * (time.perf_counter() - began))
            worked.append(1000 * (time.thread_time() - before))
    return clock, worked


def main() -> None:
    """Print a row a zoom."""
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "data") as store:
        chips = simulate(Path(folder) / "chips", chips=1, size=512)
        live = LiveCatalog(open_catalog([Path(sys.argv[1]), chips]))
        scene = max(live.now.records(), key=lambda record: record.width or 0).now()
        chip = min(live.now.records(), key=lambda record: record.width or 0).now()
        scenes = Scenes(Path(folder) / "pyramids")
        began = time.perf_counter()
        while not (told := scenes.look(scene)).ready or not told.settled:
            time.sleep(0.1)
        print(f"{scene.id}, {scene.width:,} x {scene.height:,}: ready after {time.perf_counter() - began:.0f} s")
        service = TileService(live, store, scenes, tile_cache_mb=1)  # type: ignore[arg-type]
        measured(service, scene, 10)  # what is loaded first
        for z in range(5, 19):
            clock, worked = measured(service, scene, z)
            if clock:
                row = [f"p{q} {np.percentile(ms, q):4.0f}" for ms in (clock, worked) for q in (50, 95)]
                print(
                    f"zoom {z:2}: clock {row[0]} {row[1]} ms, processor {row[2]} {row[3]} ms, of {len(clock)}",
                    flush=True,
                )
        clock, worked = measured(service, chip, 13)
        print(
            f"a chip : clock p50 {np.median(clock):4.0f} ms, processor p50 {np.median(worked):4.0f} ms, of {len(clock)}"
        )
        scenes.stop()


if __name__ == "__main__":
    main()
