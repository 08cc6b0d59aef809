"""The foot of the panel: images of one's own come in here, and files go out. The dialogs are made by assets/ themselves."""

from __future__ import annotations

import json

from dash import html

from dashboard.uploads.batch import Limits
from model.export.formats import FORMATS


def actions() -> html.Div:
    """Return the buttons, which tell assets/panel/uploads.mjs and assets/panel/takeaway.mjs what they need to know."""
    limits = Limits()
    sizes = {"file": limits.file_bytes, "batch": limits.batch_bytes, "files": limits.files}
    choices = [{"name": one.name, "title": one.title, "note": one.note, "chosen": one.chosen} for one in FORMATS]
    return html.Div(
        className="fs-actions",
        children=[
            html.Button("Add images", id="add-images", className="fs-button", **{"data-limits": json.dumps(sizes)}),  # type: ignore[arg-type]
            html.Button("What is new", id="whats-new", className="fs-button", hidden=True),
            html.Button("Take away", id="take-away", className="fs-button", **{"data-formats": json.dumps(choices)}),  # type: ignore[arg-type]
            html.Button("Print", id="print", className="fs-button", title="This view as a sheet of paper or a PDF"),
        ],
    )
