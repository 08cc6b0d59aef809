"""The doors of one small bundle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.door.doors import Doors, open_doors
from tests.model.predictors.bundles import write_random
from tiles.simulate import simulate


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    write_random(folder / "bundle", threshold=0.4)
    with open_doors(folder, folder / "bundle", simulate(folder / "beside", chips=1, size=64)) as opened:
        yield opened
