"""Statistics of a chip are plain counts of its pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from served import make_record

from tiles.drawing.statistics import BINS, RANGES, ChipStatistics, statistics_of
from tiles.reading.door import read_chip


def test_pixels_are_counted_by_class_and_without_data(tmp_path: Path) -> None:
    chip = read_chip(make_record(tmp_path))
    assert chip.label is not None
    found = statistics_of(chip)
    classes = [int(((chip.label == value) & chip.valid).sum()) for value in (0, 1, 255)]
    assert found.pixels.tolist() == [*classes, int((~chip.valid).sum())]
    assert found.histograms.sum(axis=2).tolist() == [classes] * 3


def test_histograms_are_those_of_numpy_with_the_outliers_at_the_ends(tmp_path: Path) -> None:
    chip = read_chip(make_record(tmp_path))
    assert chip.label is not None
    found = statistics_of(chip)
    for number, (name, band) in enumerate([("vv", chip.vv), ("vh", chip.vh), ("ratio", chip.vv - chip.vh)]):
        low, high = RANGES[name]
        width = (high - low) / BINS
        for kind, value in enumerate((0, 1, 255)):
            values = np.clip(band[chip.valid & (chip.label == value)], low + width / 4, high - width / 4)
            counts, _ = np.histogram(values, BINS, (low, high))
            # A value on an edge may fall to either side in float32.
            assert np.abs(np.cumsum(counts - found.histograms[number, kind])).max() <= 2


def test_a_chip_without_a_label_is_all_unknown_and_sums_add_up(tmp_path: Path) -> None:
    one = statistics_of(read_chip(make_record(tmp_path, "a", label=False)))
    two = statistics_of(read_chip(make_record(tmp_path, "b")))
    assert one.pixels[:2].tolist() == [0, 0]
    total = ChipStatistics.zero() + one + two
    assert np.array_equal(total.histograms, one.histograms + two.histograms)
    assert np.array_equal(total.pixels, one.pixels + two.pixels)
