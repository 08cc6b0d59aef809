"""The rooms of assets/: who may import whom, what is pure, and that one module alone knows Dash."""

from __future__ import annotations

import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import PurePosixPath

from dashboard.routes.modules import Modules
from tiles.places import ASSETS

# From the ground floor up: a room imports those before it. On top, beside callbacks.mjs, are the ways in which a page is used.
ROOMS = ("scores", "page", "data", "map", "panel", "review", ".")
# They know no page, so Node asks them (tests/page/*.test.mjs): all of scores/, and these.
PURE = {
    *("page/address", "page/format", "page/geojson", "page/order", "page/own", "page/state"),
    *(
        "data/catalog",
        "data/chips",
        "data/columns",
        "data/filters",
        "data/finding",
        "data/grouping",
        "data/groups",
        "data/pairing",
    ),
    *("data/predicted", "data/training", "data/trust", "map/clusters"),
}
BRIDGE = "page/bridge"
PAGE = r"\b(document|window|navigator|localStorage|location|fetch|requestAnimationFrame|getComputedStyle|setTimeout)\b"
BROUGHT = r"\b(dash_clientside|dashAgGrid\w*|dash_ag_grid|DashRenderer|ReactDOM)\b|\bwindow\.(L|React)\b"


@cache
def texts() -> dict[str, str]:
    """Return each module's text without its comments."""
    found = {}
    for path in ASSETS.rglob("*.mjs"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
        found[path.relative_to(ASSETS).with_suffix("").as_posix()] = re.sub(r"(?<![:\"'`])//[^\n]*", "", text)
    return found


@cache
def imports() -> dict[str, set[str]]:
    """Return what each module imports."""
    found: dict[str, set[str]] = {}
    for name, text in texts().items():
        paths = re.findall(r'^(?:import|export)\b[^";]*?"(\.[^"]+)\.mjs"\)?;', text, re.M)
        paths += re.findall(r'\bimport\("(\.[^"]+)\.mjs"\)', text)  # what comes when it is asked for
        folder = ASSETS / PurePosixPath(name).parent
        found[name] = {(folder / path).resolve().relative_to(ASSETS.resolve()).as_posix() for path in paths}
    return found


def room(name: str) -> str:
    return str(PurePosixPath(name).parent)


def test_every_import_is_there_and_every_module_is_used() -> None:
    known = imports()
    assert {(name, to) for name, some in known.items() for to in some if to not in known} == set()
    reached, next_ones = set(), {"callbacks"}
    while next_ones:
        reached |= next_ones
        next_ones = {to for name in next_ones for to in known[name]} - reached
    assert set(known) - reached == set()


def test_no_modules_stand_in_a_circle() -> None:
    TopologicalSorter(imports()).prepare()  # raises where they do, and names them


def test_rooms_import_those_below_them() -> None:
    wrong = [
        (name, to) for name, some in imports().items() for to in some if ROOMS.index(room(to)) > ROOMS.index(room(name))
    ]
    assert wrong == []


def test_what_is_pure_knows_no_page_and_imports_what_is_pure() -> None:
    pure = PURE | {name for name in texts() if room(name) == "scores"}
    assert pure <= set(texts())
    assert {name: found for name in pure if (found := re.findall(PAGE, texts()[name]))} == {}
    assert {(name, to) for name in pure for to in imports()[name] - pure} == set()


def test_the_bridge_alone_knows_dash_and_what_dash_brings() -> None:
    assert re.search(BROUGHT, texts()[BRIDGE])
    found = {name: seen for name, text in texts().items() if name != BRIDGE and (seen := re.findall(BROUGHT, text))}
    assert found == {}


def test_nothing_is_put_into_the_window_beside_the_bridge() -> None:
    put = {
        name: re.findall(r"\b(?:window|globalThis)(?:\.\w+|\[[^]]*\])\s*=(?!=)", text) for name, text in texts().items()
    }
    assert {name for name, some in put.items() if some} == {BRIDGE}


def test_modules_are_small_and_say_first_what_lives_there() -> None:
    for path in ASSETS.rglob("*.mjs"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("// "), path
        assert len(lines) <= 400, path


def test_modules_are_sent_without_their_comments_and_line_by_line_the_same() -> None:
    sent = Modules().texts
    for path in ASSETS.rglob("*.mjs"):
        text = path.read_text(encoding="utf-8")
        lines = sent[path.relative_to(ASSETS).as_posix()].decode().split("\n")
        assert len(lines) == len(text.split("\n")), path
        left = [(was, is_) for was, is_ in zip(text.split("\n"), lines, strict=True) if was != is_]
        assert all(not now and was.lstrip().startswith(("//", "/**", "*")) for was, now in left), path
        # What looks like a comment within a text of several lines would be lost.
        texts = [found for found in re.findall(r"`[^`]*`", "\n".join(lines)) if "\n" in found]
        assert not [found for found in texts if re.search(r"^[ \t]*$", found, re.M)], path
    whole = sum(path.stat().st_size for path in ASSETS.rglob("*.mjs"))
    assert sum(map(len, sent.values())) < 0.9 * whole
