"""Children that begin with what the tests of kills and of shared stores import: no child spends its start on that."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext

_IMPORTED = [
    "pytest",
    "tests.shared_stores",
    "rio_cogeo.cogeo",
    "scipy.ndimage",
    "model.inference.worker",
    "model.evaluation.evaluate",
    "model.export.package",
    "model.predictors.backscatter",
]


def forking() -> ForkServerContext:
    """Return how children are started: forked from one process, the same for all tests, which has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context
