"""The network in Lightning: one step's loss, and the validation IoU that decides which weights are kept."""

from __future__ import annotations

from typing import Any, cast

import lightning as L  # noqa: N812 - as Lightning's own documents write it
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.bundle.network import stride_of
from model.training.dataset import CropDataset
from model.training.loss import KnownPixelLoss, margin_of
from model.training.recipe import Recipe
from tiles.chip import UNKNOWN
from tiles.errors import TrainingError

VALIDATION_IOU = "validation_iou"
"""Name of the metric: micro IoU over the validation chips at p >= 0.5."""


class WaterModule(L.LightningModule):
    """A network, its loss and its optimiser.

    Args:
        recipe: loss, learning rate, schedule, clipping.
        network: float32 (N, C, H, W) -> logits (N, 1 or 2, H, W).
        loss: of logits and labels.
    """

    def __init__(self, recipe: Recipe, network: nn.Module, loss: KnownPixelLoss) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = network
        self.loss = loss
        # True, false and missed water. No buffer: weight averaging swaps those with its own before they are read.
        self.counts = torch.zeros(3, dtype=torch.int64)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed what networks draw by themselves (dropout) by the step, so that a resumed run repeats it.

        By the epoch would not do: between its start and its first step a fresh run and a resumed one draw differently.
        """
        torch.manual_seed((self.recipe.seed + 1) * 1_000_003 + self.global_step)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Return the loss of one batch."""
        images, labels = batch
        loss: Tensor = self.loss(margin_of(self.network(_channels_last(images))), labels)
        self.log("train_loss", loss.detach(), prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Begin to count."""
        self.counts = torch.zeros(3, dtype=torch.int64, device=self.device)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Count true, false and missed water of whole chips: unknown pixels are left out, chips are counted together."""
        images, labels = batch
        height, width = labels.shape[-2:]
        stride = stride_of(self.network)
        padded = functional.pad(images, (0, -width % stride, 0, -height % stride))
        margin = margin_of(self.network(_channels_last(padded)))[:, :height, :width]
        if not bool(torch.isfinite(margin).all()):
            raise TrainingError("The network's answer to a validation chip is not finite: lower the learning rate.")
        known, water, predicted = labels != UNKNOWN, labels == 1, margin >= 0
        self.counts += torch.stack(
            [(predicted & water).sum(), (predicted & known & ~water).sum(), (~predicted & water).sum()]
        )

    def on_validation_epoch_end(self) -> None:
        """Give the micro IoU: the one metric of validation and test alike."""
        counts = cast(Tensor, self.trainer.strategy.reduce(self.counts.clone(), reduce_op="sum"))
        total = float(counts.sum())
        self.log(VALIDATION_IOU, float(counts[0]) / total if total else 0.0, prog_bar=True, sync_dist=False)

    def configure_optimizers(self) -> Any:
        """Return AdamW (Loshchilov & Hutter 2019) and the schedule over all steps."""
        recipe = self.recipe
        optimiser = torch.optim.AdamW(self.network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
        scheduler: torch.optim.lr_scheduler.LRScheduler
        if recipe.schedule == "onecycle":
            warm = 0.2 if recipe.steps >= 10 else 0.5
            scheduler = torch.optim.lr_scheduler.OneCycleLR(
                optimiser, recipe.learning_rate, total_steps=max(4, recipe.steps), pct_start=warm
            )
        elif recipe.schedule == "cosine":
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.steps)
        else:
            return optimiser
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class StopAtNonsense(L.Callback):
    """Ends a training whose loss is no number any more, and says where. Checkpoints of before stay.

    Args:
        dataset: knows which chips a batch was of.
        batch: crops a step, over all processes.
    """

    def __init__(self, dataset: CropDataset, batch: int) -> None:
        self._dataset = dataset
        self._batch = batch

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Raise TrainingError where the loss is not finite."""
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if bool(torch.isfinite(loss)):
            return
        epoch = trainer.current_epoch
        first = batch_idx * self._batch
        chips = sorted({self._dataset.chip_of((epoch, i)) for i in range(first, first + self._batch)})
        raise TrainingError(
            f"The loss became {float(loss)} in epoch {epoch + 1}, step {batch_idx + 1}, with crops of {', '.join(chips)}: lower "
            "the learning rate (--set learning_rate=...) or clip gradients (--set clip=1). The best weights so far are kept."
        )


def _channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)
