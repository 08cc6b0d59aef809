"""A recipe: everything that decides a training but the chips. Presets by name, TOML files, and single changes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from model.bundle.fields import suggestion
from model.bundle.manifest import Augmentation as TestTimeAugmentation
from model.bundle.manifest import Channel, Combine
from model.bundle.normalisation import Scaling
from model.training.augment import Augmentation
from model.training.loss import LossName
from tiles.errors import ModelError

Schedule = Literal["onecycle", "cosine", "constant"]
Balance = Literal["none", "country", "source", "water"]
Precision = Literal["auto", "bf16", "float32"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        name: for people.
        architecture, encoder, options, classes, channels: the network, as in a bundle.
        encoder_weights: "imagenet" where the encoder shall start from those, "" for random weights.
        scaling: of the input: "zscore" by the training chips' mean and spread, or "minmax" by `minmax_db`.
        minmax_db: the bounds of "minmax", dB.
        loss: one of model.training.loss.
        augmentation: random changes of each crop.
        crop: side of a crop, pixels.
        batch: crops a step.
        steps_per_epoch: optimiser steps between two validations.
        epochs: at most so many.
        patience: epochs without a better validation IoU until training stops; 0 never stops.
        learning_rate, weight_decay: of AdamW.
        schedule: of the learning rate over all steps.
        clip: largest norm of the gradient; 0 clips nothing.
        ema: decay a step of the exponential moving average of the weights, which is what is kept; 0 keeps the last weights.
        precision: "auto" computes in bfloat16 where the device does so natively.
        balance: what makes chips equally likely: each country, each source (model.training.split), or chips by their share of
            water, or each chip ("none").
        simulated_share: share of the crops taken from simulated chips where there are both, in [0, 1].
        least_known: share of a crop whose truth should be known, in [0, 1].
        members: networks that are trained, by seeds that follow each other; 0 with trees alone.
        keep_init: the network that training starts from stays, as a member of its own.
        trees: boosted trees over each pixel's surroundings, which join the networks as one more member; 0 has none.
        despeckled_below_db: one more member is a threshold on VH, averaged over some pixels, at so many dB; 0 has none.
        adaptive: one more member is the adaptive rule (model.bundle.adaptive).
        adaptive_weight: its weight in the mean beside the others', which have 1 each.
        grow, seed_from: which regions of the answer are water (model.bundle.regions): those of so probable pixels that hold
            enough of so much more probable ones; a grow of 0 looks at each pixel alone.
        combine: how the members become one: the "mean" or "max" of their probabilities, or the share that says water ("vote").
        truth_share: where a teacher is given, the weight of a known label beside the teacher's probability, in [0, 1].
        tta: "d4" averages the eight views in the finished bundle.
        seed: of everything random.
    """

    name: str = "floodscope"
    architecture: str = "Unet"
    encoder: str = (
        "tu-resnet18"  # of timm: at depth 4 it leaves out the last stage, which that of smp carries along unused
    )
    options: Mapping[str, Any] = field(
        default_factory=lambda: {"encoder_depth": 4, "decoder_channels": [128, 64, 32, 16]}
    )
    classes: int = 1
    channels: tuple[Channel, ...] = ("vv", "vh")
    encoder_weights: str = ""
    scaling: Scaling = "zscore"
    minmax_db: tuple[float, float] = (-77.0, 26.0)
    loss: LossName = "bce_dice"
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(
            symmetries=True, zoom=0.4, gain_db=1.0, band_gain_db=0.7, contrast=0.1, speckle_looks=6.0, blur=0.2
        )
    )
    crop: int = 192
    batch: int = 8
    steps_per_epoch: int = 100
    epochs: int = 40
    patience: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    schedule: Schedule = "onecycle"
    clip: float = 1.0
    ema: float = 0.98
    precision: Precision = "auto"
    balance: Balance = "country"
    simulated_share: float = 0.5
    least_known: float = 0.2
    members: int = 1
    keep_init: bool = False
    trees: int = 0
    despeckled_below_db: float = 0.0
    adaptive: bool = False
    adaptive_weight: float = 1.0
    grow: float = 0.0
    seed_from: float = 0.88
    truth_share: float = 0.5
    combine: Combine = "mean"
    tta: TestTimeAugmentation = "d4"
    seed: int = 0

    def to_json(self) -> dict[str, object]:
        """Return every field as JSON-able values."""
        return asdict(self) | {"channels": list(self.channels), "minmax_db": list(self.minmax_db)}

    @property
    def steps(self) -> int:
        """Optimiser steps of a training that is not stopped early."""
        return self.steps_per_epoch * self.epochs


# The weights that we ship: a network that simulated chips alone have taught, and the adaptive rule, which nothing has. They
# err in different ways, and their mean, three parts to one, holds where neither does alone; its regions need seeds, as the
# rule's own do (docs/model.md).
PRETRAIN = replace(
    Recipe(),
    name="pretrain",
    batch=32,
    learning_rate=2e-3,
    steps_per_epoch=100,
    epochs=30,
    patience=0,
    ema=0.998,
    simulated_share=1.0,
    adaptive=True,
    adaptive_weight=1 / 3,
    grow=0.4,
    combine="mean",
    tta="none",
)
# One network that answers as a teacher of several members does: it begins with the network of them (--init and --teacher, the
# same bundle), on simulated chips and on real ones that need no label. Augmented as scenes and processors differ: slopes and
# offsets of scales that are only about dB, 20 to 30 m.
DISTIL = replace(
    Recipe(),
    name="distil",
    augmentation=Augmentation(
        symmetries=True, zoom=0.6, gain_db=1.5, band_gain_db=1.0, contrast=0.2, speckle_looks=6.0, blur=0.3
    ),
    steps_per_epoch=100,
    epochs=2,
    patience=0,
    learning_rate=5e-4,
    balance="none",
    simulated_share=0.7,
    truth_share=0.3,
    tta="none",
)
# With real chips, as the first release shipped it: the pretrained network, the same after real chips, trees, and a threshold, by
# the largest probability. That was best on the twelve chips it was chosen on, and worst elsewhere (docs/model.md).
FINETUNE = replace(
    Recipe(),
    name="finetune",
    steps_per_epoch=100,
    epochs=2,
    patience=0,
    simulated_share=0.3,
    keep_init=True,
    trees=120,
    despeckled_below_db=-22.0,
    combine="max",
    tta="none",
)

# The capstone's configuration with its bugs mended: image and label are turned together, the cross-entropy has its
# gradient, the learning rate follows the epochs, nodata becomes the mean, unknown pixels are left out.
CAPSTONE = Recipe(
    name="capstone",
    encoder="efficientnet-b0",
    options={},
    classes=2,
    scaling="minmax",
    loss="xe_dice",
    augmentation=Augmentation(symmetries=True),
    crop=256,
    batch=8,
    epochs=40,
    patience=5,
    schedule="cosine",
    clip=0.0,
    ema=0.0,
    weight_decay=0.0,
    balance="none",
    tta="none",
)

# No network: gradient-boosted trees over means and spreads around each pixel, as the competition's winners had beside theirs.
TREES = replace(Recipe(), name="trees", members=0, trees=200, tta="none")

# Seconds of training: to see that the way from chips to a bundle is whole.
QUICK = replace(
    Recipe(),
    name="quick",
    options={"encoder_depth": 4, "decoder_channels": [32, 16, 16, 8]},
    crop=96,
    steps_per_epoch=10,
    epochs=2,
    ema=0.8,
    learning_rate=5e-3,
    tta="none",
)

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe for recipe in (Recipe(), PRETRAIN, DISTIL, FINETUNE, CAPSTONE, TREES, QUICK)
}
"""The presets by name."""

_LIMITS: Mapping[str, tuple[float, float]] = {
    "classes": (1, 2),
    "members": (0, 63),
    "trees": (0, 10_000),
    "adaptive_weight": (1e-3, 1e3),
    "grow": (0, 0.99),
    "seed_from": (0.01, 0.99),
    "crop": (32, 4096),
    "batch": (1, 4096),
    "steps_per_epoch": (1, 1e6),
    "epochs": (1, 1e5),
    "patience": (0, 1e5),
    "learning_rate": (1e-9, 10),
    "weight_decay": (0, 10),
    "clip": (0, 1e9),
    "ema": (0, 0.999999),
    "simulated_share": (0, 1),
    "least_known": (0, 1),
    "truth_share": (0, 1),
    "zoom": (0, 2),
    "gain_db": (0, 20),
    "band_gain_db": (0, 20),
    "contrast": (0, 2),
    "speckle_looks": (0, 1000),
    "blur": (0, 1),
}


def load_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """Return a preset, or the recipe of a TOML file (whose `base` names a preset), with some fields changed.

    Args:
        name: a preset's name, or the path of a .toml file.
        changes: "field=value" each, as "learning_rate=3e-4" or "augmentation.zoom=0"; values are TOML, or plain text.

    Raises:
        ModelError: there is no such preset, file or field, or a value is not what the field takes.
    """
    if name.endswith(".toml"):
        path = Path(name)
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModelError(f"The recipe {path} cannot be read ({error.strerror}): check the path.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ModelError(f"The recipe {path} is not TOML ({error}): mend it.") from error
        base = raw.pop("base", "floodscope")
        recipe = change_recipe(_preset(str(base)), {"name": path.stem} | raw)
    else:
        recipe = _preset(name)
    return change_recipe(recipe, parse_changes(changes))


def parse_changes(changes: Sequence[str]) -> dict[str, object]:
    """Return "field=value" texts as a tree of fields: "augmentation.zoom=0" becomes {"augmentation": {"zoom": 0}}.

    Raises:
        ModelError: a text has no "=".
    """
    tree: dict[str, Any] = {}
    for change in changes:
        key, separator, text = change.partition("=")
        if not separator:
            raise ModelError(f"{change!r} changes nothing: write field=value, as learning_rate=3e-4.")
        *rooms, last = key.strip().split(".")
        place = tree
        for room in rooms:
            place = place.setdefault(room, {})
            if not isinstance(place, dict):
                raise ModelError(f"{change!r} changes a part of {room}, which another --set changes whole.")
        place[last] = _parsed(text.strip())
    return tree


def change_recipe(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe with some fields changed.

    Raises:
        ModelError: a field is unknown, with the nearest names, or a value is not what it takes.
    """
    changed: Recipe = _changed(recipe, changes, "")
    return changed


def _preset(name: str) -> Recipe:
    if name not in RECIPES:
        raise ModelError(f"There is no recipe {name!r} (nor is it a .toml file){suggestion(name, RECIPES)}")
    return RECIPES[name]


def _parsed(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _changed(whole: Any, changes: Mapping[str, Any], prefix: str) -> Any:
    hints = get_type_hints(type(whole))
    known = [f.name for f in fields(whole)]
    new: dict[str, object] = {}
    for key, value in changes.items():
        if key not in known:
            raise ModelError(f"A recipe has no field {prefix}{key}{suggestion(key, known)}")
        old = getattr(whole, key)
        if isinstance(old, Augmentation):
            if not isinstance(value, Mapping):
                raise ModelError(f"The recipe's field {key} is {value!r}: give a table of its fields.")
            new[key] = _changed(old, value, f"{key}.")
        elif isinstance(old, bool):
            new[key] = _switch(value, prefix + key)
        else:
            new[key] = _checked(hints[key], value, prefix + key, _LIMITS.get(key))
    return replace(whole, **new)


def _switch(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise ModelError(f"The recipe's field {name} is {value!r}: give true or false.")
    return value


def _checked(hint: Any, value: Any, name: str, limits: tuple[float, float] | None) -> Any:
    """Return a value as a field's type, or raise ModelError with what the field takes."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal and value not in parts:
        raise ModelError(f"The recipe's field {name} is {value!r}{suggestion(str(value), list(map(str, parts)))}")
    if origin is tuple and isinstance(value, list | tuple) and (parts[-1] is Ellipsis or len(parts) == len(value)):
        kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(_checked(kind, one, name, None) for kind, one in zip(kinds, value, strict=True))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint in {int, float} and is_number and (hint is float or float(value).is_integer()):
        if limits is not None and not limits[0] <= value <= limits[1]:
            raise ModelError(
                f"The recipe's field {name} is {value}: give a number from {limits[0]:g} to {limits[1]:g}."
            )
        return hint(value)
    if origin is Literal or (hint is str and isinstance(value, str)):
        return value
    if origin is not None and origin is not tuple and origin is not Literal and isinstance(value, Mapping):
        return dict(value)
    wanted = {int: "a whole number", float: "a number", str: "a text"}.get(hint, "a list or table")
    raise ModelError(f"The recipe's field {name} is {value!r}: give {wanted}.")
