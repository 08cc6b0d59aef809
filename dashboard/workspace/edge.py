"""What pages are told in place of this machine's paths: which folders are taken out of texts, what bundles are called."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model.predictors.endpoint_spec import is_endpoint
from model.predictors.select import ModelChoice
from tiles.catalog.public import CatalogFolders

if TYPE_CHECKING:
    from dashboard.workspace.settings import Settings
    from tiles.catalog.live import LiveCatalog

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


def _is_path(spec: str) -> bool:
    return os.sep in spec and not is_endpoint(spec)


class PublicFolders:
    """The folders of this machine that no answer names: of the chips, the data, the bundles, temporary ones, the program's."""

    def __init__(self, settings: Settings, choices: Sequence[ModelChoice], catalog: LiveCatalog) -> None:
        self._of_catalog = CatalogFolders(catalog)
        folders = [settings.data, Path(tempfile.gettempdir()), Path.home(), Path.cwd(), Path(sys.prefix)]
        folders += [Path(__file__).resolve().parents[2]]  # the program's
        folders += [source.parent if source.suffix else source for source in settings.sources]
        folders += [Path(choice.spec).parent for choice in choices if _is_path(choice.spec)]
        self._others = frozenset(str(folder.absolute()) for folder in folders)

    def __call__(self) -> frozenset[str]:
        """Return them, absolute."""
        return self._of_catalog() | self._others
