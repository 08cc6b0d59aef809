"""The floodscope command: as a process, as a user runs it, or in this one, which takes a tenth of the time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from dashboard.cli import main

Run = Callable[..., "subprocess.CompletedProcess[str]"]

FLOODSCOPE = str(Path(sys.executable).parent / "floodscope")


def run_floodscope(*arguments: str | Path | int, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, without a terminal."""
    return subprocess.run(
        [FLOODSCOPE, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def call_floodscope(
    capfd: pytest.CaptureFixture[str], *arguments: str | Path | int
) -> subprocess.CompletedProcess[str]:
    """Run the command's entry point in this process: all of it but the interpreter's start and the imports."""
    argv = [FLOODSCOPE, *map(str, arguments)]
    capfd.readouterr()
    hook = mock.patch.object(sys, "unraisablehook", sys.unraisablehook)  # main sets its own
    with hook, mock.patch.object(sys, "argv", argv), pytest.raises(SystemExit) as left:
        main()
    out, err = capfd.readouterr()
    assert isinstance(left.value.code, int)
    return subprocess.CompletedProcess(argv, left.value.code, out, err)
