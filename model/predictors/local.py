"""A bundle's networks, run here: on CUDA where there is one, else on MPS, else on the CPU."""

from __future__ import annotations

import copy
import logging
import os
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model.bundle.adaptive import OfAll, of_all, water_log_odds
from model.bundle.card import card_text
from model.bundle.manifest import Bundle, read_bundle
from model.bundle.regions import EIGHT, Regions, enough, grown, moved
from model.predictors.heap import kept
from model.predictors.protocol import Parameter, by_shape, quantise
from model.predictors.views import FloatArray, Windowed, average_over_views, pad_to_multiple, predict_in_windows
from tiles.chip import Chip
from tiles.errors import BandError, ModelError, PredictionError
from tiles.probability import NODATA, PROBABILITY_MAX

if TYPE_CHECKING:
    import torch

    from model.bundle.network import Ensemble

_LOG = logging.getLogger(__name__)

WINDOW, OF_LARGER = 1024, 768
"""Longest side that is predicted at once, pixels; longer ones in overlapping windows of OF_LARGER, beside the memory of
which stands that of the image."""
_OVERLAP = 128
_MIN_WINDOW = 256


class LocalPredictor:
    """Predicts with a model bundle. Made in milliseconds: torch and the weights are loaded by `load` or the first predict.

    On the CPU one image is predicted at a time, which there is as quick as a batch and makes a chip's answer independent
    of its neighbours; torch is set to all cores but one for the whole process, so that the page stays alive meanwhile.
    On CUDA, batches run under bfloat16 (float16 before Ampere) autocast; where memory runs out, the batch, then the
    window, is halved.

    Args:
        path: a bundle: folder or .tar.gz.
        device: "cpu", "cuda", "cuda:1" or "mps"; None takes the best that works.
        batch_size: images at once; None takes 1 on the CPU, 4 elsewhere.
        threads: torch's threads on the CPU; None takes all cores but one.

    Raises:
        BundleError: the bundle's model.json is missing, altered or not understood. The weights are checked by `load`.
    """

    needs_loading = True
    place: str | None = None
    note: str | None = None

    def __init__(
        self,
        path: str | Path,
        device: str | None = None,
        *,
        batch_size: int | None = None,
        threads: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.bundle: Bundle = read_bundle(self.path, verify=False)
        self.name = self.bundle.name
        self.model_id = self.bundle.id
        self.parameters: dict[str, Parameter] = {}
        self.threshold = self.bundle.threshold
        self.window = WINDOW
        self.batch_size = batch_size or 1
        self._chooses_batch = batch_size is None
        self._threads = threads
        self._wanted = device
        self._lock = threading.Lock()
        self._loaded: tuple[Ensemble, torch.device] | None = None
        self._image: OfAll | None = None
        self._by_pixel = False

    def of_image(self, parts: Sequence[Chip]) -> LocalPredictor:
        """Return one with the same networks in which the adaptive rule, where it is a member, takes its threshold from these."""
        if not self._ready()[0].has_rule:
            return self
        same = copy.copy(self)
        same._image = of_all([(part.vh, part.valid) for part in parts])
        return same

    def rule_over(self, chip: Chip) -> FloatArray | None:
        """Return what the adaptive rule says of an image, or of a window of one after `of_image`; None where it is no member."""
        return water_log_odds(chip.vh, chip.valid, self._image) if self._ready()[0].has_rule else None

    def by_pixel(self) -> LocalPredictor:
        """Return one with the same networks that looks at no regions of what they say."""
        same = copy.copy(self)
        same._by_pixel = True
        return same

    def serve_as(self, bundle: Bundle) -> None:
        """Take a changed bundle of the same weights, as a server's settings have it: before it is loaded."""
        self.bundle = bundle
        self.model_id = bundle.id
        self.threshold = bundle.threshold

    @property
    def device(self) -> str:
        """Where it runs, as "cuda: NVIDIA H100 80GB HBM3"; before it is loaded, what was asked for, or "not loaded"."""
        if self._loaded is None:
            return self._wanted or "not loaded"
        return _device_name(self._loaded[1])

    def card(self) -> str:
        """Return the card of its bundle, as Markdown; no weights are loaded."""
        return card_text(self.bundle, has_plot=False)

    def load(self) -> None:
        """Import torch, read and verify the weights, and move them to the device. Safe from any thread, and again.

        Raises:
            BundleError: the weights are missing, altered or of another network.
            ModelError: the device that was asked for does not work.
        """
        self._ready()

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        """Return one uint8 (H, W) probability raster a chip; all 255 where a chip has no valid pixel.

        Chips of one shape are predicted together, `batch_size` at a time.

        Raises:
            BundleError, ModelError: as `load`; or not even one small window fits into the device's memory.
            BandError: a chip lacks a channel that the bundle needs.
            PredictionError: the network failed, or gave no probability for a valid pixel.
        """
        for chip in chips:
            if chip.valid.any():
                self._require_channels(chip)
        rasters = [np.full(chip.valid.shape, NODATA, dtype=np.uint8) for chip in chips]
        groups = by_shape(chips)
        if not groups:
            return rasters
        self._ready()
        for places in groups:
            step = self.batch_size
            for start in range(0, len(places), step):
                part = places[start : start + step]
                answers = self._probabilities([chips[i] for i in part])
                for i, probability in zip(part, answers, strict=True):
                    rasters[i] = quantise(self._of_regions(probability, chips[i]), chips[i].valid)
        return rasters

    def _of_regions(self, probability: FloatArray, chip: Chip) -> FloatArray:
        if self.bundle.regions is None or self._by_pixel:
            return probability
        return grown(np.where(chip.valid, probability, np.float32(np.nan)), self.bundle.regions)

    def _require_channels(self, chip: Chip) -> None:
        missing = [c.replace("_", " ") for c in self.bundle.channels if getattr(chip, c) is None]
        if missing:
            why = f" {chip.ancillary_problem}" if chip.ancillary_problem else ""
            raise BandError(
                f"Chip {chip.id} has no {' and no '.join(missing)}, which the model {self.name} needs: put the files beside "
                f"its images, or use a model of VV and VH alone.{why}"
            )

    def _ready(self) -> tuple[Ensemble, torch.device]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[Ensemble, torch.device]:
        import torch  # noqa: PLC0415 - seconds, and only now

        from model.bundle.network import load_ensemble  # noqa: PLC0415
        from model.predictors.folding import fold_batch_norms, fold_doublings  # noqa: PLC0415

        ensemble = load_ensemble(self.path, self.bundle)
        device = _choose_device(self._wanted)
        if device.type == "cpu":
            torch.set_num_threads(self._threads or default_threads())
            channels = len(self.bundle.channels)
            ensemble.networks = torch.nn.ModuleList(
                fold_doublings(fold_batch_norms(network, channels), channels) for network in ensemble.networks
            )
        if self._chooses_batch:
            self.batch_size = 1 if device.type == "cpu" else 4
        try:
            # to() on a module is typed without memory_format; it lays the weights out as the convolutions read them.
            ensemble = ensemble.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        except RuntimeError as error:
            raise ModelError(f"{self.name} does not fit on {_device_name(device)}: run it on the cpu.") from error
        return ensemble, device

    def _probabilities(self, chips: Sequence[Chip]) -> list[FloatArray]:
        import torch  # noqa: PLC0415

        asked = self._ready()[0].has_rule and any(
            self._image is not None or chip.rule_odds is not None for chip in chips
        )
        images = [_Normalised(chip, self.bundle, self._rule_of(chip) if asked else None) for chip in chips]

        def in_windows(views: Sequence[Windowed]) -> list[FloatArray]:
            window = self.window if max(views[0].shape[1:]) <= self.window else min(self.window, OF_LARGER)
            return predict_in_windows(self._run, views, window, min(_OVERLAP, window // 4))

        while True:
            try:
                with kept() if self._ready()[1].type == "cpu" else nullcontext():
                    if self.bundle.tta != "d4":
                        return in_windows(images)
                    return average_over_views(in_windows, [image.whole() for image in images])
            except torch.OutOfMemoryError as error:
                self._shrink(error)
            except (RuntimeError, AssertionError, ValueError) as error:
                names = ", ".join(chip.id for chip in chips)
                reason = str(error).strip().partition("\n")[0][:200].rstrip(".")
                raise PredictionError(f"{self.name} failed on {names} on {self.device}: {reason}.") from error

    def _rule_of(self, chip: Chip) -> FloatArray:
        return water_log_odds(chip.vh, chip.valid, self._image) if chip.rule_odds is None else chip.rule_odds

    def _shrink(self, error: Exception) -> None:
        """Halve the batch, or else the window, for now and later."""
        import torch  # noqa: PLC0415

        if self.batch_size > 1:
            self.batch_size //= 2
        elif self.window > _MIN_WINDOW:
            self.window //= 2
        else:
            raise ModelError(
                f"{self.name} does not fit into the memory of {self.device}, not even {self.window} x {self.window} pixels "
                "at a time: free memory there, or run it on the cpu."
            ) from error
        _LOG.warning("out of memory on %s: batch %s, window %s from now on", self.device, self.batch_size, self.window)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _run(self, images: Sequence[FloatArray]) -> list[FloatArray]:
        """Run the networks on images of one shape, `batch_size` at a time."""
        import torch  # noqa: PLC0415

        ensemble, device = self._ready()
        padded = [pad_to_multiple(image, ensemble.stride) for image in images]
        rows, columns = padded[0][1]
        autocast = _autocast_dtype(device)
        answers: list[FloatArray] = []
        step = self.batch_size
        for start in range(0, len(padded), step):
            batch = np.stack([image for image, _ in padded[start : start + step]])
            x = torch.from_numpy(batch).to(device).contiguous(memory_format=torch.channels_last)
            with (
                torch.inference_mode(),
                torch.autocast(device.type, dtype=autocast or torch.bfloat16, enabled=autocast is not None),
            ):
                channels = len(self.bundle.channels)
                rule = x[:, channels:] if x.shape[1] > channels else None
                p = ensemble(x[:, :channels], rule).float().cpu().numpy()
            answers.extend(p[:, rows, columns])
        return answers


class RegionTable:
    """What a bundle's regions make of the values of a raster (contract 2) that `by_pixel` has made.

    Attributes:
        grows, seeds: bool (256,), whether a pixel of a value is in a region, and a seed of it.
    """

    def __init__(self, regions: Regions) -> None:
        """Make it of a bundle's regions."""
        there = np.arange(NODATA + 1) != NODATA
        p = np.where(there, np.arange(NODATA + 1) / np.float32(PROBABILITY_MAX), np.float32(np.nan)).astype(np.float32)
        self.grows, self.seeds = p >= regions.grow, p >= regions.seed
        land, water = np.zeros(p.shape, bool), np.ones(p.shape, bool)
        self._values = np.stack([quantise(moved(p, which, regions), there) for which in (land, water)])

    def labelled(self, raster: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int32], int]:
        """Return the regions of a raster, int32 (H, W), each by a number from 1 on, and how many there are; 0 is in none."""
        from scipy.ndimage import label  # noqa: PLC0415

        parts, count = label(self.grows[raster], EIGHT)
        return parts, int(count)

    def stays(self, seeds: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which regions are water, by the number of their seeds and of their pixels, (N,) each."""
        return enough(seeds, sizes)

    def of(self, raster: npt.NDArray[np.uint8], water: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Return a raster, uint8 (H, W), with the line between what is water and what is not at one half."""
        found: npt.NDArray[np.uint8] = self._values[water.astype(np.intp), raster]
        return found


class _Normalised:
    """A network's input, float32 (C, H, W), made window by window: no second copy of a large image stands beside it.

    What the adaptive rule said of all of an image goes with it through views and windows, as a last channel.
    """

    def __init__(self, chip: Chip, bundle: Bundle, rule: FloatArray | None) -> None:
        self._chip, self._bundle, self._rule = chip, bundle, rule
        self.shape = (len(bundle.channels) + (rule is not None), *chip.valid.shape)

    def __getitem__(self, part: tuple[slice, slice, slice]) -> FloatArray:
        where = part[1:]
        channels: dict[str, FloatArray] = {name: getattr(self._chip, name)[where] for name in self._bundle.channels}
        image = self._bundle.normalisation.apply(channels, self._chip.valid[where])
        return image if self._rule is None else np.concatenate([image, self._rule[where][None]])

    def whole(self) -> FloatArray:
        """Return all of it."""
        every = slice(None)
        return self[every, every, every]


def usable_cores() -> int:
    """Return the cores this process may use; macOS does not tell, and gives all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_threads() -> int:
    """Return torch's threads on the CPU: all cores but one."""
    return max(1, usable_cores() - 1)


def _choose_device(wanted: str | None) -> torch.device:
    import torch  # noqa: PLC0415

    if wanted is not None:
        try:
            device = torch.device(wanted)
            torch.zeros(1, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            reason = str(error).strip().partition("\n")[0][:200].rstrip(".")
            raise ModelError(
                f"The device {wanted!r} does not work here ({reason}): give cpu, or none to choose."
            ) from error
        return device
    for kind, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())):
        if not there:
            continue
        try:
            torch.zeros(1, device=kind)
        except RuntimeError as error:  # a driver that is too old, a card that others hold
            _LOG.warning("%s is there but does not work (%s): running on the next best device", kind, error)
        else:
            return torch.device(kind)
    return torch.device("cpu")


def _device_name(device: torch.device) -> str:
    import torch  # noqa: PLC0415

    return f"cuda: {torch.cuda.get_device_name(device)}" if device.type == "cuda" else device.type


def _autocast_dtype(device: torch.device) -> torch.dtype | None:
    import torch  # noqa: PLC0415

    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
