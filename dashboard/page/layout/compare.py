"""Looking closely at one chip: how layers are compared, the swipe's handle, four maps side by side, pixel and area, keys."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.page import ids
from dashboard.page.layout.aria import aria
from dashboard.page.layout.header import menu
from tiles.drawing.layers import FOUR, SHOWN

MODES = (("one", "One"), ("swipe", "Swipe"), ("four", "Four"))


def modes() -> html.Div:
    """Return the switch between one picture, a swipe and four."""
    return html.Div(
        className="fs-strip-group",
        children=[
            dmc.SegmentedControl(
                id=ids.COMPARE,
                value="one",
                data=[{"value": value, "label": text} for value, text in MODES],
                size="xs",
                **aria(label="Compare"),
            )
        ],
    )


def sides() -> html.Div:
    """Return what stands in the strip while two layers are swiped."""
    layers = tuple((one.name, one.title) for one in SHOWN if one.swipe)
    return html.Div(
        className="fs-strip-group fs-sides",
        children=[
            _choice(ids.LEFT, "◧", "Layer left of the handle", layers, "composite", 136),
            _choice(ids.RIGHT, "◨", "Layer right of the handle", layers, "prediction", 136),
            _choice(ids.MODEL_B, "B", "Model B, compared with the model in use", (), None, 180),
        ],
    )


def _choice(
    name: str, short: str, label: str, choices: tuple[tuple[str, str], ...], value: str | None, width: int
) -> html.Div:
    options = menu(label, 230)
    options["comboboxProps"]["position"] = "top-start"
    return html.Div(
        className="fs-side",
        children=[
            html.Span(short, className="fs-strip-name", **aria(hidden="true")),
            dmc.Select(
                id=name,
                data=[{"value": v, "label": text} for v, text in choices],
                value=value,
                allowDeselect=False,
                size="xs",
                w=width,
                **options,
            ),
        ],
    )


def readout() -> html.Div:
    """Return the line of values under the pointer; assets/map/pixel.mjs writes it."""
    return html.Div(id="readout", className="fs-readout")


def more_button() -> html.Button:
    """Return what unfolds the strip on a phone (`fs-more` in its classes); assets/panel/sheet.mjs works on it."""
    return html.Button("More", id="strip-more", className="fs-button fs-strip-more", **aria(expanded="false"))


def handle() -> html.Div:
    """Return the swipe's handle; assets/map/swipe.mjs moves it and says where it is."""
    return html.Div(
        id="swipe-handle",
        className="fs-swipe",
        role="slider",
        tabIndex=0,
        hidden=True,
        **aria(label="Swipe", orientation="horizontal", valuemin="0", valuemax="100", valuenow="50"),
        children=[
            html.Span(id="swipe-left", className="fs-swipe-name"),
            html.Span(className="fs-swipe-grip", **aria(hidden="true")),
            html.Span(id="swipe-right", className="fs-swipe-name"),
        ],
    )


def four_up() -> html.Div:
    """Return the places of the four maps; assets/map/four.mjs fills them."""
    titles = {one.name: one.title for one in SHOWN}
    return html.Div(
        id="four-up",
        className="fs-four",
        hidden=True,
        children=[
            html.Div(
                className="fs-four-cell",
                **_data(layer=name),
                children=[html.Div(className="fs-four-map"), html.Span(titles[name], className="fs-four-name")],
            )
            for name in FOUR
        ],
    )


def draw_surface() -> html.Div:
    """Return what takes the pointer while an area is drawn, and says how; assets/map/drawing.mjs works on it."""
    return html.Div(
        id="draw-surface",
        hidden=True,
        className="fs-draw",
        children=html.Div(
            className="fs-draw-bar",
            children=[
                html.Span(id="draw-hint", role="status"),
                html.Button("Done", id="draw-done", className="fs-button"),
                html.Button("Cancel", id="draw-cancel", className="fs-button"),
            ],
        ),
    )


def inspector() -> html.Div:
    """Return the place of the pinned pixel, the histograms and the area, under the open chip."""
    return html.Div(id="inspector", className="fs-inspector", hidden=True)


def keys_dialog() -> html.Dialog:
    """Return the dialog that tells the keys and turns them off (WCAG 2.1.4)."""
    return html.Dialog(
        id="keys-dialog",
        className="fs-dialog",
        **aria(labelledby="keys-title"),
        children=[
            html.Div(
                className="fs-dialog-head",
                children=[
                    html.H2("Keys", id="keys-title"),
                    html.Button("×", id="keys-close", className="fs-button fs-dialog-close", **aria(label="Close")),
                ],
            ),
            html.Div(
                id="keys-told"
            ),  # by assets/keys.mjs: as components of Dash each word would be weighed at every change
            html.Div(id="keys-off-place"),
        ],
    )


def _data(**attributes: str) -> dict[str, Any]:
    """Return `data-*` attributes as keywords of a component."""
    return {f"data-{name}": value for name, value in attributes.items()}
