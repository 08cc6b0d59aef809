"""Views, padding and windows: whatever is predicted through them comes back to its own pixel."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.predictors.views import D4, View, average_over_views, pad_to_multiple, predict_in_windows, spread


def image_of(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((2, height, width), dtype=np.float32)


def first_channel(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [image[0].copy() for image in images]


def lopsided(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """A predictor that depends on direction and place as much as one can."""
    answers = []
    for image in images:
        height, width = image.shape[-2:]
        ramp = np.linspace(0, 1, height)[:, None] * np.linspace(0.3, 0.9, width)[None, :]
        answers.append((0.5 * image[0] * ramp + 0.5 * np.roll(image[1], 3, axis=1) ** 2).astype(np.float32))
    return answers


def test_the_eight_views_differ_and_each_is_undone() -> None:
    image = image_of(3, 5)
    seen = {view.apply(image).tobytes() for view in D4}
    assert len(seen) == 8
    assert all(np.array_equal(view.undo(view.apply(image)), image) for view in D4)


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_the_average_over_all_views_is_equivariant_to_the_last_bit(height: int, width: int, seed: int) -> None:
    image = image_of(height, width, seed)
    (plain,) = average_over_views(lopsided, [image])
    for view in D4:
        (turned,) = average_over_views(lopsided, [view.apply(image)])
        assert np.array_equal(turned, view.apply(plain))


def test_the_average_over_views_is_the_mean_of_the_answers_turned_back() -> None:
    image = image_of(6, 4)
    expected = np.mean([view.undo(lopsided([view.apply(image)])[0]) for view in D4], axis=0)
    assert np.abs(average_over_views(lopsided, [image])[0] - expected).max() < 1e-6


def test_what_is_no_number_stays_so_in_the_average() -> None:
    image = image_of(4, 4)
    image[0, 1, 2] = np.nan
    (answer,) = average_over_views(first_channel, [image])
    assert np.argwhere(np.isnan(answer)).tolist() == [[1, 2]]


@settings(deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([8, 32]))
def test_padding_makes_multiples_around_the_image(height: int, width: int, multiple: int) -> None:
    image = image_of(height, width)
    padded, (rows, columns) = pad_to_multiple(image, multiple)
    assert padded.shape[-2] % multiple == 0
    assert padded.shape[-1] % multiple == 0
    assert padded.shape[-2] - height < multiple
    assert np.array_equal(padded[:, rows, columns], image)
    assert np.isin(padded, image).all()


@settings(deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(8, 40), st.data())
def test_windows_give_every_pixel_its_own_answer(height: int, width: int, window: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, window // 2))
    image = image_of(height, width)
    sizes = []

    def watch(images: Sequence[np.ndarray]) -> list[np.ndarray]:
        sizes.append(images[0].shape[-2:])
        return first_channel(images)

    (answer,) = predict_in_windows(watch, [image], window, overlap)
    assert np.allclose(answer, image[0], atol=1e-5)
    ((tall, wide),) = set(sizes)
    assert tall <= min(height, window) and wide <= min(width, window)


def test_windows_are_blended_without_a_seam() -> None:
    levels = itertools.cycle([0.0, 1.0])

    def flickering(images: Sequence[np.ndarray]) -> list[np.ndarray]:
        level = next(levels)
        return [np.full(image.shape[-2:], level, np.float32) for image in images]

    (answer,) = predict_in_windows(flickering, [image_of(64, 160)], 64, 16)
    assert answer.min() == 0.0
    assert answer.max() == 1.0
    assert np.abs(np.diff(answer, axis=1)).max() < 0.1


@pytest.mark.parametrize("view", D4)
def test_a_view_of_a_raster_without_channels_is_the_same_view(view: View) -> None:
    image = image_of(3, 5)
    assert np.array_equal(view.apply(image[1]), view.apply(image)[1])


@given(st.integers(1, 40_000), st.integers(160, 1500), st.integers(8, 90))
def test_windows_begin_where_a_network_halves_the_whole_image(length: int, window: int, overlap: int) -> None:
    begins, size = spread(length, window, overlap)
    assert begins[0] == 0 and begins[-1] + size == length and size <= window
    assert all(begin % 32 == 0 for begin in begins)
    assert len(begins) == 1 or size % 32 == length % 32
    assert all(0 < other - one <= size - overlap for one, other in itertools.pairwise(begins))


@given(st.integers(1, 500), st.integers(2, 90), st.data())
def test_small_windows_cover_a_side_too(length: int, window: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(1, window - 1))
    begins, size = spread(length, window, overlap)
    assert begins[0] == 0 and begins[-1] + size == length and size <= window
    assert all(0 < other - one <= size - overlap for one, other in itertools.pairwise(begins))
