"""The model that comes with the program. Knows where it lies and loads nothing."""

from __future__ import annotations

from pathlib import Path

SHIPPED = "floodscope"
"""Spec of that model, which is the default wherever a model is asked for."""
WEIGHTS = Path(__file__).resolve().parent / SHIPPED
"""Its bundle."""
