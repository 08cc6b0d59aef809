"""Imports run one way, importing a package does no work, and no module grows past a few screens.

Without this file two rooms could come to need each other, and `floodscope --help` could load torch, with no other test red.
"""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "torchvision", "rasterio", "dash", "geopandas", "plotly", "pandas", "sqlalchemy", "scipy"}
MAX_LINES = 400
MAX_FILES = 17

# Every room, and the rooms it may import beside itself, from the ground up. A room is a folder, or a module named here. A room
# may import only rooms above it in this table, so that there is no circle. All may import `tiles`, the ground floor.
MAY_IMPORT: dict[str, str] = {
    "tiles": "",
    "tiles.products": "",
    "tiles.archive": "",
    "tiles.reading": "tiles.products tiles.archive",
    "tiles.scenes": "tiles.reading",
    "tiles.layouts": "tiles.products tiles.archive tiles.reading",
    "tiles.catalog": "tiles.archive tiles.reading tiles.layouts",
    "tiles.drawing": "tiles.reading tiles.scenes tiles.catalog",
    "tiles.cutting": "tiles.reading",
    "tiles.download": "",
    "tiles.simulate": "",
    "model": "",
    "model.weights": "",
    "model.wire": "tiles.reading",
    "model.scores": "",
    "model.bundle": "",
    "model.predictors": "tiles.archive tiles.reading model.weights model.wire model.bundle",
    "model.seen": "model.bundle",
    "model.store": "tiles.reading tiles.scenes tiles.drawing model.scores model.predictors",
    "model.inference": "tiles.reading tiles.scenes model.predictors model.store",
    "model.evaluation": (
        "tiles.reading model.weights model.scores model.bundle model.predictors model.seen model.store model.inference"
    ),
    "model.streams": (
        "tiles.archive tiles.reading tiles.scenes tiles.layouts tiles.catalog model.scores model.predictors model.store "
        "model.inference model.evaluation"
    ),
    "model.export": "tiles.reading model.scores model.seen model.store",
    "model.scale": "tiles.reading model.predictors model.store model.inference model.export",
    "model.training": (
        "tiles.reading tiles.drawing model.scores model.bundle model.predictors model.seen model.evaluation"
    ),
    "model.serving": "tiles.reading model.weights model.wire model.bundle model.predictors model.inference",
    "model.aws": "",
    "model.aws.account": "model.predictors",
    "model.aws.endpoint": "model.bundle model.aws.account",
    "model.aws.jobs": (
        "tiles.reading tiles.catalog model.bundle model.predictors model.store model.training "
        "model.aws.account model.aws.endpoint"
    ),
    "dashboard": "",
    "dashboard.basemaps": "",
    "dashboard.workspace": (
        "tiles.products tiles.reading tiles.scenes tiles.layouts tiles.catalog tiles.drawing model.scores model.predictors "
        "model.seen model.store model.inference model.evaluation model.scale dashboard.basemaps"
    ),
    "dashboard.report": (
        "tiles.reading tiles.scenes tiles.drawing model.scores model.predictors model.seen model.store model.evaluation "
        "model.export model.training"
    ),
    "dashboard.exports": (
        "model.predictors model.seen model.store model.inference model.evaluation model.export dashboard.workspace "
        "dashboard.report"
    ),
    "dashboard.uploads": "tiles.reading tiles.scenes tiles.layouts tiles.catalog",
    "dashboard.review": (
        "tiles.reading tiles.scenes tiles.catalog tiles.drawing model.scores model.store model.inference model.evaluation "
        "dashboard.workspace dashboard.report"
    ),
    "dashboard.routes": (
        "tiles.scenes tiles.catalog model.scores model.store model.evaluation dashboard.basemaps dashboard.workspace "
        "dashboard.report dashboard.exports dashboard.uploads dashboard.review"
    ),
    "dashboard.page": "dashboard.workspace dashboard.routes",
    "dashboard.page.layout": (
        "tiles.drawing model.scores model.evaluation model.export dashboard.workspace dashboard.uploads dashboard.page"
    ),
    "dashboard.html": "tiles.drawing dashboard.basemaps dashboard.workspace dashboard.routes dashboard.page.layout",
    "dashboard.app": (
        "tiles.drawing dashboard.basemaps dashboard.workspace dashboard.exports dashboard.uploads dashboard.routes "
        "dashboard.page dashboard.page.layout dashboard.html"
    ),
    "dashboard.server": (
        "tiles.catalog model.predictors model.store model.serving dashboard.workspace dashboard.exports dashboard.uploads "
        "dashboard.routes dashboard.app"
    ),
    "dashboard.commands": (
        "tiles.products tiles.reading tiles.layouts tiles.catalog tiles.cutting tiles.download tiles.simulate model.weights "
        "model.scores model.predictors model.store model.inference model.evaluation model.streams model.scale model.export "
        "model.training model.serving dashboard.basemaps dashboard.workspace dashboard.report dashboard.exports "
        "dashboard.routes dashboard.server"
    ),
    "dashboard.commands.sagemaker": (
        "model.bundle model.aws.account model.aws.endpoint model.aws.jobs dashboard.workspace dashboard.commands"
    ),
    "dashboard.cli": "dashboard.commands dashboard.commands.sagemaker",
    "dashboard.__main__": "dashboard.cli",
}


def _name_of(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def _modules() -> dict[str, str]:
    """Return the source of every module by its name."""
    paths = [path for package in ("tiles", "model", "dashboard") for path in (REPOSITORY / package).rglob("*.py")]
    return {_name_of(path): path.read_text(encoding="utf-8") for path in sorted(paths)}


def _imported(source: str, modules: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of every import of ours, those inside functions and behind TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules else node.module for name in whole]
        for name in names:
            if name in modules:
                yield node.lineno, name


def _room_of(module: str) -> str:
    """Return the room that a module lies in: the longest name in the table that it begins with."""
    rooms = [room for room in MAY_IMPORT if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len)


def _forbidden_imports(module: str, source: str) -> list[str]:
    """Return the imports of a module that the table does not allow, as sentences."""
    room = _room_of(module)
    allowed = {room, "tiles", *MAY_IMPORT[room].split()}
    found = [(line, name) for line, name in _imported(source, _modules()) if _room_of(name) not in allowed]
    return [f"{module}:{line} imports {name}" for line, name in found]


def test_every_folder_is_a_room_and_every_room_is_there() -> None:
    folders = {
        _name_of(path)
        for package in ("tiles", "model", "dashboard")
        for path in (REPOSITORY / package).rglob("__init__.py")
    }
    assert folders - MAY_IMPORT.keys() == set()
    assert MAY_IMPORT.keys() - _modules().keys() == set()


def test_a_room_imports_what_the_table_says() -> None:
    assert [sentence for module, source in _modules().items() for sentence in _forbidden_imports(module, source)] == []


def test_the_table_allows_no_circle() -> None:
    rooms = list(MAY_IMPORT)
    for place, (room, allowed) in enumerate(MAY_IMPORT.items()):
        assert set(allowed.split()) <= set(rooms[:place]), f"{room} may import a room that stands below it in the table"


def test_no_module_imports_itself_in_a_circle() -> None:
    left = {
        module: {name for _, name in _imported(source, _modules())} - {module} for module, source in _modules().items()
    }
    while free := {module for module, needs in left.items() if not needs}:
        left = {module: needs - free for module, needs in left.items() if module not in free}
    assert left == {}, "these modules import each other in a circle"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tiles.grid", "import model.scores.histogram"),
        ("tiles.grid", "import tiles.reading.door"),
        ("tiles.reading.door", "def f():\n    from dashboard import app"),
        ("model.scores.area", "from model.store import store"),
        ("model.wire", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from dashboard.app import create_app"),
    ],
)
def test_an_import_that_goes_back_up_is_seen(module: str, source: str) -> None:
    assert len(_forbidden_imports(module, source)) == 1


def test_no_module_is_longer_than_a_few_screens_and_no_folder_fuller_than_a_shelf() -> None:
    lengths = {module: len(source.splitlines()) for module, source in _modules().items()}
    assert {m: n for m, n in lengths.items() if n > MAX_LINES} == {}, "a module that long holds two ideas: split it"
    folders = [module.rpartition(".")[0] for module in _modules() if module not in MAY_IMPORT]
    assert {f: folders.count(f) for f in folders if folders.count(f) > MAX_FILES} == {}, "make rooms of its parts"


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


def test_a_server_begins_without_what_few_questions_need() -> None:
    assert (
        _loaded_by("import dashboard.app, dashboard.server") & {"torch", "scipy", "skimage", "lightgbm", "sagemaker"}
        == set()
    )
