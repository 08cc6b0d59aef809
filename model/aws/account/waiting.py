"""Waiting for what takes minutes at AWS, with a word whenever something changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tiles.errors import CloudError


@dataclass(frozen=True)
class Wait:
    """How long to wait, and how often to ask.

    Attributes:
        every_s: seconds between two questions.
        at_most_s: seconds after which waiting ends; what was begun goes on.
        sleep, clock: of time, in seconds.
    """

    every_s: float = 15.0
    at_most_s: float = 3600.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def until(self, over: Callable[[], bool], what: str | Callable[[], str], tell: Callable[[str], None]) -> None:
        """Wait until `over` is true.

        Args:
            over: asked again and again.
            what: what is waited for, and how it stands; told whenever it changes, with the seconds passed.
            tell: told it.

        Raises:
            CloudError: it took too long.
        """
        began = self.clock()
        told = ""
        while True:
            done = over()
            now = what if isinstance(what, str) else what()
            passed = self.clock() - began
            if now != told:
                tell(f"{now} ({passed:.0f} s)")
                told = now
            if done:
                return
            if passed > self.at_most_s:
                raise CloudError(
                    f"{now} since {passed / 60:.0f} minutes: it goes on at AWS; give the command again to wait on."
                )
            self.sleep(self.every_s)
