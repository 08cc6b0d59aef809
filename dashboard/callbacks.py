"""The callbacks: the server's, each one call of the workspace, and the browser's, which assets/callbacks.js holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboard import ids
from dashboard.payloads import catalog_payload

if TYPE_CHECKING:
    from dashboard.workspace import Workspace


def register(app: Dash, workspace: Workspace) -> None:
    """Register every callback."""
    _server(app, workspace)
    _page(app)
    _data(app)
    _map(app)
    _panel(app)


def _browser(app: Dash, name: str, *wiring: Input | State | Output | list[Output], at_start: bool = True) -> None:
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("floodscope", name), *wiring, prevent_initial_call=not at_start
    )


def _server(app: Dash, workspace: Workspace) -> None:
    @app.callback(Output(ids.CATALOG_IN, "data"), Input(ids.URL, "pathname"))
    def load_catalog(_: str) -> dict[str, Any]:
        return catalog_payload(workspace.catalog, workspace.name())

    @app.callback(Output(ids.PREDICTIONS_IN, "data"), Input(ids.MODEL, "value"), prevent_initial_call=True)
    def load_predictions(spec: str | None) -> Any:
        return workspace.predictions(spec) if spec else no_update

    @app.callback(
        Output(ids.OPENED, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.MODEL, "value"),
        Input(ids.ASK_AGAIN, "data"),
        prevent_initial_call=True,
    )
    def open_chip(selection: dict[str, Any] | None, spec: str | None, _: float | None) -> Any:
        if not selection or not selection.get("id") or not spec:
            return no_update
        return workspace.open_chip(str(selection["id"]), spec)

    @app.callback(
        Output(ids.JOB_IN, "data"),
        Output(ids.POLL, "disabled"),
        Input(ids.PREDICT_ALL, "n_clicks"),
        Input(ids.CANCEL, "n_clicks"),
        Input(ids.POLL, "n_intervals"),
        Input(ids.MODEL, "value"),
        State(ids.JOB_IN, "data"),
        prevent_initial_call=True,
    )
    def job(_: int | None, __: int | None, ___: int | None, spec: str | None, seen: dict[str, Any] | None) -> Any:
        if not spec:
            return no_update, no_update
        if ctx.triggered_id == ids.PREDICT_ALL:
            workspace.predict_all(spec)
        elif ctx.triggered_id == ids.CANCEL:
            workspace.cancel(spec)
        # A new job counts from 0 again; the browser keeps what it knows, so being told twice is harmless.
        same = seen is not None and seen["model"] == spec and ctx.triggered_id in {ids.POLL, ids.CANCEL}
        news = workspace.news(spec, int(seen["cursor"]) if same and seen is not None else 0)
        return news, news is None or not news["progress"]["running"]


def _page(app: Dash) -> None:
    _browser(
        app,
        "restore",
        Output(ids.MODEL, "value"),
        Output(ids.THRESHOLD, "value"),
        Output(ids.OPACITY, "value"),
        Output(ids.BASE, "value"),
        Output(ids.OVERLAY, "value"),
        Output(ids.TAB, "value"),
        Output(ids.THEME, "data"),
        Output(ids.SELECTION, "data"),
        Input(ids.URL, "pathname"),
        State(ids.SETTINGS, "data"),
    )
    _browser(
        app,
        "persist",
        Output(ids.EFFECT, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.VIEW, "data"),
        Input(ids.BASE, "value"),
        Input(ids.OVERLAY, "value"),
        Input(ids.THRESHOLD, "value"),
        Input(ids.OPACITY, "value"),
        Input(ids.TAB, "value"),
        Input(ids.THEME, "data"),
        Input(ids.VERSION, "data"),
        State(ids.MODEL, "value"),
    )
    _browser(app, "showTheme", Output(ids.PROVIDER, "forceColorScheme"), Input(ids.THEME, "data"))
    _browser(
        app,
        "flipTheme",
        Output(ids.THEME, "data", allow_duplicate=True),
        Input(ids.THEME_TOGGLE, "n_clicks"),
        State(ids.THEME, "data"),
        at_start=False,
    )
    _browser(app, "copyLink", Output(ids.SHARE, "title"), Input(ids.SHARE, "n_clicks"), at_start=False)
    _browser(
        app,
        "drawer",
        Output(ids.DRAWER, "data"),
        Input(ids.DRAWER_HANDLE, "n_clicks"),
        State(ids.DRAWER, "data"),
        at_start=False,
    )
    _browser(app, "drawerClass", Output(ids.DRAWER_HANDLE, "children"), Input(ids.DRAWER, "data"))


def _data(app: Dash) -> None:
    _browser(
        app,
        "catalogLoaded",
        Output(ids.VERSION, "data"),
        Output(ids.POINTS, "data"),
        Output(ids.FOOTPRINTS, "data"),
        Output(ids.SEARCH, "data"),
        Output(ids.CATALOG_LABEL, "children"),
        Input(ids.CATALOG_IN, "data"),
    )
    for source, function in (
        (ids.PREDICTIONS_IN, "predictionsLoaded"),
        (ids.OPENED, "chipOpened"),
        (ids.JOB_IN, "jobNews"),
    ):
        _browser(
            app, function, Output(ids.VERSION, "data", allow_duplicate=True), Input(source, "data"), at_start=False
        )
    _browser(
        app,
        "modelState",
        Output(ids.DOT, "data-state"),
        Output(ids.DOT, "title"),
        Output(ids.DEVICE, "children"),
        Input(ids.PREDICTIONS_IN, "data"),
        Input(ids.MODEL, "value"),
    )


def _map(app: Dash) -> None:
    _browser(
        app,
        "showLayers",
        Output(ids.LEGEND, "children"),
        Output(ids.THRESHOLD_VALUE, "children"),
        Output(ids.OPACITY_VALUE, "children"),
        Input(ids.BASE, "value"),
        Input(ids.OVERLAY, "value"),
        Input(ids.THRESHOLD, "value"),
        Input(ids.OPACITY, "value"),
        Input(ids.SELECTION, "data"),
        Input(ids.VERSION, "data"),
        State(ids.MODEL, "value"),
    )
    _browser(
        app,
        "mapLayers",
        Output(ids.IMAGERY, "children"),
        Output(ids.SCORES, "children"),
        Input(ids.SELECTION, "data"),
        Input(ids.VERSION, "data"),
        State(ids.MODEL, "value"),
    )
    _browser(
        app,
        "fly",
        Output(ids.EFFECT, "data", allow_duplicate=True),
        Input(ids.SELECTION, "data"),
        Input(ids.VERSION, "data"),
        State(ids.MODEL, "value"),
        at_start=False,
    )
    _browser(
        app,
        "recolour",
        Output(ids.EFFECT, "data", allow_duplicate=True),
        Input(ids.VERSION, "data"),
        Input(ids.THRESHOLD, "value"),
        Input(ids.SELECTION, "data"),
        Input(ids.THEME, "data"),
        State(ids.MODEL, "value"),
        at_start=False,
    )
    _browser(
        app,
        "search",
        Output(ids.SELECTION, "data", allow_duplicate=True),
        Output(ids.TAB, "value", allow_duplicate=True),
        Output(ids.SEARCH, "value"),
        Input(ids.SEARCH, "value"),
        at_start=False,
    )


def _panel(app: Dash) -> None:
    _browser(
        app,
        "rowChosen",
        Output(ids.SELECTION, "data", allow_duplicate=True),
        Input(ids.CHIPS_TABLE, "selectedRows"),
        at_start=False,
    )
    _browser(
        app,
        "regionChosen",
        Output(ids.EFFECT, "data", allow_duplicate=True),
        Input(ids.REGIONS_TABLE, "selectedRows"),
        at_start=False,
    )
    _browser(
        app,
        "tabOfSelection",
        Output(ids.TAB, "value", allow_duplicate=True),
        Input(ids.SELECTION, "data"),
        State(ids.TAB, "value"),
        at_start=False,
    )
    _browser(
        app,
        "chipPanel",
        Output(ids.CHIP_PANEL, "children"),
        Input(ids.SELECTION, "data"),
        Input(ids.VERSION, "data"),
        Input(ids.THRESHOLD, "value"),
        State(ids.MODEL, "value"),
    )
    _browser(
        app,
        "overview",
        Output(ids.FIGURES, "children"),
        Output(ids.REGIONS_TABLE, "rowData"),
        Output(ids.REGIONS_BARS, "figure"),
        Input(ids.VERSION, "data"),
        Input(ids.THRESHOLD, "value"),
        Input(ids.TAB, "value"),
        Input(ids.THEME, "data"),
        State(ids.MODEL, "value"),
    )
    _browser(
        app,
        "chipRows",
        Output(ids.CHIPS_TABLE, "rowData"),
        Input(ids.VERSION, "data"),
        Input(ids.THRESHOLD, "value"),
        Input(ids.TAB, "value"),
        State(ids.MODEL, "value"),
    )
    _browser(
        app,
        "jobShown",
        Output(ids.JOB, "children"),
        Output(ids.CANCEL, "hidden"),
        Output(ids.PREDICT_ALL, "disabled"),
        Input(ids.JOB_IN, "data"),
        Input(ids.VERSION, "data"),
        State(ids.MODEL, "value"),
    )
    _browser(
        app,
        "modelCards",
        Output(ids.MODELS_LIST, "children"),
        Input(ids.VERSION, "data"),
        Input(ids.TAB, "value"),
        State(ids.MODEL, "value"),
        State(ids.SETTINGS, "data"),
    )
