"""Seconds and memory of predicting one chip, beside torch's own plain forward pass of the same network.

    python tests/benchmarks/inference.py [--size 512] [--repeat 7] [--threads N]

Each predictor runs in a process of its own, so that its peak memory is its own. Random chips; random weights but those of
`floodscope`, whose plain pass is of its network alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[0] = str(REPOSITORY)  # this folder's tiles.py would be taken for the package
CASES = ("backscatter", "backscatter:otsu", "backscatter:adaptive", "floodscope", "resnet18", "efficientnet-b0")


def median_seconds(run: Callable[[], object], repeat: int) -> float:
    """The median after one run that is not counted."""
    run()
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def peak_mb() -> float:
    """The largest resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(case: str, size: int, repeat: int, threads: int | None) -> dict[str, float | str | None]:
    from model.predictors.select import open_predictor
    from tests.model.predictors.random_chips import random_chip

    chip = random_chip(size, size)
    if case.startswith("backscatter"):
        predictor = open_predictor(case)
        seconds, plain = median_seconds(lambda: predictor.predict([chip]), repeat), None
        peak = peak_mb()
    else:
        import torch

        from model.bundle.manifest import read_bundle
        from model.bundle.network import build_member
        from model.predictors.local import LocalPredictor
        from model.weights import SHIPPED, WEIGHTS
        from tests.model.predictors.bundles import write_random

        with tempfile.TemporaryDirectory() as folder:
            shipped = case == SHIPPED
            bundle = read_bundle(WEIGHTS) if shipped else write_random(Path(folder), encoder=case, options={})
            local = LocalPredictor(WEIGHTS if shipped else folder, "cpu", threads=threads)
            local.load()
            seconds = median_seconds(lambda: local.predict([chip]), repeat)
            peak = peak_mb()
        network = build_member(bundle, bundle.members[0]).eval()
        x = torch.from_numpy(bundle.normalisation.apply({"vv": chip.vv, "vh": chip.vh}, chip.valid))[None]
        with torch.inference_mode():
            plain = median_seconds(lambda: network(x), repeat)
    return {"case": case, "seconds": seconds, "plain": plain, "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--case", choices=CASES)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.size, options.repeat, options.threads)))
        return
    print(f"{'1x2x' + str(options.size) + 'x' + str(options.size):18} {'seconds':>9} {'of plain':>9} {'peak MB':>8}")
    for case in CASES:
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--case", case],
            check=True,
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
        )
        row = json.loads(done.stdout)
        ratio = f"{row['seconds'] / row['plain']:9.2f}" if row["plain"] else f"{'-':>9}"
        print(f"{case:18} {row['seconds']:9.4f} {ratio} {row['peak_mb']:8.0f}")


if __name__ == "__main__":
    main()
