"""A piece of a chip that a model has seen is known by its pixels, wherever it was cut; no other image is taken for one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.seen.chips import SeenChip, SeenChips, parse_seen_chips
from model.seen.pieces import Pieces
from tiles.chip import Chip, ChipRecord
from tiles.content import content_of
from tiles.errors import BundleError
from tiles.grid import Grid

SIZE = 240


def chip(seed: int, rows: int = SIZE, cols: int = SIZE, step: float = 0.0) -> Chip:
    """Return an image of speckle over smooth ground; `step` makes it of so many dB, as 8-bit images are."""
    rng = np.random.default_rng(seed)
    ground = -12 + 4 * np.sin(np.mgrid[:rows, :cols].sum(axis=0) / 40 + seed)
    vv = ground + rng.normal(0, 1.5, ground.shape)
    vh = vv - 6.5 + rng.normal(0, 1.0, ground.shape)
    bands = [np.round(band / step) * step if step else band for band in (vv, vh)]
    vv, vh = (band.astype(np.float32) for band in bands)
    return Chip(f"c{seed}", vv, vh, np.ones(vv.shape, np.bool_), None, Grid.unplaced(cols, rows))


def cut(whole: Chip, top: int, left: int, rows: int, cols: int) -> Chip:
    at = np.s_[top : top + rows, left : left + cols]
    return replace(whole, vv=whole.vv[at], vh=whole.vh[at], valid=whole.valid[at], grid=Grid.unplaced(cols, rows))


def known(*chips: Chip, sized: bool = True) -> Pieces:
    seen = [
        SeenChip.of(
            ChipRecord(one.id, height=one.valid.shape[0], width=one.valid.shape[1]), content_of(one), "training"
        )
        for one in chips
    ]
    return Pieces(SeenChips(tuple(one if sized else replace(one, size=None) for one in seen)))


LEARNED = [chip(seed) for seed in range(20)]
PIECES = known(*LEARNED)


@pytest.mark.parametrize(
    ("top", "left", "rows", "cols"),
    [(0, 0, 120, 120), (33, 71, 120, 130), (140, 140, 100, 100), (7, 90, 81, 81), (0, 0, SIZE, 90), (3, 0, 237, SIZE)],
)
def test_a_piece_is_seen_wherever_it_was_cut(top: int, left: int, rows: int, cols: int) -> None:
    assert PIECES.held_by(cut(LEARNED[7], top, left, rows, cols)) is True
    assert PIECES.held_by(cut(chip(77), top, left, rows, cols)) is False


def test_another_picture_is_not_seen() -> None:
    assert [PIECES.held_by(chip(seed)) for seed in range(100, 130)] == [False] * 30


def test_a_chip_that_was_padded_or_moved_is_seen_where_it_is_a_tenth_and_more_of_the_image() -> None:
    def within(margin: int, of: Chip) -> Chip:
        around = chip(55, SIZE + 2 * margin, SIZE + 2 * margin)
        at = np.s_[margin : margin + SIZE, margin : margin + SIZE]
        vv, vh = around.vv.copy(), around.vh.copy()
        vv[at], vh[at] = of.vv, of.vh
        return replace(around, vv=vv, vh=vh)

    assert PIECES.held_by(within(100, LEARNED[2])) is True
    assert PIECES.held_by(within(300, LEARNED[2])) is False  # 240 of 840 pixels a side: 8 %
    moved = chip(56)
    vv, vh = moved.vv.copy(), moved.vh.copy()
    vv[1:, 1:], vh[1:, 1:] = LEARNED[2].vv[:-1, :-1], LEARNED[2].vh[:-1, :-1]
    assert PIECES.held_by(replace(moved, vv=vv, vh=vh)) is True


@pytest.mark.parametrize(("rows", "cols"), [(70, 70), (30, 30), (39, SIZE), (1, 1)])
def test_of_an_image_too_small_for_four_points_nobody_can_tell(rows: int, cols: int) -> None:
    assert PIECES.held_by(cut(chip(88), 10, 0, rows, cols)) is None


def test_of_an_image_that_holds_too_little_nobody_can_tell() -> None:
    image = chip(88)
    valid = np.zeros(image.valid.shape, np.bool_)
    assert PIECES.held_by(replace(image, valid=valid)) is None
    valid[:, :20] = True
    assert PIECES.held_by(replace(image, valid=valid)) is None
    flat = np.full(image.vv.shape, -12.0, np.float32)
    plain = known(replace(image, vv=flat, vh=flat - 6))
    assert plain.held_by(replace(image, vv=flat, vh=flat - 6)) is not True, "a plain is like any plain"


def test_more_pixels_without_data_hide_no_piece() -> None:
    piece = cut(LEARNED[4], 10, 10, 160, 160)
    valid = piece.valid.copy()
    valid[:, :30] = False
    assert PIECES.held_by(replace(piece, valid=valid)) is True


@pytest.mark.parametrize(
    "stored",
    [
        lambda db: (10 * np.log10((10 ** (db.astype(np.float64) / 10)).astype(np.float32))).astype(np.float32),
        lambda db: np.rint(db * 100).astype(np.float32) / 100,
    ],
    ids=["power and back", "dB x 100"],
)
def test_a_piece_that_went_through_another_unit_is_seen(stored: object) -> None:
    piece = cut(LEARNED[9], 31, 8, 140, 150)
    assert callable(stored)
    assert PIECES.held_by(replace(piece, vv=stored(piece.vv), vh=stored(piece.vh))) is True


def test_pieces_of_8_bit_images_are_seen_and_what_is_like_them_by_chance_is_not() -> None:
    rough = [chip(seed, step=0.25) for seed in range(30)]
    pieces = known(*rough)
    assert all(pieces.held_by(cut(one, 50, 60, 125, 125)) is True for one in rough[:5])
    assert [pieces.held_by(chip(seed, step=0.25)) for seed in range(200, 220)] == [False] * 20


def test_a_list_that_notes_no_size_is_looked_through_for_the_usual_ones() -> None:
    whole = chip(5, 256, 256)
    pieces = known(whole, sized=False)
    assert pieces.held_by(cut(whole, 20, 40, 180, 190)) is True
    assert pieces.held_by(cut(chip(6, 256, 256), 20, 40, 180, 190)) is False
    assert pieces.held_by(cut(chip(6, 256, 256), 20, 40, 128, 128)) is None, "it may be of a chip of 512"


def test_chips_of_very_many_sizes_are_not_gone_through_and_it_is_said() -> None:
    one = SeenChip.of(ChipRecord("a"), content_of(LEARNED[0]), "training")
    many = Pieces(SeenChips(tuple(replace(one, size=(SIZE, SIZE + i)) for i in range(100))))
    assert many.held_by(chip(300)) is None
    assert many.held_by(cut(LEARNED[0], 0, 0, 100, 120)) is True


def test_a_size_is_written_and_read_and_an_older_list_keeps_its_bytes() -> None:
    sized = SeenChips((SeenChip.of(ChipRecord("a", height=3, width=4), content_of(LEARNED[0]), "training"),))
    assert parse_seen_chips(sized.to_bytes(), "chips.json") == sized
    assert sized.chips[0].size == (3, 4)
    older = SeenChips((replace(sized.chips[0], size=None),))
    assert b"size" not in older.to_bytes()
    assert parse_seen_chips(older.to_bytes(), "chips.json") == older
    for wrong in (b"[3]", b"[0, 4]", b"[3, 4, 5]", b'"3x4"', b"[3, 1e99]", b"[true, 4]", b"[3, 99999999]"):
        with pytest.raises(BundleError, match="size"):
            parse_seen_chips(sized.to_bytes().replace(b"[3, 4]", wrong), "chips.json")
