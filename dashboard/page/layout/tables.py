"""The tables of regions and chips: their columns, and the grid that both are.

A column is defined here alone: its name, what it means (`headerTooltip`, which the page also lists under the table of regions),
how it is written, and whether it follows the threshold. Its value is a field of the rows that assets/review/regions.mjs or
assets/review/chips.mjs makes.
"""

from __future__ import annotations

import dash_ag_grid as dag

from model.scores.worst import RULE


def _text(field: str, name: str, width: int, *, pinned: bool = False) -> dict[str, object]:
    """Return a column of text; what is cut off is in the tooltip."""
    column: dict[str, object] = {
        "field": field,
        "headerName": name,
        "width": width,
        "minWidth": 70,
        "tooltipField": field,
    }
    return column | ({"pinned": "left"} if pinned else {})


def _number(
    field: str,
    name: str,
    formatter: str,
    tooltip: str,
    width: int,
    comparator: str = "fsNullsLast",
    *,
    live: bool = False,
    tip: str | None = None,
) -> dict[str, object]:
    """Return a column of numbers, which are never cut off; assets/page/cells.mjs writes those that follow the threshold.

    Args:
        field, name, formatter, tooltip, width, comparator: of the column.
        live: it follows the threshold. The column of IoU also carries the mark of what the model has seen.
        tip: a function of assets/page/columns.mjs that gives a cell's own tooltip.
    """
    written = {"cellRenderer": "fsLive", "cellRendererParams": {"format": formatter, "marked": field == "iou"}}
    said = {} if tip is None else {"tooltipValueGetter": {"function": f"{tip}(params)"}}
    return (written if live else {"valueFormatter": {"function": f"{formatter}(params)"}}) | {
        "field": field,
        "headerName": name,
        "headerTooltip": tooltip,
        "width": width,
        "type": "rightAligned",
        "comparator": {"function": comparator},
        "cellClass": "ag-right-aligned-cell",
        "cellClassRules": {"fs-few": {"function": "fsFew(params)"}},
        **said,
    }


def _drawn(field: str, name: str, renderer: str, tooltip: str, width: int) -> dict[str, object]:
    """Return a column of small pictures, which a component of assets/review/regions.mjs draws."""
    return {
        "field": field,
        "headerName": name,
        "headerTooltip": tooltip,
        "width": width,
        "cellRenderer": renderer,
        "sortable": False,
        "cellClass": "fs-drawn",
        "cellStyle": {"padding": "0 6px", "display": "flex", "alignItems": "center"},
    }


REGION_COLUMNS: list[dict[str, object]] = [
    _text("name", "Country", 106, pinned=True),
    _number(
        "scored",
        "Chips",
        "fsChips",
        "Chips that the figures count, of those with a label: scored, and not seen by the model in training or calibration. A "
        "label in which nothing is known scores nothing.",
        62,
        tip="fsChipsTip",
    ),
    # The weakest first; what rests on one chip, has no water to find or was seen by the model comes after all others.
    _number(
        "iou",
        "IoU [95 %]",
        "fsIou",
        "Of all pixels that are water in truth or prediction, the share that is water in both. Micro: the pixels of all chips "
        f"count together. In brackets its 95 % bootstrap interval over chips. {RULE}",
        128,
        "fsWorst",
        live=True,
        tip="fsIouTip",
    )
    | {"sort": "asc", "sortingOrder": ["asc", "desc"]},
    _drawn(
        "bar",
        "0 to 1",
        "fsBar",
        "IoU from 0 to 1 with its 95 % interval; thin and grey where it cannot be relied on.",
        96,
    ),
    _number(
        "precision",
        "Prec",
        "fsScore",
        "Precision: of the pixels predicted as water, the share that is water.",
        58,
        live=True,
    ),
    _number(
        "recall", "Rec", "fsScore", "Recall: of the pixels that are water, the share that is found.", 54, live=True
    ),
    _number("f1", "F1", "fsScore", "Harmonic mean of precision and recall.", 54, live=True),
    _drawn(
        "spark",
        "Curve",
        "fsSpark",
        "IoU over the threshold from 0 to 1; the line is the present threshold, the tick the best one.",
        96,
    ),
    _number("best", "Best", "fsScore", "Threshold at which the region's IoU is highest.", 58),
    _number(
        "calibration",
        "Cal",
        "fsScore3",
        "Expected calibration error in 15 bins: how far probabilities are from the share of water.",
        62,
    ),
    _number("water", "Water", "fsPercent", "Share of water among the valid pixels whose truth is known.", 66),
    _number("pixels", "Pixels", "fsInteger", "Valid pixels whose truth is known: only these are scored.", 96),
]

CHIP_COLUMNS: list[dict[str, object]] = [
    _drawn("revision", "", "fsThumbs", "False colour, and errors at the threshold.", 112)
    | {"headerName": "Image, errors"},
    _text("id", "Chip", 132),
    _number(
        "iou",
        "IoU",
        "fsIouOrState",
        f"IoU at the threshold, or why there is none. {RULE}",
        82,
        "fsWorst",
        live=True,
        tip="fsIouTip",
    ),
    _number("missed", "Missed px", "fsInteger", "Water in the label that is not predicted, in pixels.", 88, live=True),
    _number("false", "False px", "fsInteger", "Predicted water that is dry in the label, in pixels.", 84, live=True),
    _number("uncertain", "Uncertain", "fsPercent", "Share of the valid area where 0.25 < p < 0.75.", 88),
    _number(
        "apart", "Differ", "fsPercent", "Share of pixels that are wet under one of models A and B alone.", 72, live=True
    ),
    _text("date", "Date", 94),
    _text("country", "Country", 92),
    _text("event", "Event", 92),
    _text("split", "Split", 74),
    _text("file", "File", 180),
]


def grid(
    name: str,
    columns: list[dict[str, object]],
    *,
    row_id: str,
    autosize: bool = False,
    row_height: int = 32,
    sort_by_key: bool = True,
    empty: str = "Nothing passes the filters",
) -> dag.AgGrid:
    """Return a table.

    Args:
        name: its id.
        columns: as ag-grid has them.
        row_id: expression of a row's id.
        autosize: as high as its rows; else it fills its place.
        row_height: pixels.
        empty: what stands there without a row.
        sort_by_key: each header is a stop of Tab, to sort by; without, another control must offer that.
    """
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
            "rowHeight": row_height,
            "headerHeight": 34,
            "animateRows": False,
            "suppressColumnMoveAnimation": True,
            "suppressMultiSort": True,  # a second column's arrow would stand where the header's name does
            "localeText": {"noRowsToShow": empty},
            "tooltipShowDelay": 300,
            "domLayout": "autoHeight" if autosize else "normal",
            "suppressHeaderFocus": not sort_by_key,
            "suppressColumnVirtualisation": True,  # a dozen columns; screen readers and tests find all of them
            # Arrows move among the rows; Tab leaves them, or a catalog of a thousand chips would be a thousand stops.
            "tabToNextCell": {"function": "fsTabOut(params)"},
        },
        style={"height": None if autosize else "100%", "width": "100%"},
    )
