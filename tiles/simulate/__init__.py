"""Simulated chips, for the demo and for tests: `simulate` writes a folder of them. docs/simulation.md says how they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiles.simulate.folder import simulate

__all__ = ["simulate"]


def __getattr__(name: str) -> Any:
    """Load the simulator when `tiles.simulate.simulate` is asked for: it needs rasterio and scipy, this package does not."""
    if name == "simulate":
        from tiles.simulate.folder import simulate  # noqa: PLC0415

        return simulate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
