"""Door equality: one image is one verdict, one sentence and the same bytes of probability, whichever way it comes in."""

from __future__ import annotations

import pytest

from tests.door.doors import Doors, Verdict, differences
from tests.door.inputs import IMAGES, TAKEN, TOLD
from tests.door.pairs import PAIRS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", IMAGES)
def test_every_door_says_the_same(doors: Doors, name: str) -> None:
    image = IMAGES[name]
    verdicts = doors.of(image.name, image.content(), image.said)
    assert differences(verdicts) is None
    _as_expected(verdicts["folder"], image.verdict, image.words)


@pytest.mark.parametrize("name", PAIRS)
def test_every_door_that_takes_two_files_says_the_same(doors: Doors, name: str) -> None:
    pair = PAIRS[name]
    verdicts = doors.of_files(pair.files(), pair.said)
    assert differences(verdicts) is None
    _as_expected(verdicts["folder"], pair.verdict, pair.words)


def test_there_are_images_of_every_kind() -> None:
    verdicts = [image.verdict for image in IMAGES.values()]
    refused = [verdict for verdict in verdicts if verdict not in (TAKEN, TOLD)]
    assert len(verdicts) >= 60
    assert min(verdicts.count(TAKEN), verdicts.count(TOLD), len(refused)) >= 10


def _as_expected(one: Verdict, verdict: str, words: tuple[str, ...]) -> None:
    if verdict in (TAKEN, TOLD):
        assert one.refusal is None
        assert bool(one.notes) == (verdict == TOLD), one.notes
        assert [word for word in words if word not in " ".join(one.notes)] == [], one.notes
        assert one.raster is not None and len(set(one.raster)) > 2
    else:
        assert one.refusal is not None and verdict in one.refusal, one.refusal
