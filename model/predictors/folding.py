"""A network that only answers, in fewer steps: batch norms and doublings are taken into the convolutions beside them."""

from __future__ import annotations

import copy
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import torch
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoderBlock
from segmentation_models_pytorch.decoders.unetplusplus.decoder import DecoderBlock as UnetPlusPlusBlock
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model.bundle.network import stride_of

_LOG = logging.getLogger(__name__)

# A rounding apart: log-odds of networks are of the size of ten, and a step of a stored probability is 0.016 of one at least.
_APART = 1e-3
_OF_MANY = 224, 224
"""What encoders take that take images of one size alone, or none that is much smaller."""


def fold_batch_norms(network: nn.Module, channels: int) -> nn.Module:
    """Return the network with each batch norm that takes a convolution's answer folded into that convolution.

    In evaluation a batch norm is a factor and an offset a channel, as a convolution's weights and bias are (Jacob et al.,
    "Quantization and training of neural networks for efficient integer-arithmetic-only inference", CVPR 2018, section 3.2).
    Which follows which is seen by running it once. Where the folded network says anything else, as where a convolution's answer
    goes two ways, or where the network cannot be run here, it is returned as it was.

    Args:
        network: float32 (N, C, H, W) -> (N, K, H, W), in evaluation mode, on the CPU.
        channels: C.
    """
    if not any(isinstance(module, nn.Conv2d) for module in network.modules()):
        return network

    def fold(x: Tensor) -> nn.Module:
        pairs = _pairs(network, x)
        folded = copy.deepcopy(network) if pairs else network
        for convolution, norm in pairs:
            before = cast(nn.Conv2d, folded.get_submodule(convolution))
            whole = fuse_conv_bn_eval(before, cast(nn.BatchNorm2d, folded.get_submodule(norm)))
            folded.set_submodule(norm, _what_is_left(folded.get_submodule(norm)))
            folded.set_submodule(convolution, whole)
        return folded

    return _answers_alike(network, channels, fold)


def fold_doublings(network: nn.Module, channels: int) -> nn.Module:
    """Return the network with each doubling of a U-Net's decoder and the 3 x 3 convolution after it made one step.

    Where each pixel stands two by two, a kernel of 3 x 3 meets only 2 x 2 of them. So the two are one transposed convolution
    with a stride of 2, whose kernel of 4 x 4 holds sums of the first one's weights: four ninths of the work, and neither the
    doubled image nor its pile with the skip connection is ever made (A. Aitken et al., "Checkerboard artifact free sub-pixel
    convolution", arXiv:1707.02937, 2017). Where the network would say anything else, or cannot be run here, it is returned as
    it was.

    Args:
        network: as `fold_batch_norms` takes and returns it.
        channels: of its input.
    """
    blocks = [name for name, module in network.named_modules() if _doubles(module)]
    if not blocks:
        return network

    def fold(x: Tensor) -> nn.Module:
        folded = copy.deepcopy(network)
        for block, count in _channels_doubled(network, blocks, x).items():
            folded.set_submodule(block, _DoubledBlock(folded.get_submodule(block), count))
        return folded

    return _answers_alike(network, channels, fold)


def _answers_alike(network: nn.Module, channels: int, fold: Callable[[Tensor], nn.Module]) -> nn.Module:
    """Return a network folded where that answers alike, tried on noise of two sizes; else the network."""
    stride = max(32, stride_of(network))
    for height, width in ((3 * stride, 2 * stride), _OF_MANY):
        x = torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(0))
        try:
            with torch.no_grad():  # inference tensors could not be laid out anew afterwards
                folded = fold(x)
                alike = torch.allclose(folded(x), network(x), rtol=_APART, atol=_APART)
        except Exception as error:  # whatever a network raises of a size that it does not take
            _LOG.info("a network cannot be tried on %s x %s pixels (%s)", height, width, error)
            continue
        if alike:
            return folded.requires_grad_(False)
        break
    _LOG.info("a network runs as it is: folded, it would answer otherwise, or cannot be tried")
    return network


class _DoubledBlock(nn.Module):
    """A block of a decoder: the image doubled, piled on a skip connection if there is one, then two convolutions."""

    def __init__(self, block: nn.Module, doubled: int) -> None:
        """Make it of a block whose first convolution takes so many channels of the doubled image, then the skip connection's."""
        super().__init__()
        self.plain = block
        first = cast(nn.Sequential, block.conv1)
        convolution = cast(nn.Conv2d, first[0])
        weight = convolution.weight.detach()
        self.twice = nn.ConvTranspose2d(
            doubled, weight.shape[0], 4, stride=2, padding=1, bias=convolution.bias is not None
        )
        self.twice.weight.data = _of_doubled(weight[:, :doubled])
        if convolution.bias is not None:
            cast(Tensor, self.twice.bias).data = convolution.bias.detach()
        self.beside: nn.Conv2d | None = None
        if weight.shape[1] > doubled:
            self.beside = nn.Conv2d(weight.shape[1] - doubled, weight.shape[0], 3, padding=1, bias=False)
            self.beside.weight.data = weight[:, doubled:].clone()
        self.then = nn.Sequential(*list(first)[1:], block.get_submodule("conv2"), block.get_submodule("attention2"))

    def forward(self, x: Tensor, *others: Any, **named: Any) -> Tensor:
        """Return float32 (N, K, 2 H, 2 W) of (N, C, H, W), and of the skip connection that a block is given besides.

        A U-Net's block is told a height and a width: not the double where an encoder has rounded up when it halved.
        """
        sides = [value for value in others if isinstance(value, int)]
        if sides and sides != [2 * side for side in x.shape[2:]]:
            return cast(Tensor, self.plain(x, *others, **named))
        answer = self.twice(x)
        if self.beside is not None:
            skip = next(value for value in (*others, *named.values()) if isinstance(value, Tensor))
            answer += self.beside(skip)
        return cast(Tensor, self.then(answer))


def _of_doubled(weight: Tensor) -> Tensor:
    """Return the weights (C, K, 4, 4) of a transposed convolution that does what these (K, C, 3, 3) do to the doubled image."""
    sums = torch.zeros(4, 3)
    for odd in (0, 1):
        for tap in range(3):
            # The pixel that this tap of an even or odd pixel of the answer meets, counted from the one that it came from.
            pixel = (odd + tap - 1) // 2
            sums[odd + 1 - 2 * pixel, tap] += 1
    return torch.einsum("ay,kcyx,bx->ckab", sums, weight, sums).contiguous()


def _doubles(module: nn.Module) -> bool:
    """Whether a module is a block that doubles by nearest neighbours and gives the pile to a plain convolution."""
    if not isinstance(module, UnetDecoderBlock | UnetPlusPlusBlock) or module.interpolation_mode != "nearest":
        return False
    first = module.conv1[0] if isinstance(module.conv1, nn.Sequential) else None
    return (
        isinstance(first, nn.Conv2d)
        and (first.kernel_size, first.padding, first.stride, first.dilation) == ((3, 3), (1, 1), (1, 1), (1, 1))
        and first.groups == 1
        and isinstance(module.attention1.attention, nn.Identity)
    )


def _channels_doubled(network: nn.Module, blocks: list[str], x: Tensor) -> dict[str, int]:
    """Return of each block that a network calls how many channels it doubles."""
    doubled: dict[str, int] = {}

    def listen(name: str) -> Any:
        def heard(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            doubled[name] = inputs[0].shape[1]

        return network.get_submodule(name).register_forward_pre_hook(heard)

    hooks = [listen(name) for name in blocks]
    try:
        network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return doubled


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
