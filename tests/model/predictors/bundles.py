"""Small real bundles with random, seeded weights."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from model.bundle.archive import MANIFEST
from model.bundle.manifest import Bundle, Member, read_bundle, write_bundle
from model.bundle.network import build_network
from model.bundle.normalisation import Normalisation, ZScore

NORMALISATION = Normalisation({"vv": ZScore(-10.7, 5.0), "vh": ZScore(-17.5, 5.2)})
NARROW = {"decoder_channels": [32, 16, 16, 8, 8]}

# The smallest encoder that every version of the library has: what a test costs is mostly its weights.
UNET = Bundle("Test U-Net", "Unet", "mobilenet_v2", NORMALISATION, options=NARROW, licence="Apache-2.0")


def networks_of(bundle: Bundle, seed: int = 0) -> list[nn.Module]:
    """Random networks, scaled so that their answers spread over 0..1."""
    made = []
    for i, member in enumerate(bundle.members):
        torch.manual_seed(seed + i)
        network = build_network(
            member.architecture or bundle.architecture,
            member.encoder or bundle.encoder,
            bundle.in_channels,
            classes=bundle.classes,
            options=bundle.options if member.options is None else member.options,
        )
        network.eval()
        with torch.inference_mode():
            x = torch.randn(1, bundle.in_channels, 64, 64).cumsum(-1) * 0.2
            head = network.segmentation_head[0]
            head.weight *= 2.0 / network(x).std()
        made.append(network)
    return made


def write_random(folder: Path, bundle: Bundle = UNET, seed: int = 0, half: bool = False, **changes: Any) -> Bundle:
    """Write a bundle of random networks and return it."""
    bundle = replace(bundle, **changes)
    return write_bundle(folder, bundle, [n.state_dict() for n in networks_of(bundle, seed)], half=half)


def members(count: int) -> Sequence[Member]:
    return tuple(Member(f"member-{i}.safetensors") for i in range(count))


def pack_bundle(folder: Path, archive: Path) -> None:
    """Write a bundle's folder as a .tar.gz, model.json first."""
    with tarfile.open(archive, "w:gz") as tar:
        for name in (MANIFEST, *read_bundle(folder).files):
            tar.add(folder / name, name)
