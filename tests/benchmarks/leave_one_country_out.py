# ruff: noqa: E402 - the search path comes first
"""Leave one country out: classical thresholds, the capstone as it was and with its bugs mended, and the shipped recipe.

Run `.venv/bin/python tests/benchmarks/leave_one_country_out.py --out FOLDER`. Folds that FOLDER holds are not trained again.
It needs the real chips in ../shared/data and, on two cores, about two hours; `--only` takes some rows.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

# This folder holds a tiles.py, which would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

import numpy as np
import torch
from torch import Tensor

from model.bundle.manifest import Bundle, Member, write_bundle
from model.bundle.network import build_network
from model.bundle.normalisation import MinMax, Normalisation
from model.predictors.protocol import Predictor
from model.predictors.select import open_predictor
from model.scores.histogram import ScoreHistogram
from model.training.crossvalidate import CrossValidation, cross_validate
from model.training.dataset import ChipCache
from model.training.fit import Machine
from model.training.recipe import CAPSTONE, FINETUNE, PRETRAIN, Recipe, change_recipe
from model.training.split import Fold, Split, k_fold
from model.training.train import BUNDLE, train
from tiles.catalog.catalog import open_catalog
from tiles.chip import ChipRecord
from tiles.reading.door import read_chip
from tiles.simulate import simulate

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SIMULATED_CHIPS, SIMULATED_SEED = 264, 7
# As the first release pretrained; what ships now has seen more.
FIRST_PRETRAIN = change_recipe(PRETRAIN, {"batch": 8, "epochs": 8, "ema": 0.98, "adaptive": False})
# Steps of the capstone's rows, on two cores; its own run took more, and stopped early.
CAPSTONE_STEPS = 40
QUIET = Machine(loggers=("csv",), progress=False)
MINMAX = {"vv": (-77.0, 26.0), "vh": (-77.0, 26.0)}


def thresholds(name: str, records: Sequence[ChipRecord]) -> dict[str, Any]:
    """Score a predictor that learns nothing."""
    predictor: Predictor = open_predictor(name)
    histograms, seconds = [], 0.0
    for record in records:
        chip = read_chip(record)
        began = time.perf_counter()
        (probability,) = predictor.predict([chip])
        seconds += time.perf_counter() - began
        assert chip.label is not None
        histograms.append(ScoreHistogram.of(probability, chip.label))
    countries: dict[str, ScoreHistogram] = {}
    for record, histogram in zip(records, histograms, strict=True):
        countries[str(record.country)] = countries.get(str(record.country), ScoreHistogram.zero()) + histogram
    iou = {name: h.confusion(0.5).iou for name, h in countries.items()}
    return {
        "micro_iou": ScoreHistogram.sum_of(histograms).confusion(0.5).iou,
        "mean_over_countries_with_water": float(
            np.mean([iou[name] or 0.0 for name, h in countries.items() if h.water_pixels])
        ),
        "countries": iou,
        "calibration_error": ScoreHistogram.sum_of(histograms).calibration_error(),
        "seconds_a_chip": seconds / len(records),
    }


def train_with_the_bugs(recipe: Recipe, fold: Fold, home: Path) -> Path:
    """Train as the capstone did: six of its eleven mistakes are of training (../shared/FACTS.md counts them)."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    cache = ChipCache(("vv", "vh"))
    chips = [cache.get(record) for record in fold.train if not record.simulated]
    network = build_network("Unet", "efficientnet-b0", 2, classes=2).train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    # Mistake 3: the plateau scheduler watches the loss of a step, as if more of it were better.
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, mode="max", patience=2)

    def turned(plane: Tensor) -> Tensor:
        plane = torch.rot90(plane, int(rng.integers(4)), (-2, -1)) if rng.random() < 0.5 else plane
        return plane.flip(-1) if rng.random() < 0.5 else plane

    for _ in range(recipe.steps):
        images, labels = [], []
        for i in rng.integers(0, len(chips), recipe.batch):
            row, column = rng.integers(0, 512 - recipe.crop + 1, 2)
            part = (slice(row, row + recipe.crop), slice(column, column + recipe.crop))
            # Mistake 6: no data is 0 dB, and goes in as 0.748. Mistake 5: min-max over -77..26 dB.
            image = (torch.nan_to_num(chips[i].image[:, part[0], part[1]], nan=0.0) + 77.0) / 103.0
            # Mistake 1: image and label are each turned their own way.
            images.append(turned(image))
            labels.append(turned(chips[i].label[part]))
        x, y = torch.stack(images), torch.stack(labels).long()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(x)
        logits = logits.float()
        cross_entropy = torch.nn.functional.cross_entropy(logits, y, ignore_index=255)
        known, p = y != 255, logits.softmax(1)[:, 1]
        overlap, total = (p * (y == 1))[known].sum(), p[known].sum() + (y == 1)[known].sum()
        # Mistake 2: the cross-entropy becomes a whole number, and loses its gradient.
        loss = 0.5 * torch.nan_to_num(cross_entropy).long() + 0.5 * (1 - 2 * overlap / (total + 1e-7))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        scheduler.step(float(loss.detach()))
    mean = Normalisation({name: MinMax(low, high, 0.0) for name, (low, high) in MINMAX.items()})
    bundle = Bundle(
        "capstone with its bugs", "Unet", "efficientnet-b0", mean, (Member("model.safetensors"),), classes=2
    )
    write_bundle(home / BUNDLE, bundle, [network.eval().state_dict()])
    return home / BUNDLE


def main() -> None:
    """Run the rows and print the table."""
    rows = ("otsu", "fixed", "bugs", "capstone", "simulated", "shipped")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=rows, default=rows)
    parser.add_argument("--capstone-steps", type=int, default=CAPSTONE_STEPS)
    arguments = parser.parse_args()
    out: Path = arguments.out
    real = [r for r in open_catalog([DATA / "sen1floods11", DATA / "drivendata"]).usable() if r.has_label]
    real = [r for r in real if bool(read_chip(r).valid.any())]
    results: dict[str, dict[str, Any]] = {}

    def keep(name: str, result: dict[str, Any]) -> None:
        results[name] = result
        print_row(name, result)
        (out / "table.json").write_text(json.dumps(results, indent=1), encoding="utf-8")

    def validated(name: str, recipe: Recipe, records: Sequence[ChipRecord], **more: Any) -> CrossValidation:
        def tell(fold: str, done: int, total: int) -> None:
            print(f"  {name}: {done}/{total} {fold}", file=sys.stderr, flush=True)

        return cross_validate(recipe, k_fold(records, "country", None), out / name, machine=QUIET, on_fold=tell, **more)

    out.mkdir(parents=True, exist_ok=True)
    if "otsu" in arguments.only:
        keep("VH below Otsu's threshold", thresholds("backscatter:otsu", real))
    if "fixed" in arguments.only:
        keep("VH below -22 dB", thresholds("backscatter", real))
    if {"simulated", "shipped"} & set(arguments.only):
        chips = out / "simulated_chips"
        if not chips.exists():
            simulate(chips, chips=SIMULATED_CHIPS, seed=SIMULATED_SEED)
        simulated = [r for r in open_catalog([chips]).usable() if r.has_label]
        start = out / "pretrain" / BUNDLE
        if not (start / "model.json").exists():
            split = Split(tuple(simulated), (), "all chips train, none validates")
            train(
                FIRST_PRETRAIN, split, out / "pretrain", resume=(out / "pretrain" / "plan.json").exists(), machine=QUIET
            )
        if "simulated" in arguments.only:
            keep("simulated chips only", thresholds(str(start), real))
        if "shipped" in arguments.only:
            keep("shipped recipe", validated("shipped", FINETUNE, [*real, *simulated], init=start).report())
    epochs = max(1, arguments.capstone_steps // 20)
    capstone = replace(CAPSTONE, steps_per_epoch=20, epochs=epochs, patience=0)
    if "bugs" in arguments.only:
        done = validated("bugs", capstone, real, fit_fold=train_with_the_bugs)
        keep("capstone with its bugs", done.report())
    if "capstone" in arguments.only:
        keep("capstone, bugs mended", validated("capstone", capstone, real).report())


def print_row(name: str, row: dict[str, Any]) -> None:
    """Print one row of the table."""
    countries = "  ".join(
        f"{country[:12]} {iou:.3f}" if iou is not None else f"{country[:12]} –"
        for country, iou in row["countries"].items()
    )
    print(
        f"{name:28} micro {row['micro_iou']:.3f}  mean over countries with water {row['mean_over_countries_with_water']:.3f}  "
        f"calibration error {row['calibration_error']:.3f}  {row['seconds_a_chip']:.2f} s a chip\n    {countries}",
        flush=True,
    )


if __name__ == "__main__":
    main()
