"""Networks of segmentation-models-pytorch, built from what a bundle says, and an ensemble of them as one module."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from model.bundle.fields import suggestion
from model.bundle.manifest import Bundle, Combine, Content, Member, read_states
from model.bundle.rule import RuleMember
from model.bundle.trees import TreeMember
from tiles.errors import BundleError, ModelError
from tiles.sentences import Sentence

# What a bundle decides elsewhere, or what would change the meaning of the output.
_NOT_OPTIONS = {
    "self",
    "kwargs",
    "encoder_name",
    "encoder_weights",
    "in_channels",
    "classes",
    "activation",
    "aux_params",
}
# Encoders halve their input five times; all that smp has divide 32 or are divided by it.
_MIN_STRIDE = 32


def architectures() -> dict[str, type[nn.Module]]:
    """Return the architectures by name, as "Unet"."""
    return {cls.__name__: cls for cls in smp.MODEL_ARCHITECTURES_MAPPING.values()}


def check_encoder(encoder: str) -> None:
    """Refuse an encoder that neither smp has nor, as `tu-...`, timm.

    Raises:
        ModelError: with the nearest names.
    """
    known = set(smp.encoders.get_encoder_names())
    if encoder in known:
        return
    import timm  # noqa: PLC0415 - smp has loaded it already

    if encoder.startswith("tu-") and timm.is_model(encoder.removeprefix("tu-").split(".")[0]):
        return
    if encoder.startswith("tu-"):
        known = {f"tu-{name}" for name in timm.list_models()}
    raise ModelError(f"There is no encoder {encoder!r}{suggestion(encoder, sorted(known))}")


def build_network(
    architecture: str,
    encoder: str,
    in_channels: int,
    *,
    classes: int = 1,
    options: Mapping[str, Any] | None = None,
    encoder_weights: str | None = None,
) -> nn.Module:
    """Return a network with random weights, or with its encoder pretrained: float32 (N, C, H, W) -> logits (N, K, H, W).

    Args:
        architecture: as "Unet"; upper and lower case do not matter.
        encoder: as "resnet18" or "tu-convnext_tiny".
        in_channels: C.
        classes: K.
        options: further arguments of the architecture.
        encoder_weights: as "imagenet", which is downloaded; None never touches the network.

    Raises:
        ModelError: a name or an option is unknown, with the nearest ones; or they do not go together.
    """
    known = architectures()
    cls = known.get(architecture) or smp.MODEL_ARCHITECTURES_MAPPING.get(architecture.lower())
    if cls is None:
        raise ModelError(f"There is no architecture {architecture!r}{suggestion(architecture, known)}")
    check_encoder(encoder)
    allowed = set(inspect.signature(cls.__init__).parameters) - _NOT_OPTIONS
    for option in options or {}:
        if option not in allowed:
            raise ModelError(f"{cls.__name__} takes no option {option!r}{suggestion(option, sorted(allowed))}")
    try:
        network = cls(
            encoder_name=encoder,
            encoder_weights=encoder_weights,
            in_channels=in_channels,
            classes=classes,
            **(options or {}),
        )
    except (ValueError, TypeError, KeyError, AssertionError, RuntimeError, IndexError, AttributeError) as error:
        raise ModelError(
            f"{cls.__name__} cannot be built on encoder {encoder} with options {dict(options or {})} ({_line(error)}): "
            "choose another encoder or options."
        ) from error
    return cast(nn.Module, network)


def stride_of(network: nn.Module) -> int:
    """Return the number that the sides of a network's input must be multiples of."""
    stride = getattr(getattr(network, "encoder", None), "output_stride", _MIN_STRIDE)
    return max(_MIN_STRIDE, int(stride))


class Ensemble(nn.Module):
    """Some networks that answer as one: the probability of water.

    Args:
        networks: each float32 (N, C, H, W) -> logits (N, 1 or 2, H, W); with 2 they are of dry and of water. Boosted trees
            are called alike.
        temperature: logits are divided by it.
        combine: "mean" or "max" of the networks' probabilities, or "vote", the share of networks with p >= 0.5.
        weights: of each network in a mean and a vote; None weighs all alike.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        temperature: float = 1.0,
        combine: Combine = "mean",
        weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.weights = tuple(weights or (1.0,) * len(networks))
        self.temperature = temperature
        self.combine = combine
        self.stride = max(stride_of(network) for network in networks)

    @property
    def has_rule(self) -> bool:
        """Whether the adaptive rule is among them, which takes something from all of an image."""
        return any(isinstance(network, RuleMember) for network in self.networks)

    def forward(self, x: Tensor, rule: Tensor | None = None) -> Tensor:
        """Return probabilities, float32 (N, H, W), of an input float32 (N, C, H, W) with sides in multiples of `stride`.

        Args:
            x: the input.
            rule: what the adaptive rule says of these pixels, log-odds (N, 1, H, W), where it was asked about all of the image
                already; None has it look at `x` alone.
        """
        # One after the other into one running total: memory does not grow with the number of networks.
        total = self._probability(self.networks[0], x, rule)
        if self.combine != "max":
            total = total * self.weights[0]
        for network, weight in zip(self.networks[1:], self.weights[1:], strict=True):
            p = self._probability(network, x, rule)
            total = torch.maximum(total, p) if self.combine == "max" else total + p * weight
        return total if self.combine == "max" else total / sum(self.weights)

    def _probability(self, network: nn.Module, x: Tensor, rule: Tensor | None) -> Tensor:
        logits: Tensor = rule if rule is not None and isinstance(network, RuleMember) else network(x).float()
        margin = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
        p = torch.sigmoid(margin / self.temperature)
        if self.combine == "vote":
            return torch.where(p.isnan(), p, (p >= 0.5).float())  # NaN stays NaN: it is no vote for dry
        return p


def build_member(bundle: Bundle, member: Member) -> nn.Module:
    """Return the network of one member of a bundle, with random weights.

    Raises:
        ModelError: as `build_network`.
    """
    return build_network(
        member.architecture or bundle.architecture,
        member.encoder or bundle.encoder,
        bundle.in_channels,
        classes=bundle.classes,
        options=bundle.options if member.options is None else member.options,
    )


def load_ensemble(path: str | Path, bundle: Bundle) -> Ensemble:
    """Return the networks of the bundle at `path` with their weights, in evaluation mode, on the CPU, float32.

    Raises:
        BundleError: the bundle names an unknown network, or the weights are missing, altered or of another network.
        ModelError: a member is boosted trees, and LightGBM is not installed.
    """
    networks: list[nn.Module] = []
    for member, state in zip(bundle.members, read_states(path, bundle), strict=True):
        if member.kind == "rule" and isinstance(state, str):
            networks.append(RuleMember(state, bundle.channels, bundle.normalisation, f"{path}/{member.file}"))
            continue
        if isinstance(state, str):
            networks.append(TreeMember(state, bundle.channels, bundle.normalisation, f"{path}/{member.file}"))
            continue
        try:
            network = build_member(bundle, member)
        except ModelError as error:
            raise BundleError("{file}: {why}", file=path, why=Sentence(str(error))) from error
        _load_state(network, state, f"{path}/{member.file}")
        networks.append(network)
    return Ensemble(networks, bundle.temperature, bundle.combine, bundle.weights).eval().requires_grad_(False)


def content_of(network: nn.Module) -> Content:
    """Return what a bundle's file holds of a member."""
    return network.text if isinstance(network, TreeMember | RuleMember) else network.state_dict()


def _load_state(network: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    wanted = network.state_dict()
    for name, tensor in wanted.items():
        if name not in state:
            raise BundleError(
                f"{{file}} lacks the tensor {name}, so it holds another network than model.json names.",
                file=where,
            )
        if state[name].shape != tensor.shape:
            raise BundleError(
                f"{{file}} holds {name} of shape {tuple(state[name].shape)}, but the network that model.json names has "
                f"{tuple(tensor.shape)}.",
                file=where,
            )
    for name in state:
        if name not in wanted:
            raise BundleError(
                f"{{file}} holds the tensor {name}, which the network that model.json names does not have.",
                file=where,
            )
    network.load_state_dict(state)


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
