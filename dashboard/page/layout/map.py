"""The map: the offline world, the chips, the panes of image and scores, and the strip of layers under it."""

from __future__ import annotations

from typing import Any, Literal

import dash_leaflet as dl
import dash_mantine_components as dmc
from dash import html

from dashboard.page import ids
from dashboard.page.layout.aria import aria
from dashboard.page.layout.compare import draw_surface, four_up, handle, modes, more_button, readout, sides
from tiles.drawing.layers import SHOWN
from tiles.palette import OPACITY
from tiles.places import ASSETS


def _js(name: str) -> dict[str, str]:
    """Name a function of assets/map/shapes.mjs, as assets/callbacks.mjs offers it."""
    return {"variable": f"dash_clientside.leaflet.{name}"}


def _kept(name: str) -> str:
    """Return the address of an asset with its time, under which a browser keeps it for good, as scripts and styles have it."""
    return f"./assets/{name}?m={(ASSETS / name).stat().st_mtime}"


WORLD = _kept("countries.geojson")
"""Address of the offline map of the world."""


def chip_map() -> html.Main:
    """Return the map with everything on it."""
    return html.Main(
        className="fs-map",
        children=[
            dl.MapContainer(
                id=ids.MAP,
                center=[14, 8],
                zoom=2,
                minZoom=1,  # a phone shows most of the world then
                maxZoom=19,
                # Else the place of every moveend comes back through React a moment later, and stops a flight that has gone on.
                trackViewport=False,
                worldCopyJump=True,
                fadeAnimation=False,
                attributionControl=True,
                children=[
                    dl.Pane(name="countries", style={"zIndex": 210}),
                    dl.Pane(name="imagery", style={"zIndex": 310}),
                    dl.Pane(name="scores", style={"zIndex": 320}),
                    dl.Pane(name="left-imagery", style={"zIndex": 330}),
                    dl.Pane(name="left-scores", style={"zIndex": 340}),
                    dl.Pane(name="footprints", style={"zIndex": 410}),
                    dl.Pane(name="points", style={"zIndex": 420}),
                    dl.Pane(name="marks", style={"zIndex": 430}),
                    dl.GeoJSON(
                        id=ids.COUNTRIES,
                        url=WORLD,
                        options={"pane": "countries", "style": _js("countryStyle")},
                        style=_js("countryStyle"),
                        onEachFeature=_js("onCountry"),
                        pane="countries",
                        attribution="Natural Earth",
                    ),
                    # Wide enough that the shortest bar, half of it, holds its words.
                    dl.ScaleControl(position="topleft", imperial=False, maxWidth=140),
                ],
            ),
            handle(),
            four_up(),
            draw_surface(),
            _key(),
            _strip(),
        ],
    )


def _key() -> html.Details:
    """Return what colours and patterns of chips and countries mean; assets/keyboard.mjs folds it on a phone."""
    symbols = (
        ("unscored", "not predicted yet"),
        ("seen", "seen by the model: no measure"),
        ("unlabelled", "no label, so no IoU"),
        ("outline", "known only: no image on disk"),
        ("problem", "image cannot be used"),
    )
    return html.Details(
        className="fs-key",
        open=True,
        children=[
            # A phone shows the first word alone while the key is folded.
            html.Summary(
                ["IoU", html.Span(" of chips and countries", className="fs-key-rest")],
                **aria(label="IoU of chips and countries"),
            ),
            html.Div(className="fs-ramp-bar"),
            html.Div(className="fs-ramp-ends", children=[html.Span("0"), html.Span("0.5"), html.Span("1")]),
            *[
                html.Div(className="fs-key-row", children=[html.Span(className=f"fs-symbol fs-symbol-{name}"), text])
                for name, text in symbols
            ],
        ],
    )


def _strip() -> html.Div:
    return html.Div(
        id=ids.STRIP,
        className="fs-strip",
        role="group",
        **aria(label="Layers"),
        children=[
            sides(),
            _switch(ids.BASE, "Image", "image", folds=True),
            _grey(),
            _outline(),
            _switch(ids.OVERLAY, "Layer", "overlay"),
            _slider(ids.THRESHOLD, ids.THRESHOLD_VALUE, "Threshold", 0.5, "fs-threshold"),
            _slider(ids.OPACITY, ids.OPACITY_VALUE, "Opacity", OPACITY, "fs-more"),
            html.Div(id=ids.LEGEND, className="fs-legend"),
            html.Div(className="fs-strip-last", children=[modes(), more_button(), readout()]),
        ],
    )


def _switch(name: str, label: str, kind: Literal["image", "overlay"], *, folds: bool = False) -> html.Div:
    return html.Div(
        className="fs-strip-group fs-one-only" + (" fs-more" if folds else ""),
        children=[
            dmc.SegmentedControl(
                id=name,
                data=[{"value": one.name, "label": one.title} for one in SHOWN if one.kind == kind and one.strip],
                size="xs",
                **aria(label=label),
            ),
        ],
    )


def _grey() -> html.Div:
    """Return the switch of the grey ground."""
    label = ["Grey", html.Span(" ground", className="fs-visually-hidden")]
    title = "Show the image under a layer as a dark grey ground (G); under errors and differences it always is"
    return html.Div(
        className="fs-strip-group fs-grey fs-more",
        title=title,
        children=[dmc.Switch(id=ids.GREY, checked=False, label=label, size="xs")],
    )


def _outline() -> html.Div:
    """Return the switch between masks and their outlines."""
    return html.Div(
        className="fs-strip-group fs-grey fs-more",
        title="Draw prediction and truth as outlines of their pixels (O), so that the image inside is seen",
        children=[dmc.Switch(id=ids.OUTLINE, checked=False, label="Outline", size="xs")],
    )


def _slider(name: str, value_name: str, label: str, value: float, kind: str) -> html.Div:
    options: dict[str, Any] = {"min": 0, "max": 1, "step": 0.01, "value": value, "size": "sm", "label": None}
    return html.Div(
        className=f"fs-strip-group {kind}",
        children=[
            html.Span(label, className="fs-strip-name"),
            dmc.Slider(id=name, className="fs-slider", updatemode="drag", thumbLabel=label, precision=2, **options),
            html.Span(id=value_name, className="fs-slider-value"),
        ],
    )
