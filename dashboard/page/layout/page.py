"""The page: the frame around header, map and panel, and the stores that hold what the page knows."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.page import ids
from dashboard.page.layout.compare import keys_dialog
from dashboard.page.layout.header import header
from dashboard.page.layout.map import chip_map
from dashboard.page.layout.panel import panel, tables
from dashboard.workspace.models import ModelEntry

_STORES = (
    ids.VERSION,
    ids.LEVEL,
    ids.SELECTION,
    ids.VIEW,
    ids.OPENED,
    ids.ASKED,
    ids.ASK_AGAIN,
    ids.ENDPOINT_NEWS,
    ids.CATALOG_IN,
    ids.PREDICTIONS_IN,
    ids.JOB_IN,
    ids.JOB_SEEN,
    ids.EFFECT,
    ids.THEME,
    ids.LOOK,
    ids.REVIEW,
    ids.SIEVE,
)


def paper() -> list[html.Div]:
    """Return what stands above and below the map on a sheet of paper; assets/paper.mjs writes it."""
    return [html.Div(id="paper-head"), html.Div(id="paper-foot")]


def page(first: str, models: list[ModelEntry]) -> dmc.MantineProvider:
    """Return the whole page.

    Args:
        first: spec of the model to begin with.
        models: those on offer.
    """
    return dmc.MantineProvider(
        id=ids.PROVIDER,
        forceColorScheme="dark",
        theme={
            "primaryColor": "cyan",
            "defaultRadius": "sm",
            "respectReducedMotion": True,
            "fontSizes": {"xs": "13px", "sm": "15px"},
        },
        children=[
            dcc.Location(id=ids.URL, refresh=False),
            dcc.Store(id=ids.SETTINGS, data={"model": first, "models": models}),
            *[dcc.Store(id=name) for name in _STORES],
            dcc.Store(id=ids.TABLES, data=tables()),
            dcc.Interval(id=ids.POLL, interval=400, disabled=True),
            html.A("Skip to the panel of chips", href="#panel", className="fs-skip"),
            html.Div(className="fs-app", children=[header(models), chip_map(), panel(), *paper()]),
            # assets/keyboard.mjs says here what became of an opened chip; it must stand before there is something to say.
            html.Div(id="announcement", className="fs-visually-hidden", role="status"),
            html.Div(id="link-announcement", className="fs-visually-hidden", role="status"),
            html.Div(id="look-announcement", className="fs-visually-hidden", role="status"),
            keys_dialog(),
        ],
    )
