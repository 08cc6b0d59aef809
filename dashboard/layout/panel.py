"""The panel beside the map: the open chip, the regions, the chips, the models."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import ids
from dashboard.layout.aria import aria
from dashboard.layout.compare import inspector

_TABS = (("chip", "Chip"), ("regions", "Regions"), ("chips", "Chips"), ("models", "Models"))


def panel() -> html.Aside:
    """Return the panel."""
    content = {"chip": html.Div([_chip(), inspector()]), "regions": _regions(), "chips": _chips(), "models": _models()}
    return html.Aside(
        id="panel",
        className="fs-panel",
        tabIndex=-1,
        **aria(label="Chips, regions and models"),
        children=[
            html.Button("Show more map", id=ids.DRAWER_HANDLE, className="fs-drawer-handle"),
            dmc.Tabs(
                id=ids.TAB,
                className="fs-tabs",
                children=[
                    dmc.TabsList(grow=True, children=[dmc.TabsTab(text, value=value) for value, text in _TABS]),
                    *[dmc.TabsPanel(content[value], value=value, className="fs-tab", tabIndex=0) for value, _ in _TABS],
                ],
            ),
        ],
    )


def _chip() -> html.Div:
    # Focus comes here when a chip is opened by keyboard; assets/keyboard.js announces what became of it.
    return html.Div(
        id=ids.CHIP_PANEL,
        role="region",
        tabIndex=-1,
        **aria(label="Open chip. Escape goes back to the table of chips."),
    )


def _regions() -> html.Div:
    return html.Div(
        className="fs-tab-full",
        children=[
            html.Div(id=ids.FIGURES, className="fs-figures"),
            html.Div(
                className="fs-job-row",
                children=[
                    html.Button("Predict all chips", id=ids.PREDICT_ALL, className="fs-button fs-button-primary"),
                    html.Button("Cancel", id=ids.CANCEL, className="fs-button", hidden=True),
                    html.Div(id=ids.JOB, className="fs-job", role="status"),
                ],
            ),
            _grid(
                ids.REGIONS_TABLE,
                [
                    _text("name", "Country", 96),
                    _number("scored", "Chips", "fsChips(params)", "Chips that are scored, of those with a label", 58),
                    _number("iou", "IoU [95 %]", "fsIou(params)", "Micro IoU with its 95 % bootstrap interval", 124),
                    _number("precision", "Prec", "fsScore(params)", "Precision: share of predicted water that is", 46),
                    _number("recall", "Rec", "fsScore(params)", "Recall: share of true water that is found", 46),
                ],
                row_id="params.data.name",
                autosize=True,
            ),
            html.Div(id=ids.REGIONS_REST),
            _explained(),
            dcc.Graph(
                id=ids.REGIONS_BARS, config={"displayModeBar": False, "responsive": True}, style={"height": "auto"}
            ),
        ],
    )


def _chips() -> html.Div:
    return html.Div(
        className="fs-tab-full",
        style={"height": "100%"},
        children=[
            _grid(
                ids.CHIPS_TABLE,
                [
                    _text("id", "Chip", 138),
                    _text("country", "Country", 82),
                    {"field": "date", "headerName": "Date", "width": 94},
                    _number("iou", "IoU", "fsIouOrState(params)", "IoU at the threshold, or why there is none", 80),
                ],
                row_id="params.data.id",
            ),
        ],
    )


def _models() -> html.Div:
    return html.Div(id=ids.MODELS_LIST, className="fs-tab-full")


def _explained() -> html.Details:
    """Return what the columns mean, for those who hover over nothing: fingers and keyboards."""
    meanings = (
        ("Chips", "chips that are scored, of those with a label; a label in which nothing is known scores nothing"),
        (
            "IoU",
            "of all pixels that are water in truth or prediction, the share that is water in both; micro: the pixels of "
            "all chips count together; in brackets its 95 % bootstrap interval over chips",
        ),
        ("Prec", "precision: of the pixels predicted as water, the share that is water"),
        ("Rec", "recall: of the pixels that are water, the share that was found"),
        ("n = 1", "one chip alone: no interval, and no number to rely on"),
    )
    return html.Details(
        className="fs-explained",
        children=[
            html.Summary("What the columns mean"),
            html.Dl([part for name, text in meanings for part in (html.Dt(name), html.Dd(text))]),
        ],
    )


def _text(field: str, name: str, share: int) -> dict[str, Any]:
    """Return a column of text, its share of the room that numbers leave; what is cut off is in the tooltip."""
    return {"field": field, "headerName": name, "flex": share, "minWidth": 70, "tooltipField": field}


def _number(field: str, name: str, formatter: str, tooltip: str, width: int) -> dict[str, Any]:
    """Return a column of numbers, which are never cut off."""
    return {
        "field": field,
        "headerName": name,
        "headerTooltip": tooltip,
        "width": width,
        "type": "rightAligned",
        "valueFormatter": {"function": formatter},
        "comparator": {"function": "fsNullsLast"},
        "cellClass": {"function": "fsFew(params)"},
    }


def _grid(name: str, columns: list[dict[str, Any]], *, row_id: str, autosize: bool = False) -> dag.AgGrid:
    """Return a table; `autosize` makes it as high as its rows, else it fills its place."""
    return dag.AgGrid(
        id=name,
        className="ag-theme-fs",
        columnDefs=columns,
        rowData=[],
        getRowId=row_id,
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True, "cellStyle": {"padding": "0 6px"}},
        dashGridOptions={
            "theme": {"function": "fsGridTheme(themeQuartz)"},
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "rowHeight": 32,
            "headerHeight": 34,
            "animateRows": False,
            "tooltipShowDelay": 300,
            "domLayout": "autoHeight" if autosize else "normal",
            # Arrows move among the rows; Tab leaves them, or a catalog of a thousand chips would be a thousand stops.
            "tabToNextCell": {"function": "fsTabOut(params)"},
        },
        style={"height": None if autosize else "100%", "width": "100%"},
    )
