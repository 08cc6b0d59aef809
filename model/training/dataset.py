"""From chips to batches: decoded chips within a byte budget, seeded crops of them, and an order that a restart repeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from model.bundle.manifest import Channel
from model.bundle.normalisation import MinMax, Normalisation, ZScore
from model.training.augment import augment, random_crop
from model.training.recipe import Recipe
from model.training.split import Split, group_of
from model.training.teacher import CERTAIN, Teacher
from tiles.cache import BoundedCache
from tiles.chip import UNKNOWN, ChipRecord
from tiles.content import Content, content_of
from tiles.errors import BandError, ChipError, UsageError
from tiles.reading.door import read_chip

# Decoded chips kept in memory: all 446 of Sen1Floods11 take 1.1 GB.
_CACHE_BYTES = 2 << 30

# Water shares that are balanced against each other: none, little, much.
_WATER_BINS = (0.0, 0.05, 0.3)


@dataclass(frozen=True)
class ChipTensors:
    """A chip as training sees it.

    Attributes:
        image: float32 (C, H, W), each channel in its own unit, NaN where the chip has no data.
        label: uint8 (H, W), 0 dry, `certain` water, 255 where the truth is not known or the chip has no data; between them
            where a teacher tells it.
        content: what tells the chip from others (model.seen), whatever the channels.
        notes: what the door has to tell of its files.
        certain: the label of water: 1, or 254 where a teacher tells it.
    """

    image: Tensor
    label: Tensor
    content: Content
    notes: tuple[str, ...] = ()
    certain: int = 1

    @property
    def bytes(self) -> int:
        """Return the memory of both, bytes."""
        return self.image.nbytes + self.label.nbytes


def read_tensors(record: ChipRecord, channels: Sequence[Channel], teacher: Teacher | None = None) -> ChipTensors:
    """Read a labelled chip; with a teacher it may have no label.

    Raises:
        ChipError: an image, its label or a channel cannot be used; says which file.
    """
    chip = read_chip(record)
    content = content_of(chip)
    told = chip.label if teacher is None else teacher.target(chip, content)
    if told is None:
        raise ChipError(f"{record.id}: {chip.label_problem or 'there is no label'}, so it cannot be trained on.")
    planes = []
    for name in channels:
        plane: npt.NDArray[np.float32] | None = getattr(chip, name, None)
        if plane is None:
            raise BandError(
                f"{record.id} has no {name.replace('_', ' ')}: leave that channel out of the recipe, or the chip."
            )
        planes.append(plane)
    image = np.stack(planes).astype(np.float32)
    image[:, ~chip.valid] = np.nan
    label = np.where(chip.valid, told, np.uint8(UNKNOWN)).astype(np.uint8)
    certain = 1 if teacher is None else CERTAIN
    return ChipTensors(torch.from_numpy(image), torch.from_numpy(label), content, chip.notes, certain)


class ChipCache:
    """Decoded chips, as many as fit into a byte budget (`BoundedCache`). Safe from several threads.

    Attributes:
        notes: what the door has to tell of the chips that were read, by id.
        teacher: tells what is learned in place of labels, or None.
    """

    def __init__(
        self, channels: Sequence[Channel], budget: int = _CACHE_BYTES, *, teacher: Teacher | None = None
    ) -> None:
        self._channels = tuple(channels)
        self.teacher = teacher
        self._budget = budget
        self._held: BoundedCache[ChipTensors] = BoundedCache(budget, lambda tensors: tensors.bytes)
        self._contents: dict[str, Content] = {}
        self.notes: dict[str, tuple[str, ...]] = {}

    def get(self, record: ChipRecord) -> ChipTensors:
        """Return a chip, read now or before.

        Raises:
            ChipError: as `read_tensors`.
        """
        return self._held.get(record.id, lambda: self._read(record))

    def _read(self, record: ChipRecord) -> ChipTensors:
        tensors = read_tensors(record, self._channels, self.teacher)
        self._contents[record.id], self.notes[record.id] = tensors.content, tensors.notes
        return tensors

    def content(self, record: ChipRecord) -> Content:
        """Return a chip's content; that of a chip that was read before is known.

        Raises:
            ChipError: as `read_tensors`.
        """
        return self._contents.get(record.id) or self.get(record).content

    def __getstate__(self) -> dict[str, object]:
        """Leave the chips behind when a worker process gets a copy: each reads its own."""
        return {"_channels": self._channels, "_budget": self._budget, "teacher": self.teacher}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(state["_channels"], state["_budget"], teacher=state["teacher"])  # type: ignore[misc]


@dataclass(frozen=True)
class ChipSummary:
    """What a first pass over a chip says: pixel counts, and the sums that means and spreads follow from.

    Attributes:
        water, dry: numbers of known water and dry pixels with data.
        count, total, squares: of the finite values of each channel: how many, their sum, the sum of their squares; each
            float64 (C,).
    """

    water: int
    dry: int
    count: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]


def summarise(tensors: ChipTensors) -> ChipSummary:
    """Return a chip's counts and sums. A channel that is not finite at a valid pixel, as elevation may be, adds nothing."""
    values = tensors.image.double()
    there = torch.isfinite(values)
    values = torch.where(there, values, torch.zeros((), dtype=torch.float64))
    return ChipSummary(
        water=int(((tensors.label != UNKNOWN) & (2 * tensors.label.int() > tensors.certain)).sum()),
        dry=int((2 * tensors.label.int() <= tensors.certain).sum()),
        count=there.sum((1, 2)).double().numpy(),
        total=values.sum((1, 2)).numpy(),
        squares=(values**2).sum((1, 2)).numpy(),
    )


def usable_for_training(
    records: Sequence[ChipRecord], cache: ChipCache
) -> tuple[list[tuple[ChipRecord, ChipSummary]], dict[str, str]]:
    """Return the chips that teach something, each with its summary, and why the others do not."""
    good: list[tuple[ChipRecord, ChipSummary]] = []
    refused: dict[str, str] = {}
    for record in records:
        try:
            summary = summarise(cache.get(record))
        except ChipError as error:
            refused[record.id] = str(error)
            continue
        if summary.water + summary.dry == 0:
            refused[record.id] = "no pixel with data has a known label"
        else:
            good.append((record, summary))
    return good, refused


def require_both_classes(chips: Sequence[tuple[ChipRecord, ChipSummary]], what: str) -> None:
    """Raise UsageError unless there are known water and known dry pixels."""
    if not chips:
        raise UsageError(f"No chip of the {what} has a label with a known pixel: give labelled chips.")
    water, dry = sum(s.water for _, s in chips), sum(s.dry for _, s in chips)
    if not water or not dry:
        missing = "water" if not water else "dry land"
        raise UsageError(
            f"The {len(chips)} chip(s) of the {what} hold no labelled pixel of {missing}, so nothing can be learned or judged: "
            "add chips that do, or choose another split."
        )


def fit_normalisation(recipe: Recipe, chips: Sequence[tuple[ChipRecord, ChipSummary]]) -> Normalisation:
    """Return the constants of the input channels, from the training chips alone.

    Simulated and real chips weigh in by their shares of the crops.
    """
    real = [s for r, s in chips if not r.simulated]
    simulated = [s for r, s in chips if r.simulated]
    parts = [(1.0 - recipe.simulated_share, real), (recipe.simulated_share, simulated)] if real and simulated else []
    parts = [(weight, part) for weight, part in parts if weight > 0] or [(1.0, [s for _, s in chips])]
    # A channel may be finite nowhere; it then becomes 0 throughout.
    mean, square = np.zeros(len(recipe.channels)), np.zeros(len(recipe.channels))
    for weight, part in parts:
        count = np.maximum(1.0, np.sum([s.count for s in part], axis=0))
        mean += weight * np.sum([s.total for s in part], axis=0) / count
        square += weight * np.sum([s.squares for s in part], axis=0) / count
    std = np.sqrt(np.maximum(square - mean**2, 1e-6))
    bands: dict[str, ZScore | MinMax] = {}
    for i, channel in enumerate(recipe.channels):
        centre = round(float(mean[i]), 4)
        if recipe.scaling == "minmax":
            # The capstone's bounds are those of backscatter; other channels reach three spreads to both sides.
            low, high = (
                recipe.minmax_db
                if channel in {"vv", "vh"}
                else (centre - 3 * float(std[i]), centre + 3 * float(std[i]))
            )
            bands[channel] = MinMax(round(low, 4), round(high, 4), centre)
        else:
            bands[channel] = ZScore(centre, round(float(std[i]), 4))
    return Normalisation(bands)


def normalise(image: Tensor, normalisation: Normalisation) -> Tensor:
    """Return a network's input of an image (C, H, W): scaled, and what has no data as the channel's mean."""
    out = torch.empty_like(image)
    for plane, source, band in zip(out, image, normalisation.bands.values(), strict=True):
        scaled = (source - band.offset) / band.scale
        plane.copy_(torch.where(torch.isfinite(scaled), scaled, (band.mean - band.offset) / band.scale))
    return out


def weights_of(recipe: Recipe, chips: Sequence[tuple[ChipRecord, ChipSummary]]) -> npt.NDArray[np.float64]:
    """Return the probability of each chip to be cropped next, float64, summing to 1."""
    if recipe.balance == "country":
        kinds = [(r.simulated, str(r.country)) for r, _ in chips]
    elif recipe.balance == "source":
        kinds = [(r.simulated, group_of(r, "source")) for r, _ in chips]
    elif recipe.balance == "water":
        kinds = [(r.simulated, str(np.searchsorted(_WATER_BINS, s.water / (s.water + s.dry)))) for r, s in chips]
    else:
        kinds = [(r.simulated, r.id) for r, _ in chips]
    counts = Counter(kinds)
    weights = np.array([1.0 / counts[kind] for kind in kinds])
    simulated = np.array([r.simulated for r, _ in chips])
    if simulated.any() and not simulated.all():
        weights[simulated] *= recipe.simulated_share / weights[simulated].sum()
        weights[~simulated] *= (1.0 - recipe.simulated_share) / weights[~simulated].sum()
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


class CropDataset(Dataset[tuple[Tensor, Tensor]]):
    """Random crops. The place (epoch, i) alone decides a crop, so that workers and restarts give the same ones.

    Items are (image float32 (C, S, S), normalised; label uint8 (S, S), 255 unknown or without data).
    """

    def __init__(
        self,
        chips: Sequence[tuple[ChipRecord, ChipSummary]],
        recipe: Recipe,
        normalisation: Normalisation,
        cache: ChipCache,
    ) -> None:
        self._records = [record for record, _ in chips]
        self._weights = weights_of(recipe, chips)
        self._recipe = recipe
        self._normalisation = normalisation
        self._cache = cache

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, Tensor]:
        recipe = self._recipe
        rng = np.random.default_rng((recipe.seed, *place))
        record = self._records[int(rng.choice(len(self._records), p=self._weights))]
        tensors = self._cache.get(record)
        known = recipe.least_known
        crop = random_crop(tensors.image, tensors.label, recipe.crop, recipe.augmentation.zoom, known, rng)
        crop = augment(crop, recipe.augmentation, rng, sum(c in {"vv", "vh"} for c in recipe.channels))
        return normalise(crop.image, self._normalisation), crop.label

    def chip_of(self, place: tuple[int, int]) -> str:
        """Return the id of the chip that a place's crop is of, to name it in an error."""
        rng = np.random.default_rng((self._recipe.seed, *place))
        return self._records[int(rng.choice(len(self._records), p=self._weights))].id


def usable_split(
    split: Split, cache: ChipCache
) -> tuple[list[tuple[ChipRecord, ChipSummary]], list[tuple[ChipRecord, ChipSummary]], dict[str, str]]:
    """Return a split's chips that can teach, those that can judge, and why others can do neither, by id.

    Raises:
        UsageError: either set holds one class alone; a validation that is empty from the start may.
    """
    train, refused = usable_for_training(split.train, cache)
    judges, refused_too = usable_for_training(split.validation, cache)
    require_both_classes(train, "training set")
    if split.validation:
        require_both_classes(judges, "validation set")
    return train, judges, {**refused, **refused_too}


class EpochSampler(Sampler[tuple[int, int]]):
    """Gives the places of an epoch. Of several processes each takes its own part, without a word between them.

    Args:
        length: crops an epoch, over all processes.
        world: how many processes there are. Which one this is, torch's process group knows once there is one.
        rank: for tests, which have no such group.
    """

    def __init__(self, length: int, world: int = 1, rank: int | None = None) -> None:
        self._length, self._world, self._given = length, world, rank
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Begin another epoch; Lightning calls it."""
        self._epoch = epoch

    @property
    def _rank(self) -> int:
        if self._given is not None:
            return self._given
        group = torch.distributed
        return group.get_rank() if group.is_available() and group.is_initialized() else 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((self._epoch, i) for i in range(self._rank, self._length, self._world))

    def __len__(self) -> int:
        return len(range(self._rank, self._length, self._world))


class WholeChips(Dataset[tuple[Tensor, Tensor]]):
    """Whole chips in order, for validation: (image float32 (C, H, W), normalised; label uint8 (H, W))."""

    def __init__(self, records: Sequence[ChipRecord], normalisation: Normalisation, cache: ChipCache) -> None:
        self._records = list(records)
        self._normalisation = normalisation
        self._cache = cache

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        tensors = self._cache.get(self._records[index])
        return normalise(tensors.image, self._normalisation), tensors.label
