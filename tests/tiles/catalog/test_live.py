"""A catalog that changes while it is in use.

Without this file one of two images that are sent at the same moment could be lost, or a reader see a catalog half changed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest

from tests.tiles.chips import write_pair
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.catalog.live import LiveCatalog
from tiles.chip import Asset
from tiles.errors import ChipNotFoundError


@pytest.fixture
def live(tmp_path: Path) -> LiveCatalog:
    write_pair(tmp_path / "first", "lake")
    return LiveCatalog(open_catalog([tmp_path / "first"]))


def test_a_scene_is_drawn_from_this_machine_and_one_on_a_server_says_what_to_do(live: LiveCatalog) -> None:
    (record,) = live.now.records()
    here = replace(record, id="here", width=25_000, height=16_000)
    there = replace(here, id="there", vv=Asset("https://example.org/vv.tif"), vh=Asset("https://example.org/vh.tif"))
    small = replace(there, id="small", width=512, height=512)
    now = live.change(lambda now: now.added([here, there, small]))
    assert now.get("here").problem is None and now.get("small").problem is None
    problem = str(now.get("there").problem)
    assert "lies on a server" in problem and "floodscope predict" in problem and "download" in problem


def test_changes_that_are_made_at_the_same_time_are_all_made(live: LiveCatalog) -> None:
    (record,) = live.now.records()
    threads, each = 8, 25
    together = Barrier(threads)

    def add() -> None:
        together.wait()
        for _ in range(each):
            live.change(lambda now: now.added([record]))

    running = [Thread(target=add) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert len(live.now) == 1 + threads * each


def test_whoever_listens_is_told_of_each_change_and_whoever_reads_keeps_what_it_has(live: LiveCatalog) -> None:
    told: list[Catalog] = []
    live.listen(told.append)
    before, (record,) = live.now, live.now.records()
    more = live.change(lambda now: now.added([record]))
    less = live.change(lambda now: now.without(record.id))
    live.change(lambda now: now)
    with pytest.raises(ChipNotFoundError):
        live.change(lambda now: now.without(record.id))
    assert [catalog.version for catalog in told] == [before.version, more.version, less.version]
    assert live.version == live.now.version == less.version
    assert [len(before), len(more), len(less)] == [1, 2, 1]
