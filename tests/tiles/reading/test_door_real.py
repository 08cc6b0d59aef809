"""Real chips written in other units give the same water, or a question; never another answer in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chips import write_tiff
from door_files import Array, amplitude, power, read_files, real_chips, say_unit, whole

from model.predictors.backscatter import BackscatterPredictor
from tiles.answers import Answers
from tiles.chip import Chip
from tiles.errors import UnitError

pytestmark = pytest.mark.slow

UNITS: dict[str, Callable[[Array], Array]] = {
    "db": lambda band: band,
    "power": power,
    "amplitude": amplitude,
    "db100": lambda band: whole(np.nan_to_num(band), 100),  # NaN as 0, a fill value, as whole numbers need one
    "db10": lambda band: whole(np.nan_to_num(band), 10),
}
HYP3 = {"db": "gdunem", "power": "gpunem", "amplitude": "gaunem"}
TAGS = {"db": "dB", "power": "linear power", "amplitude": "amplitude", "db100": "dB", "db10": "dB"}


@pytest.fixture(scope="module")
def chips(real_data: Path) -> list[Chip]:
    """Every real chip with data, of all processors."""
    return real_chips(real_data)


def mask(chip: Chip) -> np.ndarray[Any, np.dtype[np.bool_]]:
    (raster,) = BackscatterPredictor().predict([chip])
    return np.asarray((raster >= 127) & (raster != 255))


def rounded(chip: Chip) -> Chip:
    """Return the chip to a tenth of a dB, which is all that dB times 10 keeps: that alone moves 0.2 % of one chip's mask."""
    return replace(chip, vv=np.round(chip.vv, 1), vh=np.round(chip.vh, 1))


def written(folder: Path, chip: Chip, unit: str, how: str) -> list[Path]:
    """Write a chip in a unit; `how` is silent, tagged, or named as HyP3 names its products."""
    code = HYP3.get(unit, "gdunem")
    stem = f"S1A_IW_20190805T132800_DVP_RTC30_G_{code}_FD6A" if how == "named" else "chip"
    paths = []
    for name, band in (("VV", chip.vv), ("VH", chip.vh)):
        path = write_tiff(folder / f"{stem}_{name}.tif", UNITS[unit](band))
        paths.append(say_unit(path, units=TAGS[unit]) if how == "tagged" else path)
    return paths


@pytest.mark.parametrize("how", ["silent", "tagged", "named"])
@pytest.mark.parametrize("unit", UNITS)
def test_the_mask_is_the_same_or_a_question_is_asked(tmp_path: Path, chips: list[Chip], unit: str, how: str) -> None:
    asked = 0
    for chip in chips:
        files = written(tmp_path, chip, unit, how)
        try:
            read = read_files(*files)
        except UnitError as error:
            assert how == "silent" and unit in ("power", "amplitude"), (chip.id, str(error))
            assert "--units power or --units amplitude" in str(error), chip.id
            asked += 1
            read = read_files(*files, answers=Answers(unit))  # type: ignore[arg-type]
        else:
            if unit != "db" and how == "silent":
                assert read.notes, (chip.id, "what was assumed is told")
        assert (read.valid == chip.valid).mean() > 0.999, chip.id
        right = mask(rounded(chip) if unit == "db10" else chip)
        assert (mask(read) == right)[chip.valid].mean() >= 0.999, chip.id
    assert asked < len(chips)
