"""The section of the open chip that predicts it changed; assets/panel/transforms.mjs fills it when it is unfolded."""

from __future__ import annotations

import json

from dash import html

from model.evaluation.transforms import TRANSFORMS


def transforms_section() -> html.Details:
    """Return the folded section."""
    changes = [{"name": change.name, "title": change.title} for change in TRANSFORMS]
    return html.Details(
        id="transforms",
        className="fs-transforms",
        hidden=True,
        children=[
            html.Summary("The same chip, changed"),
            html.P(
                "Turned, blurred, noisier, brighter: the truth stays what it is, and is moved with the image. A model that can "
                "be trusted says the same each time."
            ),
            html.Div(id="transforms-said", role="status", className="fs-transforms-said"),
            html.Div(id="transforms-cards", className="fs-transforms-cards", **{"data-changes": json.dumps(changes)}),  # type: ignore[arg-type]
        ],
    )
