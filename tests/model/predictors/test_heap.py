"""Memory that a network's pass freed stays for the next, and goes back when asked to."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np, psutil
from model.predictors.heap import give_back, kept

def held(): return psutil.Process().memory_info().rss >> 20

def passes():
    for _ in range(3):
        tensors = [np.ones(size << 17) for size in (8, 48, 80)]  # MiB each: below and above what glibc maps apart
        del tensors

passes()
before = held()
with kept(), kept():
    passes()
after = held()
give_back()
passes()
print(before, after, held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc does as it likes")
def test_what_a_pass_freed_is_kept_until_it_is_given_back() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    before, after, back = map(int, told.split())
    assert after >= before + 100  # of 136
    assert back <= before + 30
