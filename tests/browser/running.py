"""What the browser's tests and benchmarks share: a real dashboard under gunicorn, and the Chromium that looks at it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

COPIES = 5
FLOODSCOPE = Path(sys.executable).with_name("floodscope")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    # Pages that follow one another are drawn by one process, which has compiled their scripts.
    "--renderer-process-limit=1",
    # Nothing but this machine has an address: a request elsewhere fails, and is told by the page.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

PATIENCE_MS = 120_000
"""How long a page is waited for, as `tests.waiting` does; benchmarks use this module too, and know no package of tests."""

Evaluate = Callable[[float], dict[str, Any]]
"""Gives what `floodscope evaluate --json` says at a threshold."""


@dataclass(frozen=True)
class Dashboard:
    """A running dashboard. What is in `before_end` is called before it is stopped: open pages would find nobody there."""

    url: str
    sources: tuple[Path, ...]
    data: Path
    before_end: list[Callable[[], None]] = field(default_factory=list)


@contextmanager
def serving(
    data: Path,
    *sources: Path,
    options: tuple[str, ...] = (),
    model: str | None = "backscatter",
    verb: str = "dashboard",
) -> Iterator[Dashboard]:
    """Run the real command on a free port, with the quick baseline; with the default model where `model` is None."""
    chosen = () if model is None else ("--model", model)
    command = [FLOODSCOPE, verb, *sources, "--no-browser", "--port", "0", "--data", data, *chosen, *options]
    environment = {name: value for name, value in os.environ.items() if name != "FLOODSCOPE_DEFAULT_MODEL"}
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True, env=environment)
    said: list[str] = []
    before_end: list[Callable[[], None]] = []
    try:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"floodscope is at (http://\S+/)", line):
                break
        else:
            pytest.fail(f"the dashboard did not start: {''.join(said)}")
        # A pipe that nobody reads would stop the server when it is full.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield Dashboard(found[1], sources, data, before_end)
    finally:
        for end in list(before_end):
            end()
        process.terminate()
        # What pages still ask for is waited for by the server: 20 seconds that no test needs.
        for patience, then in ((1, signal.SIGQUIT), (4, signal.SIGKILL)):
            try:
                process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(then)
        process.wait()


def browser_path() -> str | None:
    """Return the Chromium that FLOODSCOPE_BROWSER names, else the system's; None where there is none."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return os.environ.get("FLOODSCOPE_BROWSER") or next(filter(None, map(shutil.which, names)), None)
