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


class Modules:
    """The modules as they were when the server began: a page gets all of them of one time, and may keep them for good."""

    def __init__(self, folder: Path = ASSETS) -> None:
        self.texts = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.mjs"))}

    @cached_property
    def version(self) -> str:
        """Return a name of what all modules hold."""
        held = blake2b(digest_size=8)
        for name, text in self.texts.items():
            held.update(b"%d %s %d " % (len(name), name.encode(), len(text)) + text)
        return held.hexdigest()

    def first(self) -> list[str]:
        """Return the modules that the page cannot begin without: those that `ENTRY` imports, and what these import."""
        found = [ENTRY]
        for name in found:  # which grows meanwhile
            for path in _IMPORT.findall(self.texts[name].decode()):
                imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
                if imported not in found:
                    found.append(imported)
        return found

    def tags(self) -> str:
        """Return the page's HTML that has a browser fetch these modules at once, and run them once Dash's scripts are there.

        Without the links a browser would learn of an import only when it has read the module that asks for it. They come after
        Dash's scripts, which are larger: on a slow line many small files would hold up the large ones.
        """
        folder = f"./modules/{self.version}"
        links = "".join(f'<link rel="modulepreload" href="{folder}/{name}">' for name in self.first())
        lost = "document.body.textContent='The scripts of this page could not be loaded: reload it.'"
        return f'{links}<script type="module" src="{folder}/{ENTRY}" onerror="{lost}"></script>'


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
