"""How a callback of the browser is declared."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.page.address import Places


@dataclass(frozen=True)
class InBrowser:
    """A clientside callback: the function of assets/, what it writes, what runs it, what else it reads."""

    function: str
    outputs: Places
    inputs: Places
    states: Places = ()
    at_start: bool = True
