"""What waits in the inference queue: one chip, or one scene, under one model."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from rasterio.windows import Window

from model.inference.job import Job
from model.inference.scenes import SceneRun, in_windows
from model.predictors.protocol import Predictor
from model.store.store import ModelKey
from tiles.chip import Chip, ChipRecord
from tiles.scenes.windows import Scene

CLICK = 0
"""Priority of a chip that someone waits for."""
ASIDE = 5
"""Priority of a chip in memory whose answer is looked at and not kept."""
BULK = 10
"""Priority of a chip of a job."""


@dataclass(eq=False)
class Task:
    """One chip to predict under one model, and who waits for it."""

    record: ChipRecord
    predictor: Predictor
    key: ModelKey
    priority: int
    force: bool
    futures: list[Future[Any]] = field(default_factory=list)
    chip: Chip | None = None  # in memory: its answer is given to who waits for it, and not stored
    jobs: list[Job] = field(default_factory=list)
    begun: bool = False
    run: SceneRun | None = None  # of a scene whose windows are being predicted
    view: Window | None = None  # of a scene, the part that somebody looks at
    opened: Scene | None = None  # the scene, where it is open already
    ending: bool = False  # all windows are done, and its raster is made
    dropped: bool = False  # a scene that nobody waits for any more, while one of its windows is predicted

    @property
    def by_windows(self) -> bool:
        """Whether it is done window by window, and lets others go between two of them."""
        return self.chip is None and in_windows(self.record)


def begin(future: Future[Any]) -> bool:
    """Return whether a future is still wanted; it cannot be cancelled any more then."""
    return future.running() or future.set_running_or_notify_cancel()
