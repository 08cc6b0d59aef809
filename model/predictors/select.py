"""From the name of a model, as a user gives it, to the predictor."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model.bundle.archive import is_archive, is_bundle
from model.bundle.fields import suggestion
from model.bundle.manifest import read_bundle
from model.predictors.adaptive import AdaptivePredictor
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.cards import plain_card
from model.predictors.endpoint_spec import SYNTAX, is_endpoint, parse_endpoint
from model.predictors.protocol import Parameter, Predictor
from model.weights import SHIPPED, WEIGHTS
from tiles.errors import BundleError, ModelError, UsageError

if TYPE_CHECKING:
    from model.predictors.endpoint import EndpointPredictor

_GONE = (
    "Its predictions are in the store, the model itself is not on offer here: start the dashboard with `--bundle` and its "
    "path to predict with it."
)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")


@dataclass(frozen=True)
class ModelChoice:
    """A model that can be chosen.

    Attributes:
        spec: what `open_predictor` takes.
        name: for people.
        problem: why it cannot be used, or None.
    """

    spec: str
    name: str
    problem: str | None = None


@dataclass(frozen=True)
class Family:
    """A kind of models: how a spec of it is told from others, and how one is opened.

    Attributes:
        takes: whether a text is a spec of this kind, sound or not; the first family that takes it opens it.
        open: gives the predictor of a spec on a device, quickly: weights are read by its `load`.
        offered: specs that every dashboard offers.
        example: a further spec, for messages.
        rule: the `model_id` of its models, where these are rules, which have learned nothing; else empty.
        about: what the card says of a rule with such parameters of which predictions alone are left.
    """

    takes: Callable[[str], bool]
    open: Callable[[str, str | None], Predictor]
    offered: tuple[str, ...] = ()
    example: str = ""
    rule: str = ""
    about: Callable[[Mapping[str, Parameter]], str] = lambda parameters: _GONE


def open_predictor(spec: str | Path, device: str | None = None) -> Predictor:
    """Return the predictor of that name. It is quick: weights and torch are loaded with the first prediction, or `load`.

    Args:
        spec: "floodscope" (the model that comes with the program), "backscatter" (VH below -22 dB), "backscatter:-21.5" (below
            another value), "backscatter:adaptive" (despeckled, a guarded threshold a chip, grown regions), "backscatter:otsu"
            (Otsu's threshold a chip), the path of a bundle: a folder with model.json, or a .tar.gz; or an endpoint, as
            `endpoint_spec.SYNTAX` has it, which nothing is sent to yet.
        device: for a bundle: "cpu", "cuda", "mps"; None takes the best that works. The baseline takes "cpu" alone.

    Raises:
        UsageError: the baseline was given a threshold that no backscatter reaches, or another device than the CPU; or an
            endpoint's options cannot be understood.
        ModelError: there is no such model; names what is known.
        BundleError: the bundle's model.json is missing, altered or not understood.
    """
    text = str(spec)
    for family in FAMILIES:
        if family.takes(text):
            return family.open(text, device)
    raise _unknown(text)


def known_models(paths: Sequence[str | Path] = ()) -> list[ModelChoice]:
    """Return the models that can be chosen: the shipped one, the baseline's, then the bundles, in the order of their paths.

    No weights are read: a damaged bundle is listed with its problem as far as model.json shows it.

    Args:
        paths: bundles, or folders that hold bundles.
    """
    choices = [ModelChoice(spec, open_predictor(spec).name) for family in FAMILIES for spec in family.offered]
    seen: set[Path] = set()
    for path in map(Path, paths):
        for candidate in [path] if is_bundle(path) or not path.is_dir() else sorted(path.iterdir()):
            if candidate.resolve() in seen or (candidate != path and not is_bundle(candidate)):
                continue
            seen.add(candidate.resolve())
            try:
                choices.append(ModelChoice(str(candidate), read_bundle(candidate, verify=False).name))
            except BundleError as error:
                choices.append(ModelChoice(str(candidate), candidate.name, str(error)))
    return choices


def open_endpoint(text: str) -> EndpointPredictor:
    """Return the predictor of an endpoint, which nothing is sent to yet.

    Raises:
        UsageError: the text or its options cannot be understood.
    """
    spec = parse_endpoint(text)
    if spec.kind == "http":
        from model.predictors.http import open_http  # noqa: PLC0415 - who has no endpoint needs none of it

        return open_http(spec)
    from model.predictors.sagemaker import open_sagemaker  # noqa: PLC0415

    return open_sagemaker(spec)


def stored_card(name: str, model_id: str, parameters: Mapping[str, Parameter]) -> str:
    """Return the card of a model of which predictions alone are left: of a rule on backscatter all is known."""
    families = [family for family in FAMILIES if family.rule == model_id]
    about = families[0].about(parameters) if families else _GONE
    return plain_card(name, about, model_id, parameters)


def is_rule(model_id: str) -> bool:
    """Return whether models of that id are rules, which have learned nothing."""
    return any(family.rule == model_id for family in FAMILIES if family.rule)


# --- the families -----------------------------------------------------------------------------------------------------


def _open_shipped(text: str, device: str | None) -> Predictor:
    return _open_bundle(str(WEIGHTS), device)


def _is_backscatter(text: str) -> bool:
    return text.partition(":")[0] == BackscatterPredictor.model_id


def _open_backscatter(text: str, device: str | None) -> Predictor:
    detail = text.partition(":")[2]
    predictor: Predictor
    if detail == "adaptive":
        predictor = AdaptivePredictor()
    elif detail == "otsu":
        predictor = BackscatterPredictor("otsu")
    elif _NUMBER.fullmatch(detail):
        predictor = BackscatterPredictor("fixed", float(detail))
    elif text == BackscatterPredictor.model_id:
        predictor = BackscatterPredictor()
    else:
        raise _unknown(text)
    if device not in (None, predictor.device):
        raise UsageError(f"The model {text} runs on the cpu alone: leave the device {device} out, or give a bundle.")
    return predictor


def _about_backscatter(parameters: Mapping[str, Parameter]) -> str:
    return AdaptivePredictor.about if parameters.get("method") == "adaptive" else BackscatterPredictor.about


def _open_extent(text: str, device: str | None) -> Predictor:
    from model.predictors.extent import ExtentPredictor  # noqa: PLC0415 - who has none needs no rasters

    if device not in (None, ExtentPredictor.device):
        raise UsageError(f"{text[:120]} is read and not run: leave the device {device} out.")
    return ExtentPredictor(text)


def _open_at_endpoint(text: str, device: str | None) -> Predictor:
    if device is not None:
        raise UsageError(f"The endpoint {text[:120]} runs where it is: leave the device {device} out.")
    return open_endpoint(text)


def _lies_on_disk(text: str) -> bool:
    path = Path(text)
    try:
        return bool(text) and (is_archive(path) or is_bundle(path) or path.is_dir())
    except OSError:  # a text too long for a path
        return False


def _open_bundle(text: str, device: str | None) -> Predictor:
    from model.predictors.heap import share_heaps  # noqa: PLC0415
    from model.predictors.local import LocalPredictor  # noqa: PLC0415 - the baseline needs none of it

    share_heaps(1)  # before torch is there, whose threads would have heaps of their own
    return LocalPredictor(Path(text), device)


FAMILIES: tuple[Family, ...] = (
    Family(lambda text: text == SHIPPED, _open_shipped, offered=(SHIPPED,)),
    Family(
        _is_backscatter,
        _open_backscatter,
        offered=("backscatter", "backscatter:adaptive", "backscatter:otsu"),
        example="backscatter:-21.5",
        rule=BackscatterPredictor.model_id,
        about=_about_backscatter,
    ),
    Family(lambda text: text.startswith("extent:"), _open_extent),
    Family(is_endpoint, _open_at_endpoint),
    Family(_lies_on_disk, _open_bundle),
)
_KNOWN = tuple(spec for family in FAMILIES for spec in (*family.offered, family.example) if spec)


def _unknown(spec: str) -> ModelError:
    hint = suggestion(spec, _KNOWN).removesuffix(".").removesuffix("?")
    known = (
        f"{', '.join(_KNOWN)} (any value in dB), the path of a model bundle (a folder with model.json, or a .tar.gz), "
        f"or an endpoint: {SYNTAX}"
    )
    if hint.startswith(": did you mean"):
        return ModelError(f"There is no model {spec[:200]!r}{hint}? Known are {known}.")
    return ModelError(f"There is no model {spec[:200]!r}: give {known}.")
