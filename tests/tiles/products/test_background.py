"""Maps that are made beside: who asks is told how far it is, and nobody waits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from products.safe_files import Safe, write_safe

from tests.waiting import eventually
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip, ChipRecord
from tiles.errors import BusyError, ChipError
from tiles.products.background import Background, background
from tiles.products.product import Product
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

SMALL = Safe(height=200, width=260)


@pytest.fixture(autouse=True)
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    monkeypatch.setenv("FLOODSCOPE_SCENES", str(tmp_path / "scenes"))
    background().start()
    yield background()
    background().stop()


def _read(record: ChipRecord) -> Chip | None:
    with contextlib.suppress(BusyError):
        return read_chip(record)
    return None


def test_who_asks_for_pixels_is_told_that_the_map_is_made_first(tmp_path: Path) -> None:
    (record,) = open_catalog([write_safe(tmp_path, SMALL)]).usable()
    with pytest.raises(BusyError, match="laid onto a map"):
        read_chip(record)
    assert eventually(lambda: _read(record)).valid.any()


def test_a_product_that_cannot_be_made_is_told_once_and_tried_again(tmp_path: Path) -> None:
    root = write_safe(tmp_path, SMALL)
    (record,) = open_catalog([root]).usable()
    for path in root.glob("measurement/*vh*"):
        path.write_bytes(path.read_bytes()[:1000])

    def refused() -> str:
        try:
            read_chip(record)
        except BusyError:
            return ""
        except ChipError as error:
            return str(error)
        return "read"

    assert "is truncated" in eventually(refused)


def test_who_waits_is_told_how_many_are_made_before(tmp_path: Path) -> None:
    waiting = Background()  # makes nothing yet
    products = [Product(write_safe(tmp_path / str(number), SMALL)) for number in range(3)]

    def told(product: Product) -> str:
        with pytest.raises(BusyError) as error:
            waiting.require(product)
        return str(error.value)

    first, second, third = (told(product) for product in products)
    assert "behind" not in first and "behind 1 other," in second and "behind 2 others," in third
    assert told(products[1]) == second, "asked again, it is not behind itself"


def test_what_is_being_made_is_given_up_at_the_end(tmp_path: Path, started: Background) -> None:
    product = Product(write_safe(tmp_path, SMALL))
    with pytest.raises(BusyError):
        started.require(product)
    started.stop()
    assert not started.on
    assert not list((tmp_path / "scenes").glob(".making-*"))
