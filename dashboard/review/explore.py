"""Explore: what the chips of a catalog, or of a part of it, are made of, and what would spoil their scores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dashboard.workspace.payloads import progress_payload
from model.inference.job import Job
from model.store.store import Store
from tiles.catalog.audit import audit
from tiles.catalog.live import LiveCatalog
from tiles.chip import CLASSES, ChipRecord
from tiles.drawing.statistics import BINS, RANGES, ChipStatistics, statistics_of, statistics_of_scene
from tiles.reading.door import read_chip
from tiles.scenes.windows import Scene, is_scene

SeenOf = Callable[[Sequence[ChipRecord], str | None], tuple[str, dict[str, bool | None]]]
_KIND = "statistics-2"  # counts up when what is counted changes
_PIXELS = 4
_SIZE = 4 * (_PIXELS + len(RANGES) * len(CLASSES) * BINS)


class Explorer:
    """The statistics of a catalog's chips: computed once a chip, when first asked for, and kept in the data folder."""

    def __init__(self, catalog: LiveCatalog, store: Store, seen: SeenOf) -> None:
        """Make an explorer.

        Args:
            catalog: whose chips are counted.
            store: where the statistics are kept.
            seen: gives a model's name and which of some chips it was trained on.
        """
        self._catalog, self._store, self._seen = catalog, store, seen
        self._lock = threading.Lock()
        self._filled = ""  # the version of the catalog that is being computed
        self._job: Job | None = None
        self._of_chip: dict[str, tuple[ChipRecord, ChipStatistics]] = {}

    def close(self) -> None:
        """Stop computing."""
        if self._job is not None:
            self._job.cancel()
            self._job.wait(10)

    def answer(self, ids: Sequence[str] | None, model: str | None = None) -> dict[str, Any]:
        """Return the sums over some chips, as far as they are computed, and start computing where that has not begun.

        Args:
            ids: the chips; None for all. Those that the catalog does not know are left out.
            model: spec of the model whose scores are looked at; None for the one to begin with.

        Returns:
            JSON: `progress`; `ranges` of the histograms; `histograms` [vv, vh, ratio][dry, water, unknown][60] of all and by
            `countries`; `shares`, (chip, water share of the labelled pixels or None, share without data) of each; `warnings`;
            `looked`, how many of the chips are `scenes`, which are counted by squares spread over them, and how many `pixels`
            these have `of` all.
        """
        wanted = None if ids is None else set(ids)
        catalog = self._catalog.now
        records = [r for r in catalog.records() if wanted is None or r.id in wanted]
        with self._lock:
            if self._job is None or self._filled != catalog.version:
                self.close()
                self._filled = catalog.version
                missing = [record for record in catalog.usable() if self._known(record) is None]
                self._job = Job.of_each(missing, lambda r: r.id, self._compute, "floodscope-explore")
            progress = progress_payload(self._job)  # before the sums: "not running" must mean that all is counted
        total, shares = ChipStatistics.zero(), []
        looked = {"scenes": 0, "pixels": 0, "of": 0}
        countries: dict[str, ChipStatistics] = {}
        for record in records:
            found = self._known(record)
            if found is None:
                continue
            name = record.country_group
            total += found
            countries[name] = countries.get(name, ChipStatistics.zero()) + found
            shares.append([record.id, *_shares(found)])
            if is_scene(record):
                pixels = (record.width or 0) * (record.height or 0)
                for key, count in (("scenes", 1), ("pixels", int(found.pixels.sum())), ("of", pixels)):
                    looked[key] += count
        name, seen = self._seen(records, model)
        return {
            "progress": progress,
            "ranges": RANGES,
            "chips": len(records),
            "histograms": total.histograms.tolist(),
            "pixels": total.pixels.tolist(),
            "countries": {name: sums.histograms.tolist() for name, sums in sorted(countries.items())},
            "shares": shares,
            "looked": looked,
            "warnings": [
                {"kind": finding.kind, "text": finding.text, "chips": finding.chips}
                for finding in audit(records, lambda record: seen.get(record.id), name, self._knows_nothing)
            ],
        }

    def _compute(self, record: ChipRecord) -> None:
        key = f"{record.id}.{record.revision()}"
        data = self._store.derived.get(_KIND, key)
        if data is None or len(data) != _SIZE:
            scene = is_scene(record)
            found = (
                statistics_of_scene(Scene(record)) if scene else statistics_of(read_chip(record, with_ancillary=False))
            )
            self._store.derived.keep(
                _KIND, key, np.concatenate([found.pixels, found.histograms.ravel()]).astype("<u4").tobytes()
            )
        else:
            numbers = np.frombuffer(data, "<u4").astype(np.int64)
            found = ChipStatistics(numbers[:_PIXELS], numbers[_PIXELS:].reshape(len(RANGES), len(CLASSES), BINS))
        self._of_chip[record.id] = (record, found)

    def _knows_nothing(self, record: ChipRecord) -> bool:
        """Return whether a chip is known to have no labelled pixel with data."""
        found = self._known(record)
        return found is not None and _shares(found)[0] is None

    def _known(self, record: ChipRecord) -> ChipStatistics | None:
        held, found = self._of_chip.get(record.id, (None, None))
        return found if held == record else None  # another image may have come to have the name


def _shares(found: ChipStatistics) -> tuple[float | None, float]:
    """Return the share of water among the labelled pixels, None where there is none, and the share without data."""
    dry, water, unknown, nodata = (int(count) for count in found.pixels)
    labelled, pixels = water + dry, water + dry + unknown + nodata
    return (round(water / labelled, 5) if labelled else None), round(nodata / pixels, 5) if pixels else 0.0
