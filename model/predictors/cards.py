"""The card of a model that no training has written one of, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from model.predictors.protocol import Parameter


def plain_card(
    name: str, about: str, model_id: str, parameters: Mapping[str, Parameter], threshold: float | None = None
) -> str:
    """Return a card: what a model is called, what is said of it (Markdown), and what identifies it."""
    given = ", ".join(f"{k} = {v}" for k, v in sorted(parameters.items())) or "none"
    cut = "" if threshold is None else f", mask threshold {threshold:g}"
    return f"# {name}\n\n{about}\n\n## Identity\n\nModel `{model_id[:16]}`, parameters: {given}{cut}.\n"
