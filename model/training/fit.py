"""Fits one network: data, Lightning's trainer, checkpoints, logs, and a restart that ends with the same weights."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import lightning as L  # noqa: N812
import torch
from lightning.pytorch.callbacks import (
    EarlyStopping,
    ModelCheckpoint,
    RichProgressBar,
    WeightAveraging,
)
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessRaisedException
from torch.utils.data import DataLoader

from model.bundle.manifest import Bundle, read_bundle, read_states
from model.bundle.network import build_network
from model.bundle.normalisation import Normalisation
from model.predictors import heap
from model.training.dataset import (
    ChipCache,
    ChipSummary,
    CropDataset,
    EpochSampler,
    WholeChips,
    fit_normalisation,
    usable_split,
)
from model.training.loss import build_loss
from model.training.module import VALIDATION_IOU, StopAtNonsense, WaterModule
from model.training.plan import plan_of, take_folder
from model.training.recipe import Recipe
from model.training.split import Split
from model.training.teacher import CERTAIN
from tiles.chip import ChipRecord
from tiles.errors import ModelError, TrainingError, UsageError

LoggerName = Literal["csv", "tensorboard", "mlflow", "wandb"]

_LOG = logging.getLogger(__name__)
_LAST, _BEST = "last", "best"


@dataclass(frozen=True)
class Machine:
    """What a training runs on, and what it tells meanwhile. None of it changes the result on one device.

    Attributes:
        accelerator: as Lightning names it: "auto", "cpu", "cuda", "mps".
        devices: how many of them; more than one trains data-parallel, each on its part of every batch.
        workers: processes that make batches; 0 makes them in the training process.
        loggers: where losses and scores are written.
        progress: draw a progress bar on stderr, where that is a terminal.
    """

    accelerator: str = "auto"
    devices: int = 1
    workers: int = 0
    loggers: tuple[LoggerName, ...] = ("csv", "tensorboard")
    progress: bool = True


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Attributes:
        network: with the kept weights, in evaluation mode, on the CPU.
        normalisation: of its input.
        train, validation: the chips that were used.
        refused: the chips that were not, and why.
        history: one row an epoch: epoch, train_loss, validation_iou where there is validation.
        best_epoch: the epoch whose weights are kept, counted from 1.
        encoder_weights: what the encoder began with: "imagenet", or "" for random weights, also where a hub was not reached.
    """

    network: nn.Module
    normalisation: Normalisation
    train: tuple[ChipRecord, ...]
    validation: tuple[ChipRecord, ...]
    refused: Mapping[str, str]
    history: Sequence[Mapping[str, float]]
    best_epoch: int
    encoder_weights: str = ""


@dataclass
class History(L.Callback):
    """Keeps one row an epoch, and takes it along through a restart."""

    rows: list[dict[str, float]] = field(default_factory=list)
    on_epoch: Any = None

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add a row; Lightning has validated by now."""
        row: dict[str, float] = {"epoch": trainer.current_epoch + 1}
        for name in ("train_loss", VALIDATION_IOU):
            if name in trainer.callback_metrics:
                row[name] = float(trainer.callback_metrics[name])
        self.rows.append(row)
        if self.on_epoch is not None:
            self.on_epoch(row)

    def state_dict(self) -> dict[str, object]:
        """Return the rows."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the rows of before."""
        self.rows = list(state_dict["rows"])


def fit(
    recipe: Recipe,
    split: Split,
    folder: Path,
    *,
    init: Path | None = None,
    resume: bool = False,
    machine: Machine | None = None,
    on_epoch: Any = None,
    cache: ChipCache | None = None,
) -> Fitted:
    """Train a network, and return it with the weights of its best epoch; of its last one where nothing validates.

    Args:
        recipe: how.
        split: on what. An empty validation trains to the end.
        folder: of checkpoints and logs.
        init: a bundle whose weights training starts from, and whose normalisation it keeps.
        resume: go on after the last whole epoch that `folder` holds; begin where it holds none.
        machine: where.
        on_epoch: called with each row of the history; may raise to end the training.
        cache: decoded chips, where several trainings share them.

    Raises:
        UsageError: the chips cannot teach or judge, or `folder` holds another training.
        ModelError: the network cannot be built, or `init` is of another one.
        TrainingError: the loss is no number any more.
    """
    machine = machine or Machine()
    cache = cache or ChipCache(recipe.channels)
    train, judges, refused = usable_split(split, cache)
    network, normalisation, encoder_weights = _start(recipe, train, init)
    if judges and cache.teacher is not None:
        raise UsageError(
            "A teacher's student is not validated on it: give --split all, and evaluate the finished bundle."
        )
    take_folder(folder, plan_of(recipe, normalisation, train, judges, init, cache.teacher), resume)

    dataset = CropDataset(train, recipe, normalisation, cache)
    whole = WholeChips([record for record, _ in judges], normalisation, cache)
    history = History(on_epoch=on_epoch if machine.devices == 1 else None)  # nothing is told across processes
    with _quiet():
        trainer = _trainer(recipe, folder, machine, history, dataset, validates=bool(judges))
        sampler = EpochSampler(recipe.steps_per_epoch * recipe.batch, machine.devices)
        crops: DataLoader[Any] = DataLoader(
            dataset,
            batch_size=max(1, recipe.batch // machine.devices),
            sampler=sampler,
            num_workers=machine.workers,
            persistent_workers=machine.workers > 0,
            multiprocessing_context="spawn" if machine.workers else None,  # CUDA and GDAL do not survive a fork
        )
        chips: DataLoader[Any] | None = DataLoader(whole, batch_size=1) if judges else None
        certain = 1 if cache.teacher is None else CERTAIN
        module = WaterModule(recipe, network.to(memory_format=torch.channels_last), build_loss(recipe.loss, certain))
        last = folder / "checkpoints" / f"{_LAST}.ckpt"
        start_from = last if resume and last.exists() else None
        try:
            with heap.kept():
                trainer.fit(module, crops, chips, ckpt_path=start_from, weights_only=True)
        except ProcessRaisedException as error:
            raise TrainingError(f"A training process has failed: {str(error).strip().splitlines()[-1]}") from error
    best = folder / "checkpoints" / f"{_BEST}.ckpt"
    kept = best if judges and best.exists() else last
    state, best_epoch = _weights(kept)
    # With several devices the epochs went by in other processes; what they noted came back in the checkpoint.
    rows = history.rows or _rows(last)
    network.load_state_dict(state)
    return Fitted(
        network=network.cpu().eval().requires_grad_(False),
        normalisation=normalisation,
        train=tuple(record for record, _ in train),
        validation=tuple(record for record, _ in judges),
        refused=refused,
        history=rows,
        best_epoch=best_epoch,
        encoder_weights=encoder_weights,
    )


def _start(
    recipe: Recipe, train: Sequence[tuple[ChipRecord, ChipSummary]], init: Path | None
) -> tuple[nn.Module, Normalisation, str]:
    """Return the network that training starts from, its normalisation, and the name of its encoder's weights or ""."""
    weights = None if init else recipe.encoder_weights or None

    def build(encoder_weights: str | None) -> nn.Module:
        torch.manual_seed(recipe.seed)
        return build_network(
            recipe.architecture,
            recipe.encoder,
            len(recipe.channels),
            classes=recipe.classes,
            options=recipe.options,
            encoder_weights=encoder_weights,
        )

    try:
        network = build(weights)
    except OSError as error:  # the hub cannot be reached
        _LOG.warning(
            "floodscope: the %s weights of %s could not be fetched (%s): it begins with random ones instead. Check the network, "
            "or give --set encoder_weights= to begin so without asking.",
            weights,
            recipe.encoder,
            type(error).__name__,
        )
        network, weights = build(None), None
    if init is None:
        return network, fit_normalisation(recipe, train), weights or ""
    bundle = read_bundle(init)
    if tuple(bundle.channels) != recipe.channels:
        raise ModelError(
            f"{init} has the channels {', '.join(bundle.channels)}, the recipe {', '.join(recipe.channels)}."
        )
    wanted = network.state_dict()
    state: Any = next((s for s in read_states(init, bundle) if not isinstance(s, str)), {})
    if state.keys() != wanted.keys() or any(state[name].shape != wanted[name].shape for name in wanted):
        raise ModelError(
            f"{init} holds {_what(bundle)}, not the recipe's {recipe.architecture} on "
            f"{recipe.encoder} with the same options: use its recipe, or train without --init."
        )
    network.load_state_dict(state)
    # Other constants would show the network another picture than it has learned from.
    return network, bundle.normalisation, ""


def _what(bundle: Bundle) -> str:
    return f"a {bundle.architecture} on {bundle.encoder}" if bundle.architecture else "boosted trees"


def _moving_average(averaged: Tensor, current: Tensor, _updates: Tensor, *, decay: float) -> Tensor:
    """Return the exponential moving average after one more step; Lightning's own can go to no other process."""
    return decay * averaged + (1 - decay) * current


def _trainer(
    recipe: Recipe, folder: Path, machine: Machine, history: History, dataset: CropDataset, *, validates: bool
) -> L.Trainer:
    checkpoints = folder / "checkpoints"
    callbacks: list[L.Callback] = [history, StopAtNonsense(dataset, recipe.batch)]
    if recipe.ema:
        callbacks.append(WeightAveraging(avg_fn=partial(_moving_average, decay=recipe.ema)))
    if validates:
        callbacks.append(
            ModelCheckpoint(
                checkpoints,
                filename=_BEST,
                monitor=VALIDATION_IOU,
                mode="max",
                save_top_k=1,
                enable_version_counter=False,
            )
        )
        if recipe.patience:
            callbacks.append(EarlyStopping(VALIDATION_IOU, patience=recipe.patience, mode="max"))
    # Last of all: it saves what the others know after the epoch.
    callbacks.append(
        ModelCheckpoint(
            checkpoints,
            filename=_LAST,
            save_top_k=1,
            monitor=None,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
    )
    shows = machine.progress and sys.stderr.isatty()
    if shows:
        callbacks.append(RichProgressBar())
    return L.Trainer(
        accelerator=machine.accelerator,
        devices=machine.devices,
        # Spawned processes train and end; started anew from the command line, each would go on to write the bundle. Some
        # encoders of smp carry stages along that a shallow network does not use.
        strategy="ddp_spawn_find_unused_parameters_true" if machine.devices > 1 else "auto",
        precision=_precision(recipe, machine),  # type: ignore[arg-type]
        max_epochs=recipe.epochs,
        gradient_clip_val=recipe.clip or None,
        deterministic="warn",
        use_distributed_sampler=False,
        logger=[_logger(name, folder) for name in machine.loggers],
        callbacks=callbacks,
        enable_progress_bar=shows,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
    )


def _precision(recipe: Recipe, machine: Machine) -> str:
    if recipe.precision == "float32":
        return "32-true"
    if recipe.precision == "bf16":
        return "bf16-mixed"
    if machine.accelerator in {"auto", "cuda", "gpu"} and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    if machine.accelerator == "mps" or (machine.accelerator == "auto" and torch.backends.mps.is_available()):
        return "32-true"
    known: Mapping[str, Any] = torch.cpu.get_capabilities()
    return "bf16-mixed" if known.get("amx_bf16") or known.get("avx512_bf16") else "32-true"


def _logger(name: LoggerName, folder: Path) -> Logger:
    if name == "csv":
        return CSVLogger(folder, name="logs", version="csv")
    if name == "tensorboard":
        return TensorBoardLogger(folder, name="logs", version="tensorboard")
    try:
        if name == "mlflow":
            from lightning.pytorch.loggers import MLFlowLogger  # noqa: PLC0415

            return MLFlowLogger("floodscope", run_name=folder.name)
        from lightning.pytorch.loggers import WandbLogger  # noqa: PLC0415

        return WandbLogger(name=folder.name, project="floodscope", save_dir=folder)
    except ModuleNotFoundError as error:
        raise UsageError(f"The logger {name} is not installed: pip install 'floodscope[{name}]'.") from error


def _checkpoint(path: Path) -> dict[str, Any]:
    """Return a checkpoint of our own."""
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainingError(f"The checkpoint {path} cannot be read ({error.strerror}): train again.") from error
    return checkpoint


def _rows(path: Path) -> list[dict[str, float]]:
    """Return the history that a checkpoint holds."""
    return list(_checkpoint(path)["callbacks"][History.__qualname__]["rows"])


def _weights(path: Path) -> tuple[dict[str, Tensor], int]:
    """Return the network's weights in a checkpoint, and the epoch they are of, counted from 1."""
    checkpoint = _checkpoint(path)
    prefix = "network."
    state = {
        name.removeprefix(prefix): tensor
        for name, tensor in checkpoint["state_dict"].items()
        if name.startswith(prefix)
    }
    return state, int(checkpoint["epoch"]) + 1


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice to developers off the terminal."""
    names = ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero")
    before = {name: logging.getLogger(name).level for name in names}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning.*")
        warnings.filterwarnings("ignore", module="torch.*")
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)
