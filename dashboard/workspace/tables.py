"""The catalog and a model's predictions as columns, for pages: what `payloads` says of each, of a hundred thousand at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from dashboard.workspace.following import Place
from dashboard.workspace.payloads import board_of, catalog_info
from model.scores.histogram import LEVELS
from model.store.listed import Listed
from tiles.catalog.catalog import Catalog
from tiles.catalog.columns import Columns, narrow
from tiles.chip import ChipRecord, Look
from tiles.scenes.windows import is_scene
from tiles.sentences import named

_UNIT = 1e5
"""Coordinates are whole numbers of so many in a degree, about a metre."""
_TEXTS = ("id", "country", "event", "date", "split", "file", "layout")
_SENTENCES = ("problem", "unplaced", "assumed_grid")
_UNTOLD = 2
"""In a column of `seen`: it is not known; 0 is unseen and 1 seen."""


def catalog_columns(catalog: Catalog, name: str, welcome: str = "") -> bytes:
    """Return the whole catalog, a row a chip: what `payloads.chip_payload` says, but for corners that no eye sees.

    An outline is its first corner, `x` and `y`, and the steps from each corner to the next, of which `corners` tells the number;
    the `boards` of chips that have no place are in what is said beside the table, each after its row.
    """
    records = catalog.records()
    table = Columns(len(records))
    for field in _TEXTS:
        table.texts(field, list(map(attrgetter(field), records)))
    for field in _SENTENCES:
        table.texts(field, [value if value is None else named(value) for value in map(attrgetter(field), records)])
    folders = {source: Path(source).name for source in {record.source for record in records}}
    table.texts("source", [folders[record.source] for record in records])
    usable = [record.has_imagery for record in records]
    table.texts("revision", _revisions(records, usable))
    table.numbers("imagery", np.array(usable, bool))
    table.numbers("labelled", np.array([has and r.has_label for r, has in zip(records, usable, strict=True)], bool))
    table.numbers("simulated", np.array([record.simulated for record in records], bool))
    table.numbers("scene", np.array([has and is_scene(r) for r, has in zip(records, usable, strict=True)], bool))
    _outlines(table, records)
    boards = [[row, *box] for row, record in enumerate(records) if (box := board_of(record)) is not None]
    return table.to_bytes({"info": catalog_info(catalog, name), "welcome": welcome, "boards": boards})


def _revisions(records: Sequence[ChipRecord], usable: Sequence[bool]) -> list[str | None]:
    look = Look()
    return [record.revision(look) if has else None for record, has in zip(records, usable, strict=True)]


def _outlines(table: Columns, records: Sequence[ChipRecord]) -> None:
    shapes = np.array([record.footprint for record in records], dtype=object)
    there = np.array([shape is not None for shape in shapes], bool)
    simple = shapely.simplify(
        shapes[there], 0.5 / _UNIT
    )  # most of 16 corners are on the straight line between two others
    points, of = shapely.get_coordinates(simple, return_index=True)
    whole = np.round(points * _UNIT).astype(np.int64)
    first = np.ones(len(of), bool)
    first[1:] = of[1:] != of[:-1]
    last = np.roll(first, -1)  # the first corner again
    steps = np.diff(whole, axis=0, prepend=whole[:1])[~(first | last)]
    counts = np.zeros(len(records), np.int64)
    counts[there] = np.bincount(of, minlength=int(there.sum())) - 1
    corners = np.zeros((len(records), 2), np.int64)
    corners[there] = whole[first]
    table.numbers("corners", counts)
    table.numbers("x", corners[:, 0].astype(np.int32))
    table.numbers("y", corners[:, 1].astype(np.int32))
    table.whole("outline", steps.ravel())


def prediction_columns(blocks: Iterable[Sequence[Listed]], seen: Mapping[str, bool | None], place: Place) -> bytes:
    """Return a model's predictions, a row each: what `payloads.prediction_payload` says of them, but for the histogram.

    `scored` says which have one; the pixels of all at one value are a column, `w0` to `w254` of water and `d0` to `d254` of dry;
    columns of nothing are left out.

    Args:
        blocks: the predictions, some at a time.
        seen: whether the model has seen a chip, by id.
        place: how much of what anybody predicts this holds.
    """
    rows: list[Listed] = []
    counts: list[list[npt.NDArray[Any]]] = [[] for _ in range(2 * LEVELS)]
    scored: list[bool] = []
    for block in blocks:
        nothing = bytes(8 * LEVELS)
        content = b"".join(one.histogram or nothing for one in block)
        for column, values in zip(counts, np.frombuffer(content, "<u4").reshape(-1, 2 * LEVELS).T, strict=True):
            column.append(narrow(values.astype(np.int64)))
        scored += [one.histogram is not None for one in block]
        rows += [one._replace(histogram=None) for one in block]
    table = Columns(len(rows))
    table.texts("id", [one.chip_id for one in rows])
    for field in ("revision", "model_name", "device"):
        table.texts(field, [getattr(one, field) for one in rows])
    table.numbers("valid_share", np.array([one.valid_pixels / one.total_pixels for one in rows], np.float64))
    table.numbers("valid_pixels", np.array([one.valid_pixels for one in rows], np.int64))
    uncertain = [np.nan if one.uncertain is None else one.uncertain for one in rows]
    table.numbers("uncertain", np.array(uncertain, np.float64))
    table.numbers("seconds", np.array([one.seconds for one in rows], np.float64))
    created = [datetime.fromisoformat(one.created).timestamp() for one in rows]
    table.numbers("created", np.array(created, np.float64))
    told = [seen.get(one.chip_id) for one in rows]
    table.numbers("seen", np.array([_UNTOLD if value is None else int(value) for value in told], np.uint8))
    table.numbers("scored", np.array(scored, bool))
    for at, parts in enumerate(counts):
        together = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
        if together.any():
            table.numbers(f"{'wd'[at // LEVELS]}{at % LEVELS}", together)
        parts.clear()
    return table.to_bytes({"place": asdict(place)})
