"""Maps made in a thread of its own, one after another, so that a page that asks for a picture is told of it and does not wait."""

from __future__ import annotations

import functools
import itertools
import threading
from collections import OrderedDict
from pathlib import Path

from tiles.errors import BusyError, FloodscopeError
from tiles.products.kept import kept_at, kept_map
from tiles.products.product import Product


class _Stopped(Exception):  # noqa: N818 - the program ends
    """The map that is being made is not wanted any more."""


class Background:
    """Makes maps. Safe for threads.

    Attributes:
        on: whether maps are made here; where not, whoever asks for pixels makes the map and waits for it.
    """

    def __init__(self) -> None:
        self.on = False
        self._lock = threading.Condition()
        self._waiting: OrderedDict[Path, Product] = OrderedDict()
        self._share: dict[Path, float] = {}
        self._failed: dict[Path, FloodscopeError] = {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Have maps made here from now on."""
        self.on = True

    def stop(self) -> None:
        """Give up what is being made, and make no more."""
        with self._lock:
            self.on = False
            self._waiting.clear()
            self._lock.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def require(self, product: Product) -> Path:
        """Return the map of a product that is made; one that is not is begun.

        Raises:
            BusyError: it is being made, or waits for it; says how far it is.
            ChipError, OutputError: it could not be made.
        """
        target = kept_at(product)
        if target.is_file():
            return kept_map(product)
        with self._lock:
            if target in self._failed:
                raise self._failed.pop(target)  # told once; whoever asks again has it tried again
            if target not in self._share and target not in self._waiting:
                self._waiting[target] = product
                self._begin()
            ahead = sum(1 for _ in itertools.takewhile(lambda other: other != target, self._waiting))
            share = self._share.get(target)
        name = product.container.name
        if share is None:
            behind = f", behind {ahead} other{'' if ahead == 1 else 's'}" if ahead else ""
            raise BusyError(f"{name} is laid onto a map first{behind}, which takes minutes: click it again then.")
        raise BusyError(f"{name} is being laid onto a map ({100 * share:.0f} % done): click it again when it is whole.")

    def _begin(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="maps", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or not self.on:
                    self._thread = None
                    return
                target, product = self._waiting.popitem(last=False)
                self._share[target] = 0.0
            try:
                kept_map(product, functools.partial(self._tell, target))
            except _Stopped:
                pass
            except FloodscopeError as error:
                with self._lock:
                    self._failed[target] = error
            finally:
                with self._lock:
                    self._share.pop(target, None)

    def _tell(self, target: Path, share: float) -> None:
        if not self.on:
            raise _Stopped
        with self._lock:
            self._share[target] = share


@functools.cache
def background() -> Background:
    """Return this process's maker of maps; it makes none before `start`."""
    return Background()
