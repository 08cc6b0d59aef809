"""A model on disk (contract 4): model.json, read strictly, the files beside it, and the identity that follows from both."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from model.bundle.archive import MANIFEST, read_files, read_manifest
from model.bundle.fields import Fields, a_list_of, a_match, a_number, a_text, a_whole_number, an_object, one_of
from model.bundle.normalisation import Normalisation, parse_normalisation
from model.bundle.regions import Regions, parse_regions
from tiles.errors import BundleError, ModelError
from tiles.files import write_whole

if TYPE_CHECKING:
    from torch import Tensor

SCHEMA = 1
"""The version of model.json that this module reads and writes."""

Channel = Literal["vv", "vh", "elevation", "permanent_water"]
Combine = Literal["mean", "max", "vote"]
Augmentation = Literal["none", "d4"]
Kind = Literal["trees", "rule"]
Content = Mapping[str, "Tensor"] | str
"""What a member's file holds: a network's weights, or the text of boosted trees or of a rule."""

# A network's weights are safetensors, boosted trees are LightGBM's text, a rule is its name. None can hold code.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}"
_WEIGHTS = (re.compile(_NAME + r"\.safetensors"), "a plain file name that ends in .safetensors")
_TEXT = (re.compile(_NAME + r"\.txt"), "a plain file name that ends in .txt")
_FILE_NAMES = {None: _WEIGHTS, "trees": _TEXT, "rule": _TEXT}
CHIPS = "chips.json"
"""Name of the list of the chips that a bundle was trained on (`model.seen.chips`), beside model.json."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_MEMBERS = 64


@dataclass(frozen=True)
class Member:
    """One network of a bundle, or boosted trees, or a rule.

    Attributes:
        file: name of its file, beside model.json.
        sha256: hash of that file, 64 hex digits; filled in when the bundle is written.
        kind: None for a network, "trees" for boosted trees over each pixel's surroundings (model.bundle.trees),
            "rule" for one that learned nothing (model.bundle.rule).
        architecture, encoder, options: of a network, where they differ from the bundle's own, else None.
        weight: its share of a mean or a vote beside the others', above 0; None is 1.
    """

    file: str
    sha256: str = ""
    kind: Kind | None = None
    architecture: str | None = None
    encoder: str | None = None
    options: Mapping[str, Any] | None = None
    weight: float | None = None


@dataclass(frozen=True)
class Bundle:
    """A model: everything but the weights themselves. Nothing else is needed to rebuild it.

    Attributes:
        name: for people.
        architecture: a segmentation-models-pytorch class, as "Unet"; "" where no member is a network.
        encoder: one of its encoders, as "resnet18" or "tu-convnext_tiny".
        normalisation: of the input channels.
        members: the networks and trees, one or more.
        channels: the input channels, in order.
        options: further arguments of the architecture, as `decoder_channels`.
        classes: 1 (the logit of water) or 2 (logits of dry, water).
        threshold: mask threshold to begin with, in [0, 1], fitted on validation.
        temperature: logits are divided by it before the sigmoid (Guo et al. 2017); above 0.
        combine: how the members' probabilities become one: their mean, their max, or the share of members with p >= 0.5; a
            mean and a share by the members' weights.
        tta: "d4" averages over the eight flips and quarter turns of the input.
        regions: which regions of the probability are water (model.bundle.regions); None looks at each pixel alone.
        training: data and split, as the trainer wrote it.
        scores: measured scores, as the evaluation wrote them.
        licence, version: of the model.
        chips: sha256 of `chips.json`, which names the chips that it was trained and calibrated on; "" where there is none.
    """

    name: str
    architecture: str
    encoder: str
    normalisation: Normalisation
    members: tuple[Member, ...] = (Member("model.safetensors"),)
    channels: tuple[Channel, ...] = ("vv", "vh")
    options: Mapping[str, Any] = field(default_factory=dict)
    classes: int = 1
    threshold: float = 0.5
    temperature: float = 1.0
    combine: Combine = "mean"
    tta: Augmentation = "none"
    regions: Regions | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    version: str = "1"
    chips: str = ""

    @property
    def in_channels(self) -> int:
        """The number of input channels."""
        return len(self.channels)

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each member."""
        return tuple(1.0 if member.weight is None else member.weight for member in self.members)

    @property
    def files(self) -> dict[str, str]:
        """The hash of every file beside model.json, by its name."""
        return {member.file: member.sha256 for member in self.members} | ({CHIPS: self.chips} if self.chips else {})

    @cached_property
    def id(self) -> str:
        """The identity, 64 hex digits: sha256 of the canonical model.json, which holds the hash of every member's file."""
        return hashlib.sha256(canonical_json(self.to_json()).encode()).hexdigest()

    def to_json(self) -> dict[str, object]:
        """Return model.json without its id."""
        members = [{k: v for k, v in asdict(member).items() if v is not None} for member in self.members]
        raw = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("chips", "regions"):  # so that bundles without them keep the id that they had
            if not raw[name]:
                del raw[name]
        return {
            "schema": SCHEMA,
            **raw,
            **({"regions": self.regions.to_json()} if self.regions else {}),
            "channels": list(self.channels),
            "normalisation": self.normalisation.to_json(),
            "members": members,
        }


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def read_bundle(path: str | Path, *, verify: bool = True) -> Bundle:
    """Return the bundle in a folder or a .tar.gz. No torch is needed; nothing is unpacked to disk.

    Args:
        path: a folder with model.json, or an archive of one.
        verify: also compare every member's file with its hash; without, only model.json itself is checked.

    Raises:
        BundleError: a file is missing, altered or not understood; says which.
    """
    path = Path(path)
    bundle = parse_bundle(read_manifest(path), f"{path}/{MANIFEST}")
    if verify:
        for _ in _checked_files(path, bundle.files):
            pass
    return bundle


def read_states(path: str | Path, bundle: Bundle) -> list[Content]:
    """Return the content of each member, in order: a network's weights, on the CPU, 16-bit floats as float32; trees' text.

    Raises:
        BundleError: a file is missing, altered or no safetensors file; says which.
    """
    import torch  # noqa: PLC0415 - only who loads weights pays for torch
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load  # noqa: PLC0415

    states: dict[str, Content] = {}
    texts = {member.file for member in bundle.members if member.kind is not None}
    for name, content in _checked_files(Path(path), bundle.files):
        if name == CHIPS:  # read by who asks for it; damaged, it is damaged for all
            continue
        if name in texts:
            states[name] = content.decode("ascii", "replace")
            continue
        try:
            state = load(content)
        except (SafetensorError, KeyError, ValueError) as error:
            raise BundleError(
                f"{{file}}/{name} is no safetensors file ({error}): write the bundle again.",
                file=path,
            ) from error
        for key, tensor in state.items():
            if tensor.is_floating_point():
                state[key] = tensor.to(torch.float32)
                if not bool(torch.isfinite(state[key]).all()):
                    raise BundleError(
                        f"{{file}}/{name} holds NaN or infinity in {key}: the training failed, train again.",
                        file=path,
                    )
        states[name] = state
    return [states[member.file] for member in bundle.members]


def read_list(path: Path, bundle: Bundle) -> bytes | None:
    """Return the content of a bundle's `chips.json`; None where it has none.

    Raises:
        BundleError: it is missing or altered.
    """
    if not bundle.chips:
        return None
    ((_, content),) = _checked_files(path, {CHIPS: bundle.chips})
    return content


def write_bundle(
    folder: str | Path, bundle: Bundle, states: Sequence[Content], *, half: bool = False, chips: bytes | None = None
) -> Bundle:
    """Write a bundle and return it as written, with the hashes of its members.

    Files of an older bundle in the folder are replaced; model.json goes last, so a torn write is no bundle.

    Args:
        folder: made where it does not exist.
        bundle: its members name the files; their hashes are filled in.
        states: one state dict a network, the text of trees.
        half: store floats as float16, half the size; tensors that float16 cannot hold stay as they are.
        chips: the content of `chips.json`; None where the model does not tell what it was trained on.

    Raises:
        ModelError: there are not as many states as members, or the list of chips that the bundle had would be lost.
        BundleError: the bundle's own fields would not be read back.
    """
    from safetensors.torch import save  # noqa: PLC0415

    if len(states) != len(bundle.members):
        raise ModelError(f"{bundle.name} has {len(bundle.members)} members, but {len(states)} states were given.")
    contents = [
        state.encode("ascii") if isinstance(state, str) else save({k: _stored(v, half) for k, v in state.items()})
        for state in states
    ]
    members = tuple(
        replace(member, sha256=hashlib.sha256(content).hexdigest())
        for member, content in zip(bundle.members, contents, strict=True)
    )
    if chips is None and bundle.chips:
        raise ModelError(f"{bundle.name} names the chips that it was trained on: give the list to write it again.")
    bundle = replace(bundle, members=members, chips="" if chips is None else hashlib.sha256(chips).hexdigest())
    folder = Path(folder)
    manifest, written = _manifest(folder, bundle)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for member, content in zip(members, contents, strict=True):
        write_whole(folder / member.file, content)
    if chips is None:
        (folder / CHIPS).unlink(missing_ok=True)
    else:
        write_whole(folder / CHIPS, chips)
    write_whole(folder / MANIFEST, manifest)
    return written


def attach_list(folder: Path, bundle: Bundle, chips: bytes) -> Bundle:
    """Write `chips.json` into the folder of a bundle in place of the one it had, and return the bundle as it is then."""
    manifest, written = _manifest(folder, replace(bundle, chips=hashlib.sha256(chips).hexdigest()))
    (folder / MANIFEST).unlink(missing_ok=True)
    write_whole(folder / CHIPS, chips)
    write_whole(folder / MANIFEST, manifest)
    return written


def _manifest(folder: Path, bundle: Bundle) -> tuple[bytes, Bundle]:
    """Return the model.json of a bundle, and the bundle that it is read as."""
    text = json.dumps({"id": bundle.id} | bundle.to_json(), indent=2, allow_nan=False).encode() + b"\n"
    return text, parse_bundle(text, f"{folder}/{MANIFEST}")


def _checked_files(path: Path, hashes: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    for name, content in read_files(path, hashes):
        if hashlib.sha256(content).hexdigest() != hashes[name]:
            raise BundleError(
                f"{{file}}/{name} was altered or damaged (its hash is another): fetch the bundle again.",
                file=path,
            )
        yield name, content


def _stored(tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu()
    if half and tensor.is_floating_point():
        small = tensor.half()
        if bool(small.isfinite().all()):
            tensor = small
    return tensor.contiguous().clone()  # channels_last or shared memory cannot be stored


def parse_bundle(text: str | bytes, where: str) -> Bundle:
    """Return the bundle that a model.json describes; every field is checked.

    Args:
        text: the content of model.json.
        where: its path, for messages.

    Raises:
        BundleError: naming the field, what it holds and what it should hold.
    """
    try:
        raw = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
        declared, bundle = _parse(raw, where)
        found = bundle.id
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"{{file}} is not JSON that can be read ({error}): write the bundle again.",
            file=where,
        ) from None
    if declared != found:
        raise BundleError(
            f"{{file}} was altered: its id says {declared[:12]}, its content is {found[:12]}; fetch the bundle again, "
            "or write it with write_bundle.",
            file=where,
        )
    return bundle


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is there twice")
    return fields


def _parse(raw: object, where: str) -> tuple[str, Bundle]:
    reader = Fields(raw, where)
    schema = reader.take("schema", a_whole_number)
    if schema != SCHEMA:
        remedy = "update floodscope" if schema > SCHEMA else "write the bundle again"
        raise BundleError(
            f"{{file}} has schema {schema}, but this floodscope reads schema {SCHEMA}: {remedy}.",
            file=where,
        )
    declared = reader.take("id", a_match(_SHA256, "64 hex digits"))
    channels = reader.take("channels", a_list_of(one_of(get_args(Channel))))
    if not channels or len(set(channels)) != len(channels):
        raise reader.error("channels", channels, "one or more different channels")
    bundle = Bundle(
        name=reader.take("name", a_text),
        architecture=reader.take("architecture", a_text),
        encoder=reader.take("encoder", a_text),
        normalisation=parse_normalisation(reader.take("normalisation", an_object), where, channels),
        members=_parse_members(reader.take("members", a_list_of(an_object)), reader, where),
        channels=tuple(channels),
        options=reader.take("options", an_object, {}),
        classes=reader.take("classes", one_of((1, 2)), 1),
        threshold=reader.take("threshold", a_number(0.0, 1.0)),
        temperature=reader.take("temperature", a_number(1e-3, 1e3), 1.0),
        combine=reader.take("combine", one_of(get_args(Combine)), "mean"),
        tta=reader.take("tta", one_of(get_args(Augmentation)), "none"),
        regions=parse_regions(reader.take("regions", an_object, None), where),
        training=reader.take("training", an_object, {}),
        scores=reader.take("scores", an_object, {}),
        licence=reader.take("licence", a_text, ""),
        version=reader.take("version", a_text, "1"),
        chips=reader.take("chips", a_match(_SHA256, "64 hex digits, the hash of chips.json"), ""),
    )
    reader.finish()
    return declared, bundle


def _parse_members(raw: list[dict[str, object]], parent: Fields, where: str) -> tuple[Member, ...]:
    members: list[Member] = []
    for i, entry in enumerate(raw):
        reader = Fields(entry, where, f"members[{i}].")
        kind = reader.take("kind", one_of(get_args(Kind)), None)
        member = Member(
            file=reader.take("file", a_match(*_FILE_NAMES[kind])),
            sha256=reader.take("sha256", a_match(_SHA256, "64 hex digits")),
            kind=kind,
            architecture=reader.take("architecture", a_text, None),
            encoder=reader.take("encoder", a_text, None),
            options=reader.take("options", an_object, None),
            weight=reader.take("weight", a_number(1e-3, 1e3), None),
        )
        reader.finish()
        if any(member.file == other.file for other in members):
            raise reader.error("file", member.file, "a file of its own to each member")
        members.append(member)
    if not 1 <= len(members) <= _MAX_MEMBERS:
        raise parent.error("members", len(members), f"1 to {_MAX_MEMBERS} of them")
    return tuple(members)
