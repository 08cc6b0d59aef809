"""Compare simulated with real chips: histograms of VV and VH over water and land, distances, and the table of AUC.

    FLOODSCOPE_REAL_DATA=../shared/data python tests/benchmarks/simulation_histograms.py [SIMULATED_FOLDER]

Writes docs/images/simulation-histograms.png and docs/images/simulation-composites.png (simulated chips only), and prints the
tables that docs/simulation.md holds. Needs the real chips, which are not part of the repository.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from scipy.stats import rankdata, wasserstein_distance

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGES = REPOSITORY / "docs" / "images"
FEWEST = 1000  # pixels of a class that a chip must hold to take part in that class's histogram
CLASSES = {1: "water", 0: "land"}
BANDS = ("VV", "VH")
EDGES = np.arange(-45.0, 5.0, 0.5)
SHOWN = (0, 2, 4, 10, 5, 6, 9, 3)  # one chip a landscape

Array = npt.NDArray[np.float64]


def chips_of(folder: Path) -> dict[str, tuple[Array, Array]]:
    """Return bands (2, H, W) in dB with NaN, and labels (H, W) with 255 unknown, of the labelled chips of a folder."""
    chips = {}
    for path in sorted((folder / "sen1floods11" / "S1Hand").glob("*.tif")) + sorted((folder / "S1Hand").glob("*.tif")):
        with rasterio.open(path) as image, rasterio.open(str(path).replace("S1Hand", "LabelHand")) as truth:
            label = truth.read(1).astype(float)
            chips[path.stem.removesuffix("_S1Hand")] = (image.read().astype(float), np.where(label < 0, 255, label))
    for path in sorted((folder / "drivendata" / "train_labels").glob("*.tif")):
        bands = []
        for band in ("vv", "vh"):
            with rasterio.open(path.parent.parent / "train_features" / f"{path.stem}_{band}.tif") as image:
                values = image.read(1).astype(float)
            bands.append(np.where(values == 0, np.nan, values))
        with rasterio.open(path) as truth:
            chips[path.stem] = (np.stack(bands), truth.read(1).astype(float))
    return chips


def sample(chips: dict[str, tuple[Array, Array]], value: int, band: int) -> tuple[Array, Array]:
    """Return values and weights of a class in a band: every chip that holds enough of it weighs the same."""
    values, weights = [], []
    for bands, label in chips.values():
        inside = bands[band][(label == value) & np.isfinite(bands).all(axis=0)]
        if inside.size >= FEWEST:
            values.append(inside)
            weights.append(np.full(inside.size, 1.0 / inside.size))
    joined = np.concatenate(weights)
    return np.concatenate(values), joined / joined.sum()


def quantiles(values: Array, weights: Array) -> Array:
    order = np.argsort(values)
    return np.asarray(np.interp([0.05, 0.5, 0.95], np.cumsum(weights[order]), values[order]))


def auc_of_darker(bands: Array, label: Array, band: int) -> float | None:
    """Return the chance that a water pixel is darker than a dry one, None where a class has under 100 pixels."""
    known = np.isfinite(bands).all(axis=0) & (label != 255)
    water = label[known] == 1
    positives, negatives = int(water.sum()), int((~water).sum())
    if min(positives, negatives) < 100:
        return None
    ranks = rankdata(-bands[band][known])
    return float((ranks[water].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def iou(chips: list[tuple[Array, Array]], threshold: float = -22.0) -> float | None:
    hit = wrong = missed = 0
    for bands, label in chips:
        known = np.isfinite(bands).all(axis=0) & (label != 255)
        mask, water = bands[1] < threshold, label == 1
        hit += int((known & mask & water).sum())
        wrong += int((known & mask & ~water).sum())
        missed += int((known & ~mask & water).sum())
    return hit / (hit + wrong + missed) if hit + wrong + missed else None


def draw_histograms(real: dict[str, tuple[Array, Array]], simulated: dict[str, tuple[Array, Array]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(10, 6.4), sharex=True, layout="constrained")
    print("| class, band | real 5 / 50 / 95 % | simulated 5 / 50 / 95 % | Wasserstein distance |\n|---|---|---|---|")
    for row, (value, name) in enumerate(CLASSES.items()):
        for column, band in enumerate(BANDS):
            axis = axes[row, column]
            (rv, rw), (sv, sw) = sample(real, value, column), sample(simulated, value, column)
            distance = wasserstein_distance(rv, sv, rw, sw)
            axis.hist(rv, EDGES, weights=rw * 2, color="#7a8794", alpha=0.55, label="real chips")
            axis.hist(sv, EDGES, weights=sw * 2, histtype="step", color="#0072b2", linewidth=1.8, label="simulated")
            axis.set_title(f"{name}, {band}: {distance:.2f} dB apart (Wasserstein)", fontsize=11)
            axis.set_ylabel("share per dB")
            axis.grid(alpha=0.25)
            texts = [" / ".join(f"{q:.1f}" for q in quantiles(*pair)) for pair in ((rv, rw), (sv, sw))]
            print(f"| {name}, {band} | {texts[0]} | {texts[1]} | {distance:.2f} dB |")
    for axis in axes[1]:
        axis.set_xlabel("backscatter, dB")
    axes[0, 0].legend(frameon=False)
    figure.savefig(IMAGES / "simulation-histograms.png", dpi=110)


def draw_composites(simulated: dict[str, tuple[Array, Array]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = sorted(simulated, key=lambda name: name[-4:])
    figure, axes = plt.subplots(2, 4, figsize=(12, 6.5), layout="constrained")
    for axis, number in zip(axes.ravel(), SHOWN, strict=True):
        (vv, vh), _ = simulated[names[number]]
        colour = np.stack([(vv + 23) / 23, (vh + 28) / 23, (vv / vh - 0.2) / 0.8], axis=-1)
        axis.imshow(np.nan_to_num(colour.clip(0, 1)), interpolation="antialiased")
        axis.set_title(names[number], fontsize=10)
        axis.set_axis_off()
    path = IMAGES / "simulation-composites.png"
    figure.savefig(path, dpi=90)
    with Image.open(path) as image:  # speckle does not compress: 96 colours are a quarter of the bytes
        image.convert("RGB").quantize(96).save(path, optimize=True)


def main() -> None:
    real = chips_of(Path(os.environ.get("FLOODSCOPE_REAL_DATA", REPOSITORY.parent / "shared" / "data")))
    if not real:
        sys.exit("No real chips: set FLOODSCOPE_REAL_DATA to their folder.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch) / "simulated"
        if len(sys.argv) == 1:
            from tiles.simulate import simulate

            start = time.perf_counter()
            simulate(folder)
            print(f"44 chips of 512 x 512: {time.perf_counter() - start:.1f} s on {os.cpu_count()} cores\n")
        simulated = chips_of(folder)
    IMAGES.mkdir(parents=True, exist_ok=True)
    draw_histograms(real, simulated)
    draw_composites(simulated)
    for title, chips in (("real", real), ("simulated", simulated)):
        print(f"\n{title}: AUC of 'darker is water'\n\n| chip | water | VH / VV | VH < -22 dB IoU |\n|---|---|---|---|")
        for name, (bands, label) in chips.items():
            known = np.isfinite(bands).all(axis=0) & (label != 255)
            share = float((label[known] == 1).mean()) if known.any() else float("nan")
            pair = [auc_of_darker(bands, label, band) for band in (1, 0)]
            score = iou([(bands, label)])
            texts = ["-" if v is None else f"{v:.2f}" for v in (*pair, score)]
            print(f"| {name} | {share:.3f} | {texts[0]} / {texts[1]} | {texts[2]} |")
    print("\nIoU of VH < -22 dB, micro:")
    for event in sorted({name.split("_")[0] for name in simulated}):
        print(f"  {event}: {iou([c for name, c in simulated.items() if name.startswith(event)]):.2f}")
    print(f"  all simulated: {iou(list(simulated.values())):.3f}; all real: {iou(list(real.values())):.3f}")


if __name__ == "__main__":
    main()
