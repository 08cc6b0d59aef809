"""The names of the tile layers."""

from __future__ import annotations

from typing import Literal

Layer = Literal["composite", "vv", "vh", "scores", "mask"]
IMAGERY: frozenset[Layer] = frozenset({"composite", "vv", "vh"})
"""Layers made of the image alone; the others need a prediction."""
