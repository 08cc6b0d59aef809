"""The panel beside the map: the open chip, the regions, the chips, the models."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import html

from dashboard.page import ids
from dashboard.page.layout.aria import aria
from dashboard.page.layout.compare import inspector
from dashboard.page.layout.tables import CHIP_COLUMNS, REGION_COLUMNS, grid
from dashboard.page.layout.takeaway import actions
from dashboard.page.layout.transforms import transforms_section

_TABS = (("chip", "Chip"), ("regions", "Regions"), ("chips", "Chips"), ("models", "Models"))


def panel() -> html.Aside:
    """Return the panel."""
    content = {
        "chip": html.Div([_chip(), inspector(), transforms_section()]),
        "regions": _regions(),
        "chips": _chips(),
        "models": _models(),
    }
    return html.Aside(
        id="panel",
        className="fs-panel",
        tabIndex=-1,
        **aria(label="Chips, regions and models"),
        children=[
            html.Button(
                id="drawer-handle", className="fs-drawer-handle"
            ),  # of a phone; assets/panel/sheet.mjs writes it
            html.Div(id="welcome-place"),  # assets/panel/welcome.mjs fills it
            dmc.Tabs(
                id=ids.TAB,
                className="fs-tabs",
                children=[
                    dmc.TabsList(grow=True, children=[dmc.TabsTab(text, value=value) for value, text in _TABS]),
                    # Filters stand above whatever they act on; the open chip is under none.
                    html.Div(id=ids.FILTER_BAR, className="fs-filter-bar"),
                    *[dmc.TabsPanel(content[value], value=value, className="fs-tab", tabIndex=0) for value, _ in _TABS],
                ],
            ),
            actions(),
        ],
    )


def tables() -> dict[str, object]:
    """Return the tables, by the tab that they are in.

    The browser puts each into its place when that tab is opened first: a map need not wait for tables that nobody looks at.
    """
    unlabelled = "No chip with a label passes the filters, so no region has a score"
    regions = grid(ids.REGIONS_TABLE, REGION_COLUMNS, row_id="params.data.name", autosize=True, empty=unlabelled)
    chips = grid(ids.CHIPS_TABLE, CHIP_COLUMNS, row_id="params.data.id", row_height=56, sort_by_key=False)
    return {"regions": regions.to_plotly_json(), "chips": chips.to_plotly_json()}


def _chip() -> html.Div:
    # Focus comes to the panel when a chip is opened by keyboard; assets/keyboard.mjs announces what became of it.
    return html.Div(
        className="fs-tab-full",
        children=[
            html.Div(
                id=ids.CHIP_PANEL,
                role="region",
                tabIndex=-1,
                **aria(label="Open chip. Escape goes back to the table of chips."),
            ),
            html.Div(id=ids.CHIP_FILES),
        ],
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
            html.Div(id=ids.REGIONS_HEAD, className="fs-head"),
            html.Div(_coming(), id=ids.REGIONS_LIST),
            html.Div(id=ids.REGIONS_REST),
            _explained(),
        ],
    )


def _chips() -> html.Div:
    return html.Div(
        className="fs-tab-full",
        style={"height": "100%"},
        children=[
            html.Div(id=ids.CHIPS_HEAD, className="fs-head"),
            html.Div(_coming(), id=ids.CHIPS_LIST, className="fs-chips-list"),
            html.Div(id=ids.CHIPS_GALLERY, className="fs-gallery", hidden=True),
            html.Div(id=ids.EXPLORE, className="fs-explore", hidden=True),
        ],
    )


def _coming() -> html.P:
    """Return what stands in a table's place where its script is long on its way."""
    return html.P("The table is on its way …", className="fs-coming fs-soft")


def _models() -> html.Div:
    return html.Div(
        className="fs-tab-full",
        children=[
            html.Div(id=ids.MODELS_PICK, className="fs-pickers"),
            html.Div(id=ids.MODELS_DIFFERENCE, className="fs-section"),
            html.Div(id=ids.MODELS_ALL, className="fs-section"),
            html.Div(id=ids.MODELS_CURVES, className="fs-section"),
            html.Div(id=ids.MODELS_CARDS, className="fs-section"),
        ],
    )


def _explained() -> html.Details:
    """Return what the columns mean, for those who hover over nothing. assets/review/regions.mjs tells it."""
    return html.Details(
        className="fs-explained", children=[html.Summary("What the columns mean"), html.Div(id="regions-terms")]
    )
