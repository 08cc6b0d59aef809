"""Losses see known pixels only, and every part of them has its gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from model.training.loss import LOSSES, KnownPixelLoss, build_loss, margin_of
from tiles.errors import ModelError


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    margin = torch.randn(2, 16, 16, generator=generator)
    label = (torch.rand(2, 16, 16, generator=generator) < 0.3).to(torch.uint8)
    label[torch.rand(2, 16, 16, generator=generator) < 0.25] = 255
    return margin, label


@pytest.mark.parametrize("name", LOSSES)
def test_an_unknown_pixel_changes_neither_loss_nor_gradient(name: str) -> None:
    margin, label = batch()
    loss = build_loss(name)
    changed = torch.where(label == 255, margin + 50.0, margin).requires_grad_()
    plain = margin.clone().requires_grad_()
    one, other = loss(plain, label), loss(changed, label)
    assert one.item() == other.item()
    one.backward()
    other.backward()
    assert plain.grad is not None
    assert changed.grad is not None
    assert torch.equal(plain.grad, changed.grad)
    assert not bool(changed.grad[label == 255].any())
    assert bool(changed.grad[label != 255].any())


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_leads_to_the_right_mask(name: str) -> None:
    _, label = batch()
    margin = torch.zeros(2, 16, 16, requires_grad=True)
    optimiser = torch.optim.Adam([margin], 0.2)
    loss = build_loss(name)
    for _ in range(150):
        optimiser.zero_grad()
        loss(margin, label).backward()
        optimiser.step()
    known = label != 255
    assert torch.equal((margin > 0)[known], (label == 1)[known])


def test_the_cross_entropy_of_the_capstone_has_its_gradient() -> None:
    # Without water Dice has none: what is left is that of the cross-entropy, which the capstone cut to a whole number.
    margin = torch.full((1, 8, 8), 0.3, requires_grad=True)
    build_loss("xe_dice")(margin, torch.zeros(1, 8, 8, dtype=torch.uint8)).backward()
    assert margin.grad is not None
    expected = 0.5 * torch.sigmoid(torch.tensor(0.3)) / 64
    assert torch.allclose(margin.grad, expected.expand(1, 8, 8))


def test_the_margin_of_two_logits_has_the_cross_entropy_of_both() -> None:
    logits = torch.randn(2, 2, 8, 8)
    label = torch.randint(0, 2, (2, 8, 8))
    ours = functional.binary_cross_entropy_with_logits(margin_of(logits), label.float())
    assert torch.allclose(ours, functional.cross_entropy(logits, label), atol=1e-6)


def test_a_batch_without_a_known_pixel_costs_nothing() -> None:
    margin = torch.randn(1, 4, 4, requires_grad=True)
    loss = build_loss("bce_dice")(margin, torch.full((1, 4, 4), 255, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0.0
    assert margin.grad is not None
    assert not bool(margin.grad.any())


def test_terms_add_up_by_their_weights() -> None:
    loss = KnownPixelLoss([(2.0, lambda z, t: z.sum()), (3.0, lambda z, t: t.sum())])
    margin, label = torch.ones(1, 2, 2), torch.tensor([[[1, 0], [255, 1]]], dtype=torch.uint8)
    assert loss(margin, label).item() == 2.0 * 3 + 3.0 * 2


def test_an_unknown_loss_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ModelError, match="lovasz"):
        build_loss("lovas")
