"""Water polygons of a scene, strip by strip, beside those of the same pixels in memory at once: CPU seconds, memory, count, km2.

    python tests/benchmarks/scene_polygons.py --folder FOLDER
    python tests/benchmarks/scene_polygons.py --folder FOLDER --size 4000x4000 --model floodscope

FOLDER keeps the simulated scene, and its prediction, for the next time. Memory is the peak of a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[0] = str(REPOSITORY)  # this folder's tiles.py would be taken for the package

_POLYGONS = """
import sys, time
from pathlib import Path
import numpy as np
from model.export.polygons import scene_bodies, water_bodies
from model.export.vectors import WaterPolygons
from model.predictors.select import open_predictor
from model.store.store import Store, key_of
from model.store.streamed import grid_of_stored, read_strips
from tiles.catalog.catalog import open_catalog
way, scene, model, data, out = sys.argv[1:]
(record,) = open_catalog([scene]).records()
predictor = open_predictor(model)
Path(out).mkdir(exist_ok=True)
with Store(data) as store, WaterPolygons(Path(out)) as polygons:
    path = store.raster_path(store.fresh([record], key_of(predictor))[record.id])
    grid, began = grid_of_stored(path), time.process_time()
    if way == "strips":
        for bodies in scene_bodies(read_strips(path), predictor.threshold, grid):
            polygons.add(record, bodies, predictor.threshold, model)
    else:
        values = np.concatenate([strip for _, strip in read_strips(path)])
        polygons.add(record, water_bodies(values, predictor.threshold, grid), predictor.threshold, model)
    found, files = time.process_time() - began, []
    for kind in ("geopackage", "flatgeobuf") if way == "strips" else ():
        began = time.process_time()
        size = polygons.write(Path(out), kind).stat().st_size
        files.append(f"{kind} {size / 1e6:.0f} MB in {time.process_time() - began:.1f} CPU s")
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(f"{way}: {polygons.features:,} polygons, {polygons.km2:.6f} km2, {found:.1f} CPU s, peak {peak >> 10} MB", *files, sep="; ")
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", default="backscatter")
    parser.add_argument("--size", default="8000x8000")
    given = parser.parse_args()

    from model.inference.missing import predict_missing
    from model.predictors.select import open_predictor
    from model.store.store import Store
    from tiles.catalog.catalog import open_catalog
    from tiles.simulate.folder import simulate_scene

    source, data = given.folder / given.size, given.folder / "data"
    if not source.exists():
        simulate_scene(source, *map(int, given.size.split("x")))
    scene = source / "scene.tif"
    with Store(data) as store:
        job = predict_missing(open_catalog([scene]).records(), open_predictor(given.model), store)
    assert not job.failed, job.failed
    for way in ("strips", "whole"):
        command = [sys.executable, "-c", _POLYGONS, way, scene, given.model, data, given.folder / "polygons"]
        print(subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout, end="")


if __name__ == "__main__":
    main()
