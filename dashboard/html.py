"""The page's HTML: what a browser has to have before the layout comes, and in which order it fetches the scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dash import Dash
from dash._utils import to_json

from dashboard.page.layout.map import WORLD
from tiles import palette
from tiles.drawing.layers import page_layers
from tiles.places import ASSETS

if TYPE_CHECKING:
    from dashboard.routes.modules import Modules
    from dashboard.workspace.models import ModelEntry
    from dashboard.workspace.settings import Settings

_HTML = """<!DOCTYPE html>
<html lang="en" data-theme="dark" data-page="{mark}">
  <head>
    {%metas%}
    <title>{%title%}</title>
    <link rel="icon" href="{icon}">
    <style>:root { {palette} }</style>
    <script id="layers-told" type="application/json">{layers}</script>
    {%css%}
    {hints}
  </head>
  <body>
    {%app_entry%}
    <footer>{%config%}{%scripts%}{%renderer%}</footer>
  </body>
</html>"""

_SCRIPT = re.compile(r'<script src="([^"]*)"></script>\n?')
_TABLES = "/dash_ag_grid/"
"""A third of all scripts: assets/page/bridge.mjs fetches it, once the map is drawn and a tab with a table is open."""
_UNUSED = "/dash_table/"
"""Dash has every page load its own tables, which this one does not use."""


class Page(Dash):
    """A Dash whose layout is the same for everybody: it is written out once, where Dash writes it at each request.

    Attributes:
        mark: tells the page from that of another version, or of other models and settings: one that is open outlives its server.
    """

    def __init__(self, modules: Modules, settings: Settings, models: Sequence[ModelEntry], **options: Any) -> None:
        """Make it.

        Args:
            modules: the page's own scripts.
            settings: what lies below all, and which hosts layers may come from.
            models: those on offer.
            options: of Dash.
        """
        html = _html(settings)
        # Of an endpoint the page is told what it runs while it does, of a bundle that was trained anew it is not.
        which = [(m["spec"], *(() if m["endpoint"] else (m["id"], m["threshold"]))) for m in models]
        told = json.dumps([modules.version, settings.name, which, html])
        self.mark = blake2b(told.encode(), digest_size=8).hexdigest()
        super().__init__("dashboard", index_string=html.replace("{mark}", self.mark), **options)
        self._modules = modules

    @cached_property
    def _written(self) -> Any:
        return to_json(self.get_layout())  # type: ignore[no-untyped-call]

    def serve_layout(self) -> Any:
        """Return the answer that holds the layout."""
        return self.backend.make_response(self._written, mimetype="application/json")

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]
        """Return the HTML, without the scripts that the page can do without at first."""
        addresses: list[str] = _SCRIPT.findall(parts["scripts"])
        first = [src for src in addresses if _TABLES not in src and _UNUSED not in src]
        (tables,) = (src for src in addresses if _TABLES in src)
        tags = [f'<script src="{src}"></script>' for src in first]
        template = f'<template id="tables-script" data-src="{tables}"></template>'
        rest = _SCRIPT.sub("", parts["scripts"])
        parts["scripts"] = "".join([template, *tags, self._modules.tag(), rest])
        html = str(super().interpolate_index(**parts))  # type: ignore[no-untyped-call]
        return html.replace("{hints}", _hints(first, self._modules.first, self.config.requests_pathname_prefix))


def _hints(scripts: list[str], modules: list[str], prefix: str) -> str:
    """Return what a browser is to fetch at once, in the order in which it should ask.

    Without, it would learn of an import only when it has read the module that asks for it, and of what the map is drawn from when
    the page stands. Modules are small and many, Dash's scripts large and few: asked for in turns, the ones fill the line while
    the others wait for their answers.
    """
    script = '<link rel="preload" as="script" href="{}">'.format
    module = '<link rel="modulepreload" href="{}">'.format
    each = -(-len(modules) // len(scripts))
    out = []
    for i, src in enumerate(scripts):
        out += [script(src), *map(module, modules[i * each : (i + 1) * each])]
    out.append(script(f"{prefix}_dash-component-suites/dash_leaflet/async-GeoJSON.js"))
    out.append(f'<link rel="preload" as="fetch" crossorigin href="{WORLD}">')
    return "".join(out)


def _html(settings: Settings) -> str:
    """Return the page's HTML with its icon, palette and layers; Dash fills in the rest, between `{%` and `%}`."""
    layers = page_layers() | {
        "basemap": settings.basemap and settings.basemap.told(),
        "hosts": settings.layer_hosts,
    }
    told = {
        "icon": _icon(),
        "palette": palette.properties(),
        "layers": json.dumps(layers).replace("<", "\\u003c"),
    }
    html = _HTML
    for name, text in told.items():
        html = html.replace(f"{{{name}}}", text)
    return html


def _icon() -> str:
    """Return the icon as a data URL: a browser would ask for a file again each time the page's own URL changes."""
    return f"data:image/svg+xml,{quote((ASSETS / 'favicon.svg').read_text(encoding='utf-8'))}"
