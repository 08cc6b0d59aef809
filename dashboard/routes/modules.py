"""The page's own scripts: ES modules (assets/**/*.mjs), below an address that changes with any of them."""

from __future__ import annotations

import posixpath
import re
from functools import cached_property
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path

from flask import Blueprint, Response

from tiles.http import error_answer, lasting
from tiles.places import ASSETS

ENTRY = "callbacks.mjs"
_IMPORT = re.compile(r'^import\b[^"(]*"(\.[^"]+)";', re.M)
# Lines that are comments alone.
_ASIDE = re.compile(rb"^[ \t]*(?://[^\n]*|/\*\*(?:[^*]|\*(?!/))*\*/[ \t]*)$", re.M)


def without_asides(text: bytes) -> bytes:
    """Return a module with its lines of comment empty: a fifth less to send, and what stands in the others keeps its line."""
    return _ASIDE.sub(lambda found: b"\n" * found[0].count(b"\n"), text)


class Modules:
    """The modules as they were when the server began: a page gets all of them of one time, and may keep them for good."""

    def __init__(self, folder: Path = ASSETS) -> None:
        paths = sorted(folder.rglob("*.mjs"))
        self.texts = {path.relative_to(folder).as_posix(): without_asides(path.read_bytes()) for path in paths}

    @cached_property
    def version(self) -> str:
        """Return a name of what all modules hold."""
        held = blake2b(digest_size=8)
        for name, text in self.texts.items():
            held.update(b"%d %s %d " % (len(name), name.encode(), len(text)) + text)
        return held.hexdigest()

    @cached_property
    def first(self) -> list[str]:
        """Return the addresses of what the page cannot begin without: `ENTRY`, what it imports, and what that imports."""
        found = [ENTRY]
        for name in found:  # which grows meanwhile
            for path in _IMPORT.findall(self.texts[name].decode()):
                imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
                if imported not in found:
                    found.append(imported)
        return [self._address(name) for name in found]

    def tag(self) -> str:
        """Return the page's HTML that has a browser run them, once Dash's scripts are there."""
        lost = "document.body.textContent='The scripts of this page could not be loaded: reload it.'"
        return f'<script type="module" src="{self._address(ENTRY)}" onerror="{lost}"></script>'

    def _address(self, name: str) -> str:
        return f"./modules/{self.version}/{name}"


def modules_blueprint(modules: Modules) -> Blueprint:
    """Return the route of the modules."""
    routes = Blueprint("modules", __name__, url_prefix="/modules")

    @routes.get("/<version>/<path:name>")
    def module(version: str, name: str) -> Response:
        text = modules.texts.get(name)
        if text is None or version != modules.version:
            return error_answer("NotFound", "The page has no script of that name: reload it.", HTTPStatus.NOT_FOUND)
        return lasting(Response(text, mimetype="text/javascript"), public=True)

    return routes
