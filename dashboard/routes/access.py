"""Who may do what: the action of every route and callback in one table, and the one hook that every request passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from flask import Request, request

from dashboard.routes.http import json_object
from dashboard.routes.same_origin import require_header, require_same_origin
from tiles.errors import ForbiddenError, UsageError

if TYPE_CHECKING:
    from dash import Dash

Action = Literal["reach", "see", "count", "predict", "cancel", "export", "upload", "remove"]

# What each action is, as the end of "You may not ...".
WORDS: Mapping[Action, str] = {
    "reach": "reach this server",
    "see": "see what is here",
    "count": "have statistics of chips counted",
    "predict": "have chips predicted",
    "cancel": "stop predictions",
    "export": "take anything away",
    "upload": "add images",
    "remove": "remove images",
}

# The action of every route, by its endpoint. A route that is not in this table answers nobody.
ROUTES: Mapping[str, Action] = {
    # The program itself, which tells nothing of the chips
    "_dash_assets.static": "reach",
    "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>": "reach",
    "/_dash-dependencies": "reach",
    "/_reload-hash": "reach",
    "/_favicon.ico": "reach",
    "/<path:path>": "reach",
    "modules.module": "reach",
    "ground.of_cell": "reach",
    "ground.towns": "reach",
    "server.health": "reach",
    # The page
    "/": "see",
    "/_dash-layout": "see",
    "/_dash-update-component": "see",  # and what its callback does
    "server.endpoints": "see",
    "tiles.tilejson": "see",
    "tiles.tile": "see",
    "tiles.nothing": "see",
    "basemap.tile": "see",
    "inspect.point": "see",
    "inspect.spread": "see",
    "inspect.agreement": "see",
    "inspect.area": "see",
    "inspect.prediction": "see",  # who may not predict is shown what there is
    "inspect.whole": "predict",
    "inspect.enough": "cancel",
    "review.thumbnail": "see",
    "review.models": "see",
    "catalog.chips": "see",
    "catalog.predictions": "see",
    "review.predictions": "see",
    "review.progress": "see",
    "review.card": "see",
    "review.metadata": "see",
    "review.disagreement": "count",
    "review.explore": "count",
    "transforms.answer": "predict",
    "review.predict": "predict",
    "exports.begin": "export",  # who may not predict takes away what there is
    "exports.watch": "export",
    "exports.cancel": "export",
    "exports.fetch": "export",
    "news.listed": "see",
    "uploads.listed": "see",
    "uploads.catalog": "see",
    "uploads.receive": "upload",
    "uploads.answer": "upload",
    "uploads.remove": "remove",
}

# The action of every callback of the server, by the name of its function; of one that does several things, by the component
# that triggers it. Callbacks of the browser never come here.
CALLBACKS: Mapping[str, Action | Mapping[str, Action]] = {
    "load_predictions": "see",
    "open_chip": "see",  # who may not predict is shown what there is
    "job": {"predict-all": "predict", "cancel": "cancel", "poll": "see", "model": "see"},
}

_DASH = "/_dash-update-component"
_KEEPING: frozenset[Action] = frozenset({"export", "upload", "remove"})
"""Actions that write or remove files: a program must say by a header of its own that it means them."""
_COMPUTING = frozenset(
    {
        "ground.towns",
        *("inspect.point", "inspect.spread", "inspect.agreement", "catalog.predictions"),
        *(
            "review.thumbnail",
            "review.models",
            "review.predictions",
            "review.progress",
            "review.card",
            "review.metadata",
        ),
    }
)
"""Routes that are asked by GET and have the server compute: another page's pictures and links would cost it its time."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Policy(Protocol):
    """Says who may do what."""

    def allows(self, action: Action, asked: Request) -> bool:
        """Return whether an action is allowed to whoever sends a request."""
        ...


class Everybody:
    """The policy of a dashboard that is given none: everybody who reaches it may do everything."""

    def allows(self, action: Action, asked: Request) -> bool:
        """Return True."""
        return True


class Access:
    """The hook before all routes and callbacks of an app: asks the policy, and refuses what other pages ask for."""

    def __init__(self, app: Dash, policy: Policy) -> None:
        self._app, self._policy = app, policy
        app.server.before_request(self._pass)

    def allows(self, action: Action) -> bool:
        """Return whether whoever sends the present request may do something."""
        return self._policy.allows(action, request)

    @property
    def open(self) -> bool:
        """Whether everybody may do everything, so that what is sent may be kept and read by everybody."""
        return isinstance(self._policy, Everybody)

    def _pass(self) -> None:
        """Let the present request pass, or raise.

        Raises:
            ForbiddenError: the policy does not allow what it asks for.
            ForeignRequestError: it is no plain reading, and comes from another page.
        """
        if request.endpoint is None:  # no such address, or no such method there: nothing is done
            return
        actions = {ROUTES[request.endpoint]}
        if request.method not in _READING or request.endpoint in _COMPUTING:
            require_same_origin()
        if request.method not in _READING:
            if actions & _KEEPING:
                require_header()
            if request.endpoint == _DASH:
                actions |= self._actions_of_callback()
        for action in sorted(actions):
            if not self.allows(action):
                raise ForbiddenError(f"You may not {WORDS[action]}: ask whoever runs this server to allow it.")

    def _actions_of_callback(self) -> set[Action]:
        """Return what the present request has a callback do.

        Raises:
            UsageError: there is no such callback of the server.
        """
        body = json_object("as the page does")
        output, changed = body.get("output"), body.get("changedPropIds", [])
        known = self._app.callback_map.get(output, {}) if isinstance(output, str) else {}
        function = known.get("callback")
        texts = isinstance(changed, list) and all(isinstance(one, str) for one in changed)
        if function is None or not texts or not _fits(body, known):
            raise UsageError(f"There is no callback for {str(output)[:60]!r} here: reload the page.")
        found = CALLBACKS[function.__name__]
        if isinstance(found, str):
            return {found}
        triggers = {one.rpartition(".")[0] for one in changed}
        return {action for trigger, action in found.items() if trigger in triggers}


def _fits(body: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Return whether a callback is given what it takes and fills, in its order; the values it looks at itself."""
    output, outputs = str(body["output"]), body.get("outputs")
    several = output.startswith("..")
    if isinstance(outputs, list) != several:
        return False
    filled = [tuple(one.split(".")) for one in output.strip(".").split("...")]
    taken = {part: [(place["id"], place["property"]) for place in known[part]] for part in ("inputs", "state")}
    return _places(outputs if several else [outputs]) == filled and all(
        _places(body.get(part, [])) == wanted for part, wanted in taken.items()
    )


def _places(given: object) -> list[tuple[object, object]] | None:
    """Return the (component, property) of each of some properties of a request; None where it is no list of such."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        return None
    return [(one.get("id"), one.get("property")) for one in given]
