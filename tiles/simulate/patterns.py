"""Patterns that landscapes are made of: fractal surfaces, field parcels, meandering channels, straight lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.ndimage

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]

PARCEL_SIDE = 64
"""Parcels repeat after this many, a power of two, either way: a property of parcels is a table of its square values."""


def fractal(
    rng: np.random.Generator, size: int, *, outer: float, slope: float, stretch: float = 1.0, along: float = 0.0
) -> FloatArray:
    """Return a random surface, float32 of shape (size, size), mean 0 and standard deviation 1.

    Gaussian noise with a power spectrum that falls as wavenumber**-`slope` below the wavelength `outer` (pixels) and is
    flat above it; natural terrain has slopes of 3 to 4 (Turcotte 1997, Fractals and Chaos in Geology). It is cut out of
    a larger surface, so that opposite edges do not match. Features are `stretch` times longer in the direction `along`
    (radians, from the columns' axis towards the rows') than across it.
    """
    side = scipy.fft.next_fast_len(int(size * 1.3), real=True)
    # White noise has a white spectrum: it is drawn there, which saves a transform.
    spectrum = rng.standard_normal((side, side // 2 + 1, 2), dtype=np.float32).view(np.complex64)[..., 0]
    ky = scipy.fft.fftfreq(side).astype(np.float32)[:, None]
    kx = scipy.fft.rfftfreq(side).astype(np.float32)[None, :]
    k_along = (kx * np.float32(np.cos(along)) + ky * np.float32(np.sin(along))) * np.float32(stretch)
    k_across = ky * np.float32(np.cos(along)) - kx * np.float32(np.sin(along))
    gain = (k_along**2 + k_across**2 + np.float32(1.0 / outer) ** 2) ** np.float32(-slope / 4)
    surface = scipy.fft.irfft2(spectrum * gain, s=(side, side))[:size, :size]
    return np.asarray((surface - surface.mean()) / surface.std(), dtype=np.float32)


def parcels(
    rng: np.random.Generator, size: int, *, length: float, width: float, angle: float, jitter: float
) -> IntArray:
    """Return the parcel index of each pixel, intp of shape (size, size), in 0 .. PARCEL_SIDE**2 - 1.

    Voronoi cells of a jittered lattice in rows of `width` pixels, cells `length` pixels long, the rows turned by `angle`
    radians. A `jitter` of 0 gives bricks, 0.5 irregular polygons.
    """
    rows, cols = np.mgrid[0:size, 0:size].astype(np.float32)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = (cols * cos + rows * sin) / np.float32(length)
    v = (rows * cos - cols * sin) / np.float32(width)
    table = (PARCEL_SIDE, PARCEL_SIDE)
    shift_u = rng.uniform(-jitter, jitter, table).astype(np.float32)
    shift_v = rng.uniform(-jitter, jitter, table).astype(np.float32)
    # A wall between rows is not in line with the next row's: each row is moved along by its own amount.
    shift_u += rng.uniform(0, 1, (1, PARCEL_SIDE)).astype(np.float32)
    cell_u, cell_v = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    u -= cell_u
    v -= cell_v
    flat_u, flat_v = shift_u.ravel(), shift_v.ravel()
    longer = np.float32(length / width)
    nearest = np.full((size, size), np.inf, dtype=np.float32)
    index = np.zeros((size, size), dtype=np.int32)
    for step_v in (-1, 0, 1):
        row = (cell_v + step_v) & (PARCEL_SIDE - 1)
        for step_u in (-2, -1, 0, 1):
            here = ((cell_u + step_u) & (PARCEL_SIDE - 1)) * PARCEL_SIDE + row
            du = flat_u[here] + (np.float32(step_u + 0.5) - u)
            dv = flat_v[here] + (np.float32(step_v + 0.5) - v)
            distance = du * du * longer + dv * dv
            closer = distance < nearest
            np.copyto(nearest, distance, where=closer)
            np.copyto(index, here, where=closer)
    return index.astype(np.intp)


def of_parcel(values: npt.NDArray[np.floating], index: IntArray) -> FloatArray:
    """Spread a table of PARCEL_SIDE**2 values over the pixels of their parcels."""
    return np.asarray(values.astype(np.float32)[index], dtype=np.float32)


def meander(
    rng: np.random.Generator, size: int, *, wavelength: float, bend: float, direction: float, offset: float = 0.0
) -> npt.NDArray[np.float64]:
    """Return points (row, column) of a channel's centre line through a square of `size` pixels, one pixel apart.

    A sine-generated curve (Langbein and Leopold 1966, USGS Professional Paper 422-H): its direction swings about
    `direction` by `bend` radians (1.9 makes tight loops) over `wavelength` pixels along the channel, with a phase that
    drifts so that no two bends are alike. It passes the centre at `offset` pixels to its side.
    """
    steps = int(size * 3.2)
    s = np.arange(steps, dtype=np.float64)
    drift = scipy.ndimage.gaussian_filter1d(rng.standard_normal(steps), wavelength * 0.35, mode="nearest")
    drift *= 1.1 / max(float(drift.std()), 1e-9)
    swing = bend * (1.0 + 0.35 * np.sin(2 * np.pi * s / (wavelength * rng.uniform(2.3, 3.7)) + rng.uniform(0, 6.28)))
    heading = direction + swing * np.sin(2 * np.pi * s / wavelength + drift + rng.uniform(0, 6.28))
    points = np.column_stack([np.cumsum(np.sin(heading)), np.cumsum(np.cos(heading))])
    points -= points[steps // 2]
    across = np.array([np.cos(direction), -np.sin(direction)])
    return np.asarray(points + size / 2 + offset * across)


def distance_to(lines: list[npt.NDArray[np.float64]], size: int) -> tuple[FloatArray, IntArray]:
    """Return each pixel's distance in pixels to the nearest line, and which line that is.

    Lines a little outside the square count, so that a channel does not end where the picture does.

    Returns:
        float32 and intp arrays of shape (size, size).
    """
    margin = 48
    side = size + 2 * margin
    owner = np.full((side, side), -1, dtype=np.intp)
    for number, points in enumerate(lines):
        rows, cols = np.round(points).astype(int).T + margin
        inside = (rows >= 0) & (rows < side) & (cols >= 0) & (cols < side)
        owner[rows[inside], cols[inside]] = number
    if (owner < 0).all():
        return np.full((size, size), np.float32(4 * size)), np.zeros((size, size), dtype=np.intp)
    distance, nearest = scipy.ndimage.distance_transform_edt(owner < 0, return_indices=True)
    cut = np.s_[margin : margin + size, margin : margin + size]
    return distance[cut].astype(np.float32), owner[nearest[0][cut], nearest[1][cut]]


def distance_to_straight(size: int, through: tuple[float, float], angle: float) -> FloatArray:
    """Return each pixel's signed distance in pixels to an endless straight line through (row, column) at `angle` radians."""
    rows, cols = np.mgrid[0:size, 0:size].astype(np.float32)
    return np.asarray((rows - through[0]) * np.cos(angle) - (cols - through[1]) * np.sin(angle), dtype=np.float32)


def without_specks(mask: BoolArray, smallest: int) -> BoolArray:
    """Return `mask` without connected patches of fewer than `smallest` pixels."""
    patches, _ = scipy.ndimage.label(mask)
    sizes = np.bincount(patches.ravel())
    keep = sizes >= smallest
    keep[0] = False
    return np.asarray(keep[patches], dtype=np.bool_)


def lowest(surface: FloatArray, share: float) -> BoolArray:
    """Return where a surface lies below the level that floods `share` of it."""
    if share <= 0:
        return np.zeros(surface.shape, dtype=np.bool_)
    return np.asarray(surface < np.quantile(surface, min(share, 1.0)), dtype=np.bool_)
