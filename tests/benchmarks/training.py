"""Is data loading the bottleneck, what memory do training and prediction take, and how long does a chip take?

Run `.venv/bin/python tests/benchmarks/training.py [--recipe R] [--batches N]`. It makes simulated chips, needs no others, and
takes some minutes. Each peak is that of a process of its own, imports included; it is told beside the imports alone.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# This folder holds a tiles.py, which would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

CHIPS, SIZE, BATCH, CROP = 12, 512, 8, 256
PARTS = ("imports", "loader", "step", "training", "prediction")


def make_loader(recipe_name: str, chips: Path):  # type: ignore[no-untyped-def]
    """Return (recipe, normalisation, loader) of batches of 8 crops of 256, as a training makes them."""
    from torch.utils.data import DataLoader

    from model.training.dataset import ChipCache, CropDataset, EpochSampler, fit_normalisation, usable_for_training
    from model.training.recipe import load_recipe
    from tiles.catalog.catalog import open_catalog

    recipe = load_recipe(recipe_name, [f"batch={BATCH}", f"crop={CROP}"])
    cache = ChipCache(recipe.channels)
    train, _ = usable_for_training(open_catalog([chips]).usable(), cache)
    normalisation = fit_normalisation(recipe, train)
    dataset = CropDataset(train, recipe, normalisation, cache)
    return recipe, normalisation, DataLoader(dataset, batch_size=BATCH, sampler=EpochSampler(10**6))


def predict_chips(recipe_name: str, chips: Path, times: int) -> float:
    """Return chips a second of a bundle of that recipe, from the second on."""
    import numpy as np
    import torch

    from model.bundle.manifest import Bundle, Member, write_bundle
    from model.bundle.network import build_network
    from model.predictors.local import LocalPredictor
    from model.training.recipe import load_recipe
    from tiles.catalog.catalog import open_catalog
    from tiles.reading.door import read_chip

    _, normalisation, _ = make_loader(recipe_name, chips)
    recipe = load_recipe(recipe_name)
    network = build_network(recipe.architecture, recipe.encoder, 2, classes=recipe.classes, options=recipe.options)
    bundle = Bundle(
        "measured", recipe.architecture, recipe.encoder, normalisation, (Member("model.safetensors"),),
        options=recipe.options, classes=recipe.classes, tta=recipe.tta,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        write_bundle(folder, bundle, [network.eval().state_dict()])
        predictor = LocalPredictor(folder, "cpu", threads=torch.get_num_threads())
        chip = read_chip(open_catalog([chips]).usable()[0])
        seconds = []
        for _ in range(max(4, times)):
            began = time.perf_counter()
            predictor.predict([chip])
            seconds.append(time.perf_counter() - began)
    return 1 / float(np.median(seconds[1:]))


def measure(part: str, recipe_name: str, chips: Path, batches: int) -> None:
    """Do one part in this process, and print its figures: samples or chips a second, and the peak in MiB."""
    import numpy as np
    import torch

    import model.training.fit
    from model.bundle.network import build_network
    from model.training.loss import build_loss, margin_of

    rate = 0.0
    if part in {"loader", "step", "training"}:
        recipe, _, loader = make_loader(recipe_name, chips)
        batch = iter(loader)
        images, labels = next(batch)
        if part != "loader":
            network = build_network(
                recipe.architecture, recipe.encoder, 2, classes=recipe.classes, options=recipe.options
            ).train()
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            loss = build_loss(recipe.loss)
            optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate)
            lower = "bf16" in model.training.fit._precision(recipe, model.training.fit.Machine(accelerator="cpu"))
        seconds = []
        for _ in range(batches + 1):
            began = time.perf_counter()
            if part != "step":
                images, labels = next(batch)
            if part != "loader":
                with torch.autocast("cpu", torch.bfloat16, enabled=lower):
                    logits = network(images.contiguous(memory_format=torch.channels_last))
                optimiser.zero_grad()
                loss(margin_of(logits).float(), labels).backward()
                optimiser.step()
            seconds.append(time.perf_counter() - began)
        rate = BATCH / float(np.median(seconds[1:]))  # the first one warms up
    elif part == "prediction":
        rate = predict_chips(recipe_name, chips, batches)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    print(f"{rate} {peak}")


def main() -> None:
    """Measure every part in a process of its own, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="floodscope")
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--chips", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        measure(arguments.part, arguments.recipe, arguments.chips, arguments.batches)
        return
    from model.training.recipe import load_recipe
    from tiles.simulate import simulate

    with tempfile.TemporaryDirectory() as folder:
        chips = simulate(Path(folder) / "chips", chips=CHIPS, size=SIZE)
        found: dict[str, tuple[float, float]] = {}
        for part in PARTS:
            command = [sys.executable, __file__, "--part", part, "--recipe", arguments.recipe]
            command += ["--chips", str(chips), "--batches", str(arguments.batches)]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            found[part] = (float(told[-2]), float(told[-1]))
            print(
                f"  {part}: {found[part][0]:.2f} a second, peak {found[part][1]:.0f} MiB", file=sys.stderr, flush=True
            )
    loader, step = found["loader"][0], found["step"][0]
    base = found["imports"][1]
    views = 8 if load_recipe(arguments.recipe).tta == "d4" else 1
    print(
        f"recipe {arguments.recipe}, batches of {BATCH} crops of {CROP} x {CROP}, chips of {SIZE} x {SIZE}, on the CPU"
    )
    print(f"loader alone {loader:.1f} crops/s, step alone {step:.2f} crops/s: {loader / step:.1f} times (bound 3)")
    print(
        f"loading and stepping in turn {found['training'][0]:.2f} crops/s: {found['training'][0] / step:.2f} of the step alone"
    )
    print(
        f"peak of training {found['training'][1]:.0f} MiB, {found['training'][1] - base:.0f} above the imports' {base:.0f}"
    )
    print(
        f"peak of prediction {found['prediction'][1]:.0f} MiB, {found['prediction'][1] - base:.0f} above; "
        f"{1 / found['prediction'][0]:.2f} s a chip in {views} view(s)"
    )


if __name__ == "__main__":
    main()
