"""Scenes of four sizes under a model: memory, seconds a megapixel beside the bare model's, and what windows change.

    python tests/benchmarks/scenes.py --folder FOLDER
    python tests/benchmarks/scenes.py --folder FOLDER --model floodscope --sizes 2048x2048 8192x4096

FOLDER keeps the simulated scenes for the next time. Memory is the peak of a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rasterio.windows import Window

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[0] = str(REPOSITORY)  # this folder's tiles.py would be taken for the package

SIZES = ((2048, 2048), (8192, 4096), (16_000, 10_000), (25_000, 16_000))
_PREDICT = """
import sys, time
from pathlib import Path
from model.inference.missing import predict_missing
from model.predictors.select import open_predictor
from model.store.store import Store
from tiles.catalog.catalog import open_catalog
def peak():  # not getrusage: its peak is that of the process which started this one, where that was larger
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
predictor = open_predictor(sys.argv[2])
predictor.load()
loaded = peak()
with Store(sys.argv[3]) as store:
    began, cpu = time.perf_counter(), time.process_time()
    job = predict_missing(open_catalog([sys.argv[1]]).records(), predictor, store)
    took, worked = time.perf_counter() - began, time.process_time() - cpu
assert not job.failed, job.failed
print(f"{took:.2f} {worked:.2f} {peak() / 1024:.0f} {loaded / 1024:.0f}")
"""


def made(folder: Path, width: int, height: int) -> Path:
    """Return a simulated scene of a size, made where it is not there."""
    from tiles.simulate.folder import simulate_scene

    out = folder / f"{width}x{height}"
    if not out.exists():
        simulate_scene(out, width, height)
    return out / "scene.tif"


def bare(model: str, scene: Path) -> float:
    """Return the seconds a megapixel of the model alone, on one window in memory, read already: it runs on one core."""
    from model.predictors.select import open_predictor
    from tiles.catalog.catalog import open_catalog
    from tiles.scenes.windows import Scene

    predictor = open_predictor(model)
    predictor.load()
    (record,) = open_catalog([scene]).records()
    chip = Scene(record, with_label=False).read(Window(600, 600, 1024, 1024))
    predictor.predict([chip])
    times = []
    for _ in range(3):
        began = time.perf_counter()
        predictor.predict([chip])
        times.append(time.perf_counter() - began)
    return min(times) / (chip.valid.size / 1e6)


def seam(model: str, scene: Path) -> str:
    """Return how much windows change of an image of 2048 x 2048 beside one pass over all of it."""
    from model.inference.scenes import SceneRun
    from model.predictors.local import LocalPredictor
    from model.predictors.select import open_predictor
    from model.store.store import Store
    from tiles.catalog.catalog import open_catalog
    from tiles.reading.door import read_chip

    (record,) = open_catalog([scene]).records()
    predictor = open_predictor(model)
    with tempfile.TemporaryDirectory() as folder, Store(folder) as store:
        run = SceneRun(record, predictor, store)
        while run.left:
            run.step()
        windows = store.read(run.finish()).astype(int)
    if isinstance(predictor, LocalPredictor):
        predictor.window = 4096
    (whole,) = predictor.predict([read_chip(record)])
    apart = np.abs(windows - whole.astype(int))
    return f"{100 * np.mean(apart <= 1):.4f} % of the pixels differ by 1/254 at most, the largest difference is {apart.max()}/254"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", default="backscatter")
    parser.add_argument("--sizes", nargs="+", metavar="WIDTHxHEIGHT", default=[f"{w}x{h}" for w, h in SIZES])
    given = parser.parse_args()
    sizes = [(int(width), int(height)) for width, height in (size.split("x") for size in given.sizes)]
    first = made(given.folder, *SIZES[0])
    alone = bare(given.model, first)
    print(f"{given.model} alone, on one core: {alone:.4f} s/Mpx")
    print(f"2048 x 2048 by windows and whole: {seam(given.model, first)}")
    for width, height in sizes:
        scene = made(given.folder, width, height)
        with tempfile.TemporaryDirectory(dir=given.folder) as data:
            done = subprocess.run(
                [sys.executable, "-c", _PREDICT, str(scene), given.model, data],
                capture_output=True,
                text=True,
                check=True,
            )
        took, cpu, peak, loaded = map(float, done.stdout.split())
        mpx = width * height / 1e6
        print(
            f"{width:,} x {height:,}: {took:.1f} s, a megapixel {took / mpx:.4f} s by the clock and {cpu / mpx:.4f} of the "
            f"processor ({took / mpx / alone:.2f} and {cpu / mpx / alone:.2f} of the model alone), "
            f"peak {peak:.0f} MiB ({loaded:.0f} MiB with the model loaded)"
        )


if __name__ == "__main__":
    main()
