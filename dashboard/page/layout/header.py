"""The header: name, catalog, search, the model in use with its device, the link, the theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.page import ids
from dashboard.page.layout.aria import aria
from dashboard.workspace.models import ModelEntry


def menu(label: str, width: int) -> dict[str, Any]:
    """Return what a menu needs to have a name, and a place beside its field in the order of the page."""
    return {
        "comboboxProps": {"withinPortal": False, "width": width, "position": "bottom-start"},
        "withScrollArea": False,  # the list itself scrolls: a scroll area around it would need a stop of its own
        "styles": {"options": {"maxHeight": 300, "overflowY": "auto"}},
        "attributes": {"input": {"aria-label": label}, "options": {"aria-label": label, "tabIndex": -1}},
    }


def _models(models: Sequence[ModelEntry]) -> Sequence[object]:
    """Return what the model picker offers; endpoints in a group of their own; assets/data/endpoints.mjs keeps it up to date."""
    here, elsewhere = (
        [{"value": m["spec"], "label": m["name"]} for m in models if m["endpoint"] is served]
        for served in (False, True)
    )
    if not elsewhere:
        return here
    return [{"group": "On this machine", "items": here}, {"group": "Endpoints", "items": elsewhere}]


def keys_button() -> html.Button:
    """Return what opens the dialog of keys."""
    return html.Button("?", id="keys-button", className="fs-button fs-keys-button", title="Keys", **aria(label="Keys"))


def header(models: Sequence[ModelEntry]) -> html.Header:
    """Return the header."""
    return html.Header(
        className="fs-header",
        children=[
            html.H1("floodscope", className="fs-brand"),
            html.Div(id=ids.CATALOG_LABEL, className="fs-catalog"),
            dmc.Select(
                id=ids.SEARCH,
                className="fs-search",
                placeholder="Chip, country or town",
                searchable=True,
                clearable=True,
                limit=30,
                size="xs",
                w=200,
                data=[],
                nothingFoundMessage="Nothing of that name",
                **menu("Find a chip, country, town or place", 260),
            ),
            html.Div(
                className="fs-model",
                children=[
                    html.Span(id=ids.DOT, className="fs-dot", role="img", **aria(label="Model status")),
                    dmc.Select(
                        id=ids.MODEL,
                        data=_models(models),
                        allowDeselect=False,
                        size="xs",
                        w=190,
                        **menu("Model", 230),
                    ),
                    html.Span(id=ids.DEVICE, className="fs-device"),
                ],
            ),
            html.Button("Copy link", id=ids.SHARE, className="fs-button", title="Copy the address of this very view"),
            html.Button(
                "◐",
                id=ids.THEME_TOGGLE,
                className="fs-button",
                title="Switch between dark and light",
                **aria(label="Switch between dark and light"),
            ),
            keys_button(),
        ],
    )
