"""Random changes of a good GeoTIFF: no door crashes, none disagrees, and what spoils the answer is never taken silently."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from rasterio.errors import RasterioError

from model.inference.ahead import load_chip
from model.predictors.backscatter import BackscatterPredictor
from model.wire import TIFF, decode_images
from tests.door.doors import FILE, Doors, differences
from tests.door.mutations import Draft, mutated
from tests.hostile import share
from tests.tiles.chips import backscatter, lake
from tiles.answers import Answers, bands_of, for_requests, units_of
from tiles.catalog.catalog import open_catalog
from tiles.chip import Chip
from tiles.errors import ChipError, RequestError

pytestmark = pytest.mark.slow

MUTATIONS = int(os.environ.get("FLOODSCOPE_DOOR_MUTATIONS", share(150, 12_000)))
_ALL_DOORS_EVERY = 25
_WORSE = 0.02


@dataclass(frozen=True)
class Seen:
    """What one door made of a file: a refusal, or a chip."""

    refusal: str | None
    chip: Chip | None

    def same_as(self, other: Seen) -> bool:
        if self.chip is None or other.chip is None:
            return self.refusal == other.refusal
        one, two = self.chip, other.chip
        notes = tuple(map(for_requests, one.notes))
        same = all(np.array_equal(a, b, equal_nan=True) for a, b in ((one.vv, two.vv), (one.vh, two.vh)))
        return same and np.array_equal(one.valid, two.valid) and notes == tuple(map(for_requests, two.notes))


def _iou(chip: Chip) -> float:
    """Return the baseline's IoU against the lake where the chip has data; 1 where neither sees water."""
    if chip.valid.shape != lake().shape:
        return 1.0  # a damaged header says another width or height: nobody can know
    raster = BackscatterPredictor().predict([chip])[0]
    found, true = (raster >= 127) & chip.valid, lake() & chip.valid
    either = np.count_nonzero(found | true)
    return np.count_nonzero(found & true) / either if either else 1.0


def _through_a_folder(folder: Path, draft: Draft, content: bytes) -> Seen:
    answers = Answers(units_of(draft.said.get("units")), bands_of(draft.said.get("bands")))
    path = folder / draft.name
    path.write_bytes(content)
    try:
        (record,) = open_catalog([folder], answers).records()
        return Seen(None, load_chip(record).chip)
    except ChipError as error:
        return Seen(for_requests(_neutral(str(error).replace(str(path), FILE))), None)
    finally:
        path.unlink()


def _through_a_body(draft: Draft, content: bytes) -> Seen:
    said = "".join(f"; {key}={value}" for key, value in draft.said.items())
    try:
        return Seen(None, decode_images(content, f'{TIFF}{said}; name="{draft.name}"')[0])
    except RequestError as error:
        return Seen(_neutral(str(error).replace("the GeoTIFF in the body", FILE)), None)


# One band alone: a folder asks for the file that belongs beside it, a body is one file and has nothing beside it.
_ALONE = re.compile(r"FILE has (no V[VH] partner: put a file|one band, a chip needs VV and VH: give) .*")


def _neutral(sentence: str) -> str:
    sentence = _ALONE.sub("FILE has one band alone", sentence)
    found = sentence.find(" has no valid pixel")
    return "Chip" + sentence[found:] if sentence.startswith("Chip ") and found > 0 else sentence


def _written(seed: int) -> tuple[Draft, bytes] | None:
    """Return a mutated file, or None where GDAL itself writes no such file."""
    draft = mutated(seed)
    try:
        return draft, draft.written()
    except (RasterioError, ValueError, TypeError, OverflowError):
        return None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # GDAL's words on bytes that are no text
@pytest.mark.timeout(3600)
def test_no_mutation_crashes_divides_or_deceives(doors: Doors, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    faults: list[str] = []
    seed = 0
    while counts["files"] < MUTATIONS:
        seed += 1
        made = _written(seed)
        if made is None:
            continue
        draft, content = made
        counts["files"] += 1
        what = f"{seed} {'+'.join(draft.story)}"
        folder, body = _through_a_folder(tmp_path, draft, content), _through_a_body(draft, content)
        if not folder.same_as(body):
            faults.append(f"{what}: {folder.refusal or 'taken'} | {body.refusal or 'taken'}")
        if folder.chip is None:
            counts["refused"] += 1
        else:
            told = bool(folder.chip.notes)
            counts["taken and told" if told else "taken silently"] += 1
            iou = _iou(folder.chip)
            if iou < 1 - _WORSE:
                counts["worse and told" if told else "worse silently"] += 1
                if not told:
                    faults.append(f"{what}: IoU {iou:.3f}, silently")
        if counts["files"] % _ALL_DOORS_EVERY == 0 and (
            found := differences(doors.of(draft.name, content, draft.said))
        ):
            faults.append(f"{what}: {found}")
    print(dict(counts), f"{seed} seeds")
    assert faults == []
    assert min(counts["refused"], counts["taken and told"], counts["taken silently"]) > MUTATIONS / 20


def test_the_good_file_is_read_exactly() -> None:
    content = Draft(list(backscatter()), ["VV", "VH"]).written()
    assert _iou(decode_images(content, TIFF)[0]) == pytest.approx(1.0)
