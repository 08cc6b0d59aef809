"""The panel beside the map: the open chip, the regions, the chips, the models."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import ids
from dashboard.layout.aria import aria

_TABS = (("chip", "Chip"), ("regions", "Regions"), ("chips", "Chips"), ("models", "Models"))


def panel() -> html.Aside:
    """Return the panel."""
    content = {"chip": _chip(), "regions": _regions(), "chips": _chips(), "models": _models()}
    return html.Aside(
        className="fs-panel",
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
    return html.Div(id=ids.CHIP_PANEL, **aria(live="polite"))


def _regions() -> html.Div:
    return html.Div(
        className="fs-tab-full",
        children=[
            html.Div(id=ids.FIGURES, className="fs-figures"),
            html.Div(
                className="fs-job",
                children=[
                    html.Button("Predict all chips", id=ids.PREDICT_ALL, className="fs-button fs-button-primary"),
                    html.Button("Cancel", id=ids.CANCEL, className="fs-button", hidden=True),
                    html.Div(id=ids.JOB, className="fs-job", role="status", style={"flex": 1}),
                ],
            ),
            _grid(
                ids.REGIONS_TABLE,
                [
                    {"field": "name", "headerName": "Country", "flex": 1, "minWidth": 90, "tooltipField": "name"},
                    _number("scored", "Chips", "fsChips(params)", "Scored chips of all chips with imagery", width=60),
                    _number(
                        "iou", "IoU [95 %]", "fsIou(params)", "Micro IoU with its 95 % bootstrap interval", width=126
                    ),
                    _number(
                        "precision",
                        "Prec",
                        "fsScore(params)",
                        "Precision: share of predicted water that is water",
                        width=53,
                    ),
                    _number("recall", "Rec", "fsScore(params)", "Recall: share of true water that was found", width=50),
                ],
                row_id="params.data.name",
                height=380,
            ),
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
                    {"field": "id", "headerName": "Chip", "flex": 1.6, "minWidth": 110, "tooltipField": "id"},
                    {"field": "country", "headerName": "Country", "flex": 1, "minWidth": 70, "tooltipField": "country"},
                    {"field": "date", "headerName": "Date", "width": 92},
                    _number(
                        "iou", "IoU", "fsIouOrState(params)", "IoU at the threshold, or why there is none", width=84
                    ),
                ],
                row_id="params.data.id",
                height=None,
            ),
        ],
    )


def _models() -> html.Div:
    return html.Div(id=ids.MODELS_LIST, className="fs-tab-full")


def _number(field: str, name: str, formatter: str, tooltip: str, width: int = 70) -> dict[str, Any]:
    return {
        "field": field,
        "headerName": name,
        "headerTooltip": tooltip,
        "width": width,
        "type": "rightAligned",
        "valueFormatter": {"function": formatter},
        "cellClassRules": {"fs-few": "params.data.scored !== undefined && params.data.scored < 2"},
    }


def _grid(name: str, columns: list[dict[str, Any]], *, row_id: str, height: int | None) -> dag.AgGrid:
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
            "suppressCellFocus": False,
        },
        style={"height": f"{height}px" if height else "100%", "width": "100%"},
    )
