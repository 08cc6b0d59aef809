"""The card of a model, as Markdown: the one that its training wrote, or what is known of a baseline, an endpoint, a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from model.predictors.adaptive import AdaptivePredictor
from model.predictors.backscatter import BackscatterPredictor

if TYPE_CHECKING:
    from model.predictors.protocol import Predictor
    from model.store.prediction import ModelKey

_THRESHOLD = (
    "A threshold on VH backscatter: still water mirrors the radar away, so a dark pixel is called water. It has learned "
    "nothing, has no weights, and its probabilities are not calibrated: they say how far speckle alone could have moved a "
    "pixel over the line.\n\n## Limits\n\n- Wind roughens water, which brightens it: it is missed.\n- Smooth sand, asphalt, "
    "radar shadow and dry lake beds look like water.\n- Flooded vegetation and towns brighten radar and are missed.\n- It "
    "marks water, not flood: permanent water is water too."
)
_ADAPTIVE = (
    "A rule that has learned nothing. VH is freed of speckle by total variation. Where the chip's histogram has two modes, one "
    "as dark as water and one as bright as land, the threshold lies between them; else it is -22 dB. Regions grow from dark "
    "seeds. Its probabilities are not calibrated: they say how far a pixel lies from the line, in dB.\n\n## Limits\n\n- Rough "
    "water, flooded plants and towns are missed.\n- Smooth sand, asphalt, radar shadow and dry lake beds look like water.\n- It "
    "marks water, not flood: permanent water is water too."
)
_GONE = (
    "Its predictions are in the store, the model itself is not on offer here: start the dashboard with `--bundle` and its "
    "path to predict with it."
)


def card_of(predictor: Predictor) -> str:
    """Return the card of a model that can be opened. Neither weights are loaded nor an endpoint asked."""
    from model.predictors.endpoint import EndpointPredictor  # noqa: PLC0415 - most have none
    from model.predictors.local import LocalPredictor  # noqa: PLC0415 - the baseline needs none of it

    if isinstance(predictor, LocalPredictor):
        from model.training.card import card_text  # noqa: PLC0415

        return card_text(predictor.bundle, has_plot=False)
    if isinstance(predictor, EndpointPredictor):
        text = _endpoint_text(predictor)
    else:
        adaptive, threshold = isinstance(predictor, AdaptivePredictor), isinstance(predictor, BackscatterPredictor)
        text = _ADAPTIVE if adaptive else _THRESHOLD if threshold else ""
    return _card(predictor.name, text, predictor.model_id, dict(predictor.parameters), predictor.threshold)


def card_of_stored(name: str, key: ModelKey) -> str:
    """Return the card of a model of which the store alone knows: it is not on offer."""
    text = _GONE
    if key.model_id == BackscatterPredictor.model_id:
        text = _ADAPTIVE if json.loads(key.parameters).get("method") == "adaptive" else _THRESHOLD
    return _card(name, text, key.model_id, json.loads(key.parameters), None)


def _endpoint_text(predictor: object) -> str:
    from model.predictors.endpoint import UNKNOWN_MODEL, EndpointPredictor  # noqa: PLC0415

    assert isinstance(predictor, EndpointPredictor)  # noqa: S101 - the caller has looked
    spec = predictor.spec
    where = f"{spec.target}" if spec.kind == "http" else f"the SageMaker endpoint {spec.target}"
    asked = (
        "It tells which model it runs"
        if predictor.model_id != UNKNOWN_MODEL
        else "It has not told yet which model it runs"
    )
    return (
        f"A model that is served elsewhere: each chip that is predicted is sent to {where} as VV and VH in dB, and a "
        f"probability of water comes back. {asked}; what that was trained on and how well it does, its own card says, where it "
        "was trained."
    )


def _card(name: str, text: str, model_id: str, parameters: dict[str, object], threshold: float | None) -> str:
    given = ", ".join(f"{k} = {v}" for k, v in sorted(parameters.items())) or "none"
    cut = "" if threshold is None else f", mask threshold {threshold:g}"
    return f"# {name}\n\n{text}\n\n## Identity\n\nModel `{model_id[:16]}`, parameters: {given}{cut}.\n"
