"""Imports run one way, importing a package does no work, and no module grows past a few screens."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MAY_IMPORT = {"tiles": {"tiles"}, "model": {"tiles", "model"}, "dashboard": {"tiles", "model", "dashboard"}}
HEAVY = {"torch", "torchvision", "rasterio", "dash", "geopandas", "plotly", "pandas", "sqlalchemy", "scipy"}
MAX_LINES = 400


def _modules() -> list[Path]:
    return sorted(path for package in MAY_IMPORT for path in (REPOSITORY / package).rglob("*.py"))


def _imported_packages(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, package) of every import, those inside functions and behind TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]


def _forbidden_imports(package: str, source: str) -> list[str]:
    forbidden = MAY_IMPORT.keys() - MAY_IMPORT[package]
    return [f"line {line} imports {name}" for line, name in _imported_packages(source) if name in forbidden]


def test_the_packages_are_found() -> None:
    assert {path.relative_to(REPOSITORY).parts[0] for path in _modules()} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_imports_run_from_dashboard_to_model_to_tiles_only(path: Path) -> None:
    package = path.relative_to(REPOSITORY).parts[0]
    assert _forbidden_imports(package, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("tiles", "import model.scores.histogram"),
        ("tiles", "def f():\n    from dashboard import app"),
        ("model", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from dashboard.app import create_app"),
    ],
)
def test_an_import_that_goes_back_up_is_seen(package: str, source: str) -> None:
    assert len(_forbidden_imports(package, source)) == 1


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_no_module_is_longer_than_a_few_screens(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{lines} lines hold two ideas: split the module"


def _loaded_by(code: str) -> set[str]:
    """Return the names of the top-level modules that a fresh interpreter holds after running `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("code", ["import tiles, model, dashboard", "import dashboard.cli"])
def test_importing_the_packages_or_the_command_line_loads_nothing_heavy(code: str) -> None:
    assert _loaded_by(code) & HEAVY == set()


def test_a_heavy_import_would_be_seen() -> None:
    assert "rasterio" in _loaded_by("import tiles.reading.raster") & HEAVY


def test_asking_for_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom dashboard.cli import main\nsys.argv = ['floodscope', '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code"
    )
    assert _loaded_by(code) & HEAVY == set()
