"""The callbacks: the server's, each one call of the workspace, and the browser's, which assets/callbacks.mjs holds."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboard.page import ids
from dashboard.page.address import ADDRESS, Places
from dashboard.page.wiring import InBrowser
from tiles.errors import UsageError
from tiles.sentences import named

if TYPE_CHECKING:
    from dashboard.routes.access import Access
    from dashboard.workspace.workspace import Workspace


_MODEL: Places = ((ids.MODEL, "value"),)
_VERSION = (ids.VERSION, "data")
_SELECTION = (ids.SELECTION, "data")
_THRESHOLD = (ids.THRESHOLD, "value")
_GREY = (ids.GREY, "checked")
_OUTLINE = (ids.OUTLINE, "checked")
_TAB = (ids.TAB, "value")
_THEME = (ids.THEME, "data")
_LOOK = (ids.LOOK, "data")
_SIDES: Places = ((ids.COMPARE, "value"), (ids.LEFT, "value"), (ids.RIGHT, "value"))
_MODEL_B = (ids.MODEL_B, "value")
_NOTHING: Places = ((ids.EFFECT, "data"),)

IN_BROWSER = (
    # The page and its address
    InBrowser("restore", (*ADDRESS, _THRESHOLD), ((ids.URL, "pathname"),), ((ids.SETTINGS, "data"),)),
    # The model is a state: it is written with what is known of it, not before.
    InBrowser(
        "persist",
        _NOTHING,
        (*(place for place in ADDRESS if place not in _MODEL), (ids.VIEW, "data"), _VERSION),
        _MODEL,
    ),
    InBrowser("showTheme", ((ids.PROVIDER, "forceColorScheme"),), (_THEME,)),
    InBrowser("flipTheme", (_THEME,), ((ids.THEME_TOGGLE, "n_clicks"),), (_THEME,), at_start=False),
    InBrowser("copyLink", ((ids.SHARE, "title"),), ((ids.SHARE, "n_clicks"),), at_start=False),
    # Data comes in; each raises the version that the rest takes as its input
    InBrowser(
        "catalogLoaded",
        (
            _VERSION,
            (ids.SEARCH, "data"),
        ),
        ((ids.CATALOG_IN, "data"),),
    ),
    InBrowser("predictionsLoaded", (_VERSION,), ((ids.PREDICTIONS_IN, "data"),), at_start=False),
    InBrowser(
        "ask",
        ((ids.ASKED, "data"),),
        (_SELECTION, *_MODEL, (ids.ASK_AGAIN, "data")),
        at_start=False,
    ),
    InBrowser("chipOpened", (_VERSION,), ((ids.OPENED, "data"),), at_start=False),
    InBrowser("jobNews", (_VERSION, (ids.JOB_SEEN, "data")), ((ids.JOB_IN, "data"),), at_start=False),
    InBrowser(
        "modelState",
        ((ids.DOT, "data-state"), (ids.DOT, "title"), (ids.DEVICE, "children")),
        ((ids.PREDICTIONS_IN, "data"), _VERSION),
        _MODEL,
    ),
    # The map
    InBrowser(
        "showLayers",
        (
            (ids.GREY, "disabled"),
            (ids.OUTLINE, "disabled"),
        ),
        ((ids.BASE, "value"), (ids.OVERLAY, "value"), _GREY, _OUTLINE, _THRESHOLD, (ids.OPACITY, "value"), *_SIDES),
    ),
    # All that the browser draws by itself; the table in assets/parts.mjs says which part follows what.
    InBrowser(
        "follow",
        _NOTHING,
        (
            *((ids.BASE, "value"), (ids.OVERLAY, "value"), _GREY, _OUTLINE, *_SIDES, _MODEL_B, _SELECTION, _VERSION),
            *(_TAB, _THEME, (ids.SIEVE, "data"), (ids.REVIEW, "data")),
        ),
        (*_MODEL, (ids.SETTINGS, "data")),
        at_start=False,
    ),
    InBrowser("otherChosen", _NOTHING, ((ids.REVIEW, "data"),), at_start=False),
    InBrowser("lookGiven", _NOTHING, (_LOOK,), at_start=False),
    InBrowser("highlight", _NOTHING, (_SELECTION,), at_start=False),
    InBrowser(
        "mountTables",
        ((ids.REGIONS_LIST, "children"), (ids.CHIPS_LIST, "children")),
        (_TAB,),
        ((ids.TABLES, "data"),),
    ),
    # Ways to choose a chip or a region
    InBrowser("find", ((ids.SEARCH, "data"),), ((ids.SEARCH, "searchValue"),), at_start=False),
    InBrowser("search", (_TAB, (ids.SEARCH, "value")), ((ids.SEARCH, "value"),), at_start=False),
    InBrowser("rowChosen", _NOTHING, ((ids.CHIPS_TABLE, "selectedRows"),), at_start=False),
    InBrowser("regionChosen", _NOTHING, ((ids.REGIONS_TABLE, "selectedRows"),), at_start=False),
    InBrowser("tabOfSelection", (_TAB,), (_SELECTION,), (_TAB,), at_start=False),
    InBrowser(
        "jobShown",
        ((ids.CANCEL, "hidden"), (ids.PREDICT_ALL, "disabled")),
        (_VERSION,),  # with the figures: "Done" beside a count that is not there yet would be untrue
        ((ids.JOB_IN, "data"), *_MODEL),
    ),
)


def register(app: Dash, workspace: Workspace, access: Access) -> None:
    """Register every callback."""
    _server(app, workspace, access)
    for wiring in IN_BROWSER:
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("floodscope", wiring.function),
            # Several callbacks may write one property; the ones that run at the start of the page are its first writers.
            *[Output(*place, allow_duplicate=not wiring.at_start) for place in wiring.outputs],
            *[Input(*place) for place in wiring.inputs],
            *[State(*place) for place in wiring.states],
            prevent_initial_call=not wiring.at_start,
        )


def _server(app: Dash, workspace: Workspace, access: Access) -> None:
    def callback(*wiring: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """Register a function; what it answers calls files by their names, as all answers do."""
        return lambda ask: app.callback(*wiring, **options)(wraps(ask)(lambda *given: named(ask(*given))))

    @callback(
        Output(ids.PREDICTIONS_IN, "data"),
        Input(ids.MODEL, "value"),
        Input(ids.ENDPOINT_NEWS, "data"),
        prevent_initial_call=True,
    )
    def load_predictions(spec: str | None, _: float | None) -> Any:
        return workspace.predictions(str(spec)) if spec else no_update

    @callback(
        Output(ids.OPENED, "data"),
        Input(ids.ASKED, "data"),
        prevent_initial_call=True,
    )
    def open_chip(asked: dict[str, Any] | None) -> Any:
        if not asked:
            return no_update
        if not isinstance(asked, dict) or not {"id", "model", "click"} <= set(asked):
            raise UsageError("A chip is opened by its id, a model and the name of a click: reload the page.")
        chip, spec, click = (str(asked[name]) for name in ("id", "model", "click"))
        may, view = access.allows("predict"), asked.get("view")
        return workspace.open_chip(chip, spec, click, may_predict=may, view=view) | {"click": click}

    @callback(
        Output(ids.JOB_IN, "data"),
        Output(ids.POLL, "disabled"),
        Input(ids.PREDICT_ALL, "n_clicks"),
        Input(ids.CANCEL, "n_clicks"),
        Input(ids.POLL, "n_intervals"),
        Input(ids.MODEL, "value"),
        State(ids.JOB_SEEN, "data"),
        prevent_initial_call=True,
    )
    def job(_: int | None, __: int | None, ___: int | None, spec: str | None, seen: dict[str, Any] | None) -> Any:
        if not spec:
            return no_update, no_update
        if seen and not (isinstance(seen, dict) and isinstance(seen.get("cursor"), int) and "job" in seen):
            raise UsageError("What the page has seen of a job is not understood: reload it.")
        if ctx.triggered_id == ids.PREDICT_ALL:
            workspace.predict_all(str(spec))
        elif ctx.triggered_id == ids.CANCEL:
            workspace.cancel(str(spec))
        # What the page has taken in, not what it was sent: of two answers that come together Dash hands on the later alone.
        # Being told twice is harmless.
        news = workspace.news(str(spec), seen["cursor"], str(seen["job"])) if seen else workspace.news(str(spec), 0)
        if news is not None:
            news["asked"] = ctx.triggered_id == ids.PREDICT_ALL
        return news, news is None or not news["progress"]["running"]
