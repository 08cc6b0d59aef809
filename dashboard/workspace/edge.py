"""What bundles are called on pages, which are told no path of this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from model.predictors.select import ModelChoice

_BUNDLE = "bundle:"


def public_specs(choices: Sequence[ModelChoice]) -> dict[str, str]:
    """Return the specs of models as pages have them, each with the one that opens it: a bundle by its name, not its path."""
    specs: dict[str, str] = {}
    for choice in choices:
        wanted = public = (
            _BUNDLE + Path(choice.spec).name if os.sep in choice.spec and "://" not in choice.spec else choice.spec
        )
        number = 2
        while public in specs:
            public, number = f"{wanted}-{number}", number + 1
        specs[public] = choice.spec
    return specs
