"""From the name of a model, as a user gives it, to the predictor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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

_KNOWN = (SHIPPED, "backscatter", "backscatter:adaptive", "backscatter:otsu", "backscatter:-21.5")
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
    family, _, detail = text.partition(":")
    if text == SHIPPED:
        from model.predictors.local import LocalPredictor  # noqa: PLC0415 - the baseline needs none of it

        return LocalPredictor(WEIGHTS, device)
    if family == "backscatter":
        predictor = _open_backscatter(text, detail)
        if device not in (None, predictor.device):
            raise UsageError(
                f"The model {text} runs on the cpu alone: leave the device {device} out, or give a bundle."
            )
        return predictor
    if is_endpoint(text):
        if device is not None:
            raise UsageError(f"The endpoint {text[:120]} runs where it is: leave the device {device} out.")
        return open_endpoint(text)
    path = Path(text)
    try:
        on_disk = bool(text) and (is_archive(path) or is_bundle(path) or path.is_dir())
    except OSError:  # a text too long for a path
        on_disk = False
    if on_disk:
        from model.predictors.local import LocalPredictor  # noqa: PLC0415 - the baseline needs none of it

        return LocalPredictor(path, device)
    raise _unknown(text)


def known_models(paths: Sequence[str | Path] = ()) -> list[ModelChoice]:
    """Return the models that can be chosen: the shipped one, the baseline's, then the bundles, in the order of their paths.

    No weights are read: a damaged bundle is listed with its problem as far as model.json shows it.

    Args:
        paths: bundles, or folders that hold bundles.
    """
    choices = [ModelChoice(spec, open_predictor(spec).name) for spec in _KNOWN[:4]]
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
    about = _GONE
    if model_id == BackscatterPredictor.model_id:
        rule = AdaptivePredictor if parameters.get("method") == "adaptive" else BackscatterPredictor
        about = rule.about
    return plain_card(name, about, model_id, parameters)


def _open_backscatter(spec: str, detail: str) -> BackscatterPredictor | AdaptivePredictor:
    if detail == "adaptive":
        return AdaptivePredictor()
    if detail == "otsu":
        return BackscatterPredictor("otsu")
    if _NUMBER.fullmatch(detail):
        return BackscatterPredictor("fixed", float(detail))
    if spec == "backscatter":
        return BackscatterPredictor()
    raise _unknown(spec)


def _unknown(spec: str) -> ModelError:
    hint = suggestion(spec, _KNOWN).removesuffix(".").removesuffix("?")
    known = (
        f"{', '.join(_KNOWN)} (any value in dB), the path of a model bundle (a folder with model.json, or a .tar.gz), "
        f"or an endpoint: {SYNTAX}"
    )
    if hint.startswith(": did you mean"):
        return ModelError(f"There is no model {spec[:200]!r}{hint}? Known are {known}.")
    return ModelError(f"There is no model {spec[:200]!r}: give {known}.")
