"""A small real bundle, and the service of it without a process around."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.serving.service import ModelService
from model.serving.settings import ServingSettings
from tests.model.predictors.bundles import write_random
from tests.waiting import until_ready


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serving") / "bundle"
    write_random(folder, threshold=0.4)
    return folder


@pytest.fixture(scope="session")
def service(bundle_folder: Path) -> Iterator[ModelService]:
    """A service of the bundle, its model loaded."""
    made = ModelService(bundle_folder, ServingSettings(max_payload_mb=3.0))
    made.start()
    until_ready(made.not_ready)
    yield made
    made.drain()
