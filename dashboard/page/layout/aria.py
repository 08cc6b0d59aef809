"""Attributes for assistive technology, whose names are no Python identifiers."""

from __future__ import annotations

from typing import Any


def aria(**attributes: str) -> dict[str, Any]:
    """Return `aria-*` attributes as keywords of a component: `html.Div(**aria(label="Layers"))`."""
    return {f"aria-{name}": value for name, value in attributes.items()}
