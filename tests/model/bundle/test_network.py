"""Networks and ensembles: what model.json names is built, and what it misspells is refused with the nearest name."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from model.bundle.manifest import Member, read_bundle, write_bundle
from model.bundle.network import (
    Ensemble,
    architectures,
    build_member,
    build_network,
    check_encoder,
    load_ensemble,
    stride_of,
)
from tests.model.predictors.bundles import NARROW, UNET, members, networks_of, write_random
from tiles.errors import BundleError, ModelError


class Constant(nn.Module):
    """A network of one answer, so that what an ensemble makes of answers can be told by hand."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits[None, :, None, None].expand(x.shape[0], -1, *x.shape[-2:])


def answer(*networks: nn.Module, **settings: object) -> float:
    p = Ensemble(networks, **settings)(torch.zeros(1, 2, 32, 32))  # type: ignore[arg-type]
    assert p.shape == (1, 32, 32)
    return float(p[0, 5, 7])


def sigmoid(x: float) -> float:
    return float(torch.sigmoid(torch.tensor(x)))


@pytest.mark.parametrize(
    ("architecture", "encoder", "options"),
    [
        ("Unet", "resnet18", NARROW),
        ("UnetPlusPlus", "mobilenet_v2", NARROW),
        ("DeepLabV3Plus", "mobilenet_v2", {"decoder_channels": 32}),
        ("FPN", "tu-mobilenetv3_small_050", {}),
    ],
)
def test_an_architecture_is_rebuilt_from_its_bundle_with_the_same_answer(
    tmp_path: Path, architecture: str, encoder: str, options: dict[str, object]
) -> None:
    bundle = replace(UNET, architecture=architecture, encoder=encoder, options=options)
    (network,) = networks_of(bundle)
    bundle = write_bundle(tmp_path, bundle, [network.state_dict()])
    x = torch.randn(1, 2, 64, 96)
    with torch.inference_mode():
        expected = torch.sigmoid(network(x)[:, 0])
        assert torch.allclose(load_ensemble(tmp_path, bundle)(x), expected, atol=1e-6)
    assert expected.std() > 0.01


def test_all_architectures_of_the_library_are_known_by_their_class() -> None:
    assert {"Unet", "UnetPlusPlus", "DeepLabV3", "DeepLabV3Plus", "FPN", "MAnet", "PSPNet"} <= set(architectures())


def test_building_a_network_downloads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for encoder in ("resnet18", "tu-resnet18"):
        assert stride_of(build_network("Unet", encoder, 2, options=NARROW)) == 32


@pytest.mark.parametrize(
    ("architecture", "encoder", "options", "message"),
    [
        ("Unett", "resnet18", {}, "no architecture 'Unett': did you mean Unet"),
        ("Transformer9", "resnet18", {}, "no architecture"),
        ("Unet", "resnet19", {}, "no encoder 'resnet19': did you mean .*resnet18"),
        ("Unet", "tu-convnext_tinny", {}, "no encoder .*: did you mean tu-convnext_tiny"),
        ("Unet", "qqqq", {}, "no encoder 'qqqq': choose one of"),
        ("Unet", "resnet18", {"decoder_chanels": [1]}, "no option 'decoder_chanels': did you mean decoder_channels"),
        ("Unet", "resnet18", {"encoder_weights": "imagenet"}, "no option 'encoder_weights'"),
        ("Unet", "resnet18", {"activation": "sigmoid"}, "no option 'activation'"),
        ("Unet", "resnet18", {"decoder_channels": [16]}, "cannot be built on encoder resnet18"),
        ("Unet", "resnet18", {"decoder_channels": "wide"}, "cannot be built on encoder resnet18"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused_with_what_could(
    architecture: str, encoder: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build_network(architecture, encoder, 2, options=options)


def test_an_encoder_may_come_from_timm() -> None:
    check_encoder("tu-convnext_tiny")
    check_encoder("tu-convnext_tiny.fb_in22k")
    check_encoder("resnet34")


def test_a_bundle_that_names_an_unknown_encoder_says_which_bundle(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, replace(UNET, encoder="resnet-18"), [{"w": torch.zeros(1)}])
    with pytest.raises(BundleError, match=r"no encoder 'resnet-18': did you mean .*resnet18") as caught:
        load_ensemble(tmp_path, bundle)
    assert str(tmp_path) in str(caught.value)


def test_weights_of_another_network_are_refused_by_the_first_tensor_that_differs(tmp_path: Path) -> None:
    (network,) = networks_of(UNET)
    state = network.state_dict()
    fewer = {k: v for k, v in state.items() if k != "segmentation_head.0.bias"}
    more = state | {"extra": torch.zeros(1)}
    other = state | {"segmentation_head.0.bias": torch.zeros(2)}
    for wrong, message in (
        (fewer, r"lacks the tensor segmentation_head\.0\.bias"),
        (more, "holds the tensor extra"),
        (other, r"segmentation_head\.0\.bias of shape \(2,\).*\(1,\)"),
    ):
        bundle = write_bundle(tmp_path, UNET, [wrong])
        with pytest.raises(BundleError, match=message):
            load_ensemble(tmp_path, bundle)


def test_members_may_be_different_networks(tmp_path: Path) -> None:
    bundle = replace(
        UNET,
        members=(
            Member("a.safetensors"),
            Member("b.safetensors", architecture="FPN", options={}),
        ),
    )
    bundle = write_random(tmp_path, bundle)
    ensemble = load_ensemble(tmp_path, read_bundle(tmp_path))
    assert [type(network).__name__ for network in ensemble.networks] == ["Unet", "FPN"]
    assert type(build_member(bundle, bundle.members[1])).__name__ == "FPN"


def test_the_probability_is_the_sigmoid_of_the_logit_over_the_temperature() -> None:
    assert answer(Constant(1.2)) == pytest.approx(sigmoid(1.2))
    assert answer(Constant(1.2), temperature=2.0) == pytest.approx(sigmoid(0.6))


def test_two_classes_are_a_softmax() -> None:
    softmax = torch.softmax(torch.tensor([0.3, 1.1]) / 1.7, 0)[1]
    assert answer(Constant(0.3, 1.1), temperature=1.7) == pytest.approx(float(softmax))


def test_an_ensemble_answers_the_mean_the_max_or_the_share_of_votes() -> None:
    networks = [Constant(-2.0), Constant(0.4), Constant(3.0)]
    p = [sigmoid(-2.0), sigmoid(0.4), sigmoid(3.0)]
    assert answer(*networks, combine="mean") == pytest.approx(sum(p) / 3)
    assert answer(*networks, combine="max") == pytest.approx(p[2])
    assert answer(*networks, combine="vote") == pytest.approx(2 / 3)


@pytest.mark.parametrize("combine", ["mean", "max", "vote"])
def test_an_ensemble_never_hides_that_a_member_gave_no_number(combine: str) -> None:
    p = answer(Constant(float("nan")), Constant(2.0), combine=combine)
    assert math.isnan(p)


def test_an_ensemble_of_two_is_between_its_members(tmp_path: Path) -> None:
    write_random(tmp_path, members=members(2))
    ensemble = load_ensemble(tmp_path, read_bundle(tmp_path))
    x = torch.randn(1, 2, 64, 64)
    with torch.inference_mode():
        both = ensemble(x)
        one, two = (Ensemble([network])(x) for network in ensemble.networks)
    assert not torch.allclose(one, two, atol=1e-2)
    assert torch.allclose(both, (one + two) / 2, atol=1e-6)
