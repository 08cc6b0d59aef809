"""Batch norms and doublings folded into convolutions: gone, the same answer, and nothing touched where it would be another."""

from __future__ import annotations

import copy
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn

from model.bundle.network import build_network
from model.predictors.folding import fold_batch_norms, fold_doublings
from tests.model.predictors.bundles import NARROW


def unlike(network: nn.Module) -> nn.Module:
    """Give batch norms what training would: random statistics, factors and offsets."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_()
    return network.eval().requires_grad_(False)


def norms_in(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(
    ("architecture", "encoder", "options"),
    [("Unet", "tu-resnet18", NARROW), ("FPN", "tu-mobilenetv3_small_050", {}), ("Unet", "efficientnet-b0", NARROW)],
)
def test_a_folded_network_has_no_batch_norm_after_a_convolution_and_answers_alike(
    architecture: str, encoder: str, options: dict[str, object]
) -> None:
    network = unlike(build_network(architecture, encoder, 2, options=options))
    before = copy.deepcopy(network.state_dict())
    folded = fold_batch_norms(network, 2)
    assert norms_in(folded) <= 1 < norms_in(network)
    x = torch.randn(1, 2, 96, 64)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-3, atol=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items()), "it is what is stored"


class TwoWays(nn.Module):
    """A convolution whose answer is used with its norm and without."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(2, 1, 3, padding=1), nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        answer = self.convolution(x)
        return torch.as_tensor(answer + self.norm(answer))


def test_a_network_that_would_answer_otherwise_stays_as_it_is() -> None:
    network = unlike(TwoWays())
    assert fold_batch_norms(network, 2) is network
    assert fold_batch_norms(nn.Identity(), 2).state_dict() == {}


def blocks_in(network: nn.Module) -> list[str]:
    return [type(module).__name__ for module in network.modules() if "Block" in type(module).__name__]


@pytest.mark.parametrize(
    ("architecture", "encoder", "options", "steps"),
    [
        ("Unet", "tu-resnet18", NARROW, 5),
        ("Unet", "efficientnet-b0", {**NARROW, "decoder_use_norm": False}, 5),
        ("UnetPlusPlus", "resnet18", {"encoder_depth": 3, "decoder_channels": (24, 16, 8)}, 4),
        ("Unet", "tu-convnext_atto", NARROW, 5),
    ],
)
def test_no_image_is_doubled_before_a_convolution_and_the_answer_is_alike(
    architecture: str, encoder: str, options: dict[str, object], steps: int
) -> None:
    network = unlike(build_network(architecture, encoder, 2, options=options))
    before = copy.deepcopy(network.state_dict())
    plain = fold_batch_norms(network, 2)
    folded = fold_doublings(plain, 2)
    assert blocks_in(folded).count("_DoubledBlock") == steps
    with patch("torch.nn.functional.interpolate", side_effect=AssertionError("an image was doubled")):
        x = torch.randn(3, 2, 96, 64)
        answer = folded(x)
    torch.testing.assert_close(answer, plain(x), rtol=1e-4, atol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items()), "it is what is stored"


@pytest.mark.parametrize(
    "options", [{**NARROW, "decoder_attention_type": "scse"}, {**NARROW, "decoder_interpolation": "bilinear"}]
)
def test_what_looks_at_the_doubled_image_besides_keeps_it(options: dict[str, object]) -> None:
    network = unlike(build_network("Unet", "tu-resnet18", 2, options=options))
    assert fold_doublings(network, 2) is network


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 32), (224, 160)])
def test_an_encoder_that_rounds_up_where_it_halves_is_met_at_its_own_size(height: int, width: int) -> None:
    network = unlike(build_network("Unet", "tu-mobilevitv2_050", 2, options=NARROW))
    plain = fold_batch_norms(network, 2)
    folded = fold_doublings(plain, 2)
    assert blocks_in(folded).count("_DoubledBlock") == 5
    x = torch.randn(1, 2, height, width)
    torch.testing.assert_close(folded(x), plain(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("architecture", "encoder", "side", "folds"),
    [
        ("PAN", "resnet18", 224, True),
        ("Unet", "tu-inception_v3", 224, True),
        ("Unet", "tu-swin_tiny_patch4_window7_224", 224, True),
        ("Unet", "tu-maxvit_tiny_rw_256", 256, False),
    ],
)
def test_a_network_that_takes_large_images_alone_or_one_size_is_tried_on_such_or_stays(
    architecture: str, encoder: str, side: int, folds: bool
) -> None:
    network = unlike(build_network(architecture, encoder, 2, options=NARROW if architecture == "Unet" else {}))
    folded = fold_doublings(fold_batch_norms(network, 2), 2)
    assert (folded is not network) is folds
    x = torch.randn(1, 2, side, side)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-3, atol=1e-3)


def test_a_network_that_doubles_nothing_stays_as_it_is() -> None:
    network = unlike(build_network("FPN", "tu-mobilenetv3_small_050", 2))
    assert fold_doublings(network, 2) is network
