# ruff: noqa: E402 - the search path comes first
"""How long people wait while a scene is predicted: the first window after a click on it, and clicks on chips beside it.

    floodscope simulate FOLDER --scene 25000x16000
    python tests/benchmarks/scene_clicks.py FOLDER [MODEL]

Starts the real dashboard, asks as its page does, and prints seconds beside those of the same click with nothing beside it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

# This folder holds a tiles.py, which would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)
sys.path.append(str(Path(__file__).resolve().parent.parent / "browser"))

from running import serving

from tiles.simulate import simulate

CHIPS = 12


def ask(url: str, **body: Any) -> dict[str, Any]:
    """Return the answer to what the page sends."""
    headers = {"Content-Type": "application/json", "X-Floodscope": "page"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def main() -> None:
    """Print what is waited for."""
    model = sys.argv[2] if len(sys.argv) > 2 else "backscatter"
    with tempfile.TemporaryDirectory() as folder:
        chips = simulate(Path(folder) / "chips", chips=CHIPS, size=512)
        names = [path.name.removesuffix("_S1Hand.tif") for path in sorted(chips.rglob("*_S1Hand.tif"))]
        with serving(Path(folder) / "data", Path(sys.argv[1]), chips, model=model) as dashboard:
            inspect = f"{dashboard.url}inspect"

            def click(chip: str) -> float:
                began = time.perf_counter()
                while ask(f"{inspect}/prediction/{chip}", model=model, click=chip)["pending"]:
                    time.sleep(0.1)
                return time.perf_counter() - began

            alone = [click(name) for name in names[: CHIPS // 2]]
            began = time.perf_counter()
            while not ask(f"{inspect}/prediction/scene", model=model, click="scene").get("partial", {}).get("done"):
                time.sleep(0.25)
            print(f"first window {time.perf_counter() - began:.1f} s after the click")
            ask(f"{inspect}/whole/scene", model=model)
            beside = [click(name) for name in names[CHIPS // 2 :]]
            part = ask(f"{inspect}/prediction/scene", model=model, click="scene").get("partial", {})
            print(
                f"clicks on chips: alone {min(alone):.1f} to {max(alone):.1f} s, beside {min(beside):.1f} to {max(beside):.1f} s"
            )
            print(f"{part.get('done')} of {part.get('total')} windows of the scene were predicted by then")


if __name__ == "__main__":
    main()
