"""Nothing in the packages unpickles: a pickle from a stranger runs whatever its writer wants (the capstone's mistake 9).

Without this file a torch.load or an allow_pickle could come in, and no other test would turn red.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MODULES = sorted(path for package in ("tiles", "model", "dashboard") for path in (REPOSITORY / package).rglob("*.py"))
UNPICKLING = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}


def unpickling(source: str) -> list[str]:
    """Return what in a module could unpickle."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in UNPICKLING]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in UNPICKLING:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            named = {k.arg: k.value for k in node.keywords}

            def says(name: str, value: bool, named: dict[str | None, ast.expr] = named) -> bool:
                given = named.get(name)
                return isinstance(given, ast.Constant) and given.value is value

            if "allow_pickle" in named and not says("allow_pickle", False):
                found.append(f"allow_pickle in line {node.lineno}")
            called = ast.unparse(node.func)
            if called in {"torch.load", "load_from_checkpoint"} and not says("weights_only", True):
                found.append(f"{called} in line {node.lineno}")
    return found


def test_capstone_mistake_9_nothing_unpickles_what_comes_from_outside() -> None:
    found = {str(path.relative_to(REPOSITORY)): unpickling(path.read_text(encoding="utf-8")) for path in MODULES}
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nnp.load(body, allow_pickle=True)",
        "import numpy as np\nnp.load(body, allow_pickle=trusted)",
        "def f():\n    import pickle",
        "from joblib import load",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
    ],
)
def test_capstone_mistake_9_put_back_is_seen(source: str) -> None:
    assert len(unpickling(source)) == 1
