"""A real bundle with random weights, slow enough for one to watch it work."""

from __future__ import annotations

from pathlib import Path

NAME = "Slow U-Net"


def write_slow_bundle(folder: Path) -> Path:
    """Write a U-Net that looks at each chip in eight directions, and return its folder."""
    import torch

    from model.bundle.manifest import Bundle, write_bundle
    from model.bundle.network import build_network
    from model.bundle.normalisation import Normalisation, ZScore

    normalisation = Normalisation({"vv": ZScore(-10.7, 5.0), "vh": ZScore(-17.5, 5.2)})
    bundle = Bundle(NAME, "Unet", "resnet18", normalisation, tta="d4", licence="Apache-2.0")
    torch.manual_seed(0)
    network = build_network(bundle.architecture, bundle.encoder, bundle.in_channels)
    write_bundle(folder, bundle, [network.state_dict()])
    return folder
