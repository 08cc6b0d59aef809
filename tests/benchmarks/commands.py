"""How long commands take to answer, beside a bare Python interpreter.

    python tests/benchmarks/commands.py [SOURCE...]

Prints the median of seven runs after a first one and its ratio to `python -c pass`; with SOURCEs also a first and a second
evaluation.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLOODSCOPE = str(Path(sys.executable).parent / "floodscope")
# As everywhere but where it is forbidden, modules are compiled once, not at every start.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(*command: str) -> float:
    """Run a command and return its wall time in seconds."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - began


def median(*command: str, runs: int = 7) -> float:
    """Return the median wall time of a command in seconds, after a run that compiles what it imports."""
    seconds(*command)
    return statistics.median(seconds(*command) for _ in range(runs))


def main(sources: list[str]) -> None:
    """Print the table."""
    bare = median(sys.executable, "-c", "pass")
    rows = [("python -c pass", bare), ("floodscope --help", median(FLOODSCOPE, "--help"))]
    if sources:
        rows.append(("floodscope catalog show", median(FLOODSCOPE, "catalog", "show", *sources, runs=3)))
        with tempfile.TemporaryDirectory() as data:
            rows.append(("floodscope evaluate, first time", seconds(FLOODSCOPE, "evaluate", *sources, "--data", data)))
            rows.append(("floodscope evaluate, read back", seconds(FLOODSCOPE, "evaluate", *sources, "--data", data)))
    print(f"{'command':34} seconds  ratio to python -c pass")
    for name, value in rows:
        print(f"{name:34} {value:7.3f}  {value / bare:6.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
