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


HEAPS = """
import ctypes, os, sys, tempfile, threading
from model.predictors.select import open_predictor

if sys.argv[1:]:
    open_predictor(*sys.argv[1:])
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
both = threading.Barrier(4)

def take():
    libc.malloc(1 << 16)
    both.wait(60)

threads = [threading.Thread(target=take) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
with tempfile.NamedTemporaryFile() as told:
    libc.fopen.restype = ctypes.c_void_p
    file = libc.fopen(told.name.encode(), b"w")
    libc.malloc_info(0, ctypes.c_void_p(file))
    libc.fclose(ctypes.c_void_p(file))
    print(told.read().count(b"<heap nr="))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc does as it likes")
@pytest.mark.parametrize(("model", "heaps"), [((), 2), (("backscatter",), 2), (("floodscope",), 1)])
def test_where_a_network_is_opened_all_threads_share_one_heap(model: tuple[str, ...], heaps: int) -> None:
    command = [sys.executable, "-c", HEAPS, *model]
    told = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert told == 1 if heaps == 1 else told >= heaps
