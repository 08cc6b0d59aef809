"""Batch norms taken into the convolutions before them, for a network that only answers: a tenth less of its time."""

from __future__ import annotations

import copy
import logging
from collections import Counter
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model.bundle.network import stride_of

_LOG = logging.getLogger(__name__)

# A rounding apart: log-odds of networks are of the size of ten, and a step of a stored probability is 0.016 of one at least.
_APART = 1e-3


def fold_batch_norms(network: nn.Module, channels: int) -> nn.Module:
    """Return the network with each batch norm that takes a convolution's answer folded into that convolution.

    In evaluation a batch norm is a factor and an offset a channel, as a convolution's weights and bias are (Jacob et al.,
    "Quantization and training of neural networks for efficient integer-arithmetic-only inference", CVPR 2018, section 3.2).
    Which follows which is seen by running it once. Where the folded network says anything else, as where a convolution's answer
    goes two ways, the network is returned as it was.

    Args:
        network: float32 (N, C, H, W) -> (N, K, H, W), in evaluation mode, on the CPU.
        channels: C.
    """
    if not any(isinstance(module, nn.Conv2d) for module in network.modules()):
        return network
    side = 2 * max(32, stride_of(network))
    x = torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():  # inference tensors could not be laid out anew afterwards
        pairs = _pairs(network, x)
        if not pairs:
            return network
        folded = copy.deepcopy(network)
        for convolution, norm in pairs:
            before = cast(nn.Conv2d, folded.get_submodule(convolution))
            whole = fuse_conv_bn_eval(before, cast(nn.BatchNorm2d, folded.get_submodule(norm)))
            folded.set_submodule(norm, _what_is_left(folded.get_submodule(norm)))
            folded.set_submodule(convolution, whole)
        if torch.allclose(folded(x), network(x), rtol=_APART, atol=_APART):
            return folded.requires_grad_(False)
    _LOG.info("a network of %s batch norms runs as it is: folded, it would answer otherwise", len(pairs))
    return network


def _pairs(network: nn.Module, x: Tensor) -> list[tuple[str, str]]:
    """Return the names of convolutions and of the batch norms that take their answers, each called once."""
    answers: dict[int, tuple[str, Tensor]] = {}
    pairs: list[tuple[str, str]] = []
    calls: Counter[str] = Counter()

    def listen(name: str, module: nn.Module) -> Any:
        def heard(_: nn.Module, inputs: tuple[Tensor, ...], answer: Tensor) -> None:
            calls[name] += 1
            if isinstance(module, nn.Conv2d):
                answers[id(answer)] = (name, answer)  # kept, so that no other tensor gets its id
            elif id(inputs[0]) in answers:
                pairs.append((answers[id(inputs[0])][0], name))

        return module.register_forward_hook(heard)

    kinds = (nn.Conv2d, nn.BatchNorm2d)
    hooks = [listen(name, module) for name, module in network.named_modules() if isinstance(module, kinds)]
    try:
        network(x)
    finally:
        for hook in hooks:
            hook.remove()
    once = [pair for pair in pairs if calls[pair[0]] == calls[pair[1]] == 1]
    return [pair for pair in once if sum(pair[0] == other[0] for other in once) == 1]


def _what_is_left(norm: nn.Module) -> nn.Module:
    """Return what a batch norm does beside the norm: timm's own has its activation in it."""
    parts = [part for part in (getattr(norm, "drop", None), getattr(norm, "act", None)) if isinstance(part, nn.Module)]
    return nn.Sequential(*parts) if parts else nn.Identity()
