"""What decides how a model is served: environment variables, read once, and the folders of the container's contract."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from model.bundle.archive import MANIFEST
from model.bundle.manifest import Augmentation, Bundle, Combine
from model.weights import WEIGHTS
from tiles.errors import BundleError, UsageError
from tiles.reading.raster import MAX_PIXELS

Take = Callable[[str, str], object]
"""Makes a setting of a variable's text; its name is for the error."""

PORT = 8080
MEGABYTE = 1_000_000

# What the hosting service calls its folder of everything; its own containers read the same variable.
_BASE_VARIABLE, _BASE = "SAGEMAKER_BASE_DIR", "/opt/ml"
_PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"


@dataclass(frozen=True)
class ServingSettings:
    """How a model is served. Each field is the environment variable FLOODSCOPE_ and its name in capitals.

    Attributes:
        threshold, temperature, combine, tta: in place of what the bundle's model.json says; None leaves that.
        device: "cpu", "cuda", "mps"; None takes the best that works.
        threads: torch's threads on the CPU; None takes as many as a local prediction does, since one thread and several
            round differently: so both answer the same bytes.
        workers: images that the CPU predicts at once; None takes as many as leave no core idle.
        batch_size: images that the network sees at once; None takes 1 on the CPU, 4 elsewhere.
        max_payload_mb: the largest request body, MB of 1,000,000 bytes; larger ones are answered with 413.
        max_requests: requests that wait or run at once; further ones are answered with 503.
        max_waiting_mb: bytes of all these together, MB; so memory is bounded.
        max_images: images of one request; more are answered with 413.
        max_pixels: pixels of the images of all requests that are worked on at once; further ones wait, within the time limit.
        time_limit_s: longest time from a request's arrival to its answer, seconds. The hosting service gives 60.
    """

    threshold: float | None = None
    temperature: float | None = None
    combine: Combine | None = None
    tta: Augmentation | None = None
    device: str | None = None
    threads: int | None = None
    workers: int | None = None
    batch_size: int | None = None
    max_payload_mb: float = 32.0
    max_requests: int = 32
    max_waiting_mb: float = 256.0
    max_images: int = 1024
    max_pixels: int = MAX_PIXELS
    time_limit_s: float = 55.0

    def applied(self, bundle: Bundle) -> Bundle:
        """Return the bundle as it is served. Where a setting changes it, its id is another: so are its answers."""
        names = ("threshold", "temperature", "combine", "tta")
        return replace(bundle, **{n: getattr(self, n) for n in names if getattr(self, n) is not None})


def read_settings(environment: Mapping[str, str] | None = None) -> ServingSettings:
    """Return the settings that the environment gives; a variable that is empty says nothing.

    Raises:
        UsageError: a variable's value cannot be used; names the variable.
    """
    variables = os.environ if environment is None else environment
    found: dict[str, Any] = {}
    for name, take in _TAKES.items():
        variable = f"FLOODSCOPE_{name.upper()}"
        if text := variables.get(variable):
            found[name] = take(text, variable)
    return ServingSettings(**found)


def default_model(environment: Mapping[str, str] | None = None) -> Path:
    """Return where the bundle lies: what FLOODSCOPE_MODEL names, else the model folder of the container's contract.

    Where nothing is named and that folder is missing or empty it is the bundle that comes with the program. A folder that
    holds something else than a bundle stays what is asked for, and is refused.
    """
    variables = os.environ if environment is None else environment
    if named := variables.get("FLOODSCOPE_MODEL"):
        return Path(named)
    folder = Path(variables.get(_BASE_VARIABLE) or _BASE) / "model"
    try:
        return folder if any(folder.iterdir()) else WEIGHTS
    except FileNotFoundError:
        return WEIGHTS
    except OSError:  # a file, or not to be read: who opens it says so
        return folder


def default_port(environment: Mapping[str, str] | None = None) -> int:
    """Return the port: what SAGEMAKER_BIND_TO_PORT says, as in endpoints of several containers, else 8080.

    Raises:
        UsageError: it is no port.
    """
    text = (os.environ if environment is None else environment).get(_PORT_VARIABLE) or str(PORT)
    if not text.isdecimal() or int(text) > 65535:
        raise UsageError(f"{_PORT_VARIABLE} is {text[:40]!r}, which is no port: give a number from 0 to 65535.")
    return int(text)


def find_bundle(folder: str | Path) -> Path:
    """Return the bundle in a model folder: the folder itself, an archive, or the one folder below that is a bundle.

    Raises:
        BundleError: there is none, or more than one.
    """
    path = Path(folder)
    if not path.is_dir() or (path / MANIFEST).is_file():
        return path
    below = sorted(manifest.parent for manifest in path.glob(f"*/{MANIFEST}"))
    if len(below) == 1:
        return below[0]
    found = f"holds {len(below)} of them" if below else f"lacks {MANIFEST}"
    raise BundleError(f"{path} should be one model bundle, but {found}: give the folder of one.")


def _refused(variable: str, text: str, wanted: str) -> UsageError:
    return UsageError(f"{variable} is {text[:60]!r}: give {wanted}, or leave it out.")


def _choice(choices: tuple[str, ...]) -> Take:
    def take(text: str, variable: str) -> str:
        if text not in choices:
            raise _refused(variable, text, f"one of {', '.join(choices)}")
        return text

    return take


def _number(low: float, high: float) -> Take:
    def take(text: str, variable: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise _refused(variable, text, f"a number from {low:g} to {high:g}")
        return value

    return take


def _whole(low: int, high: int) -> Take:
    def take(text: str, variable: str) -> int:
        if not text.isdecimal() or not low <= int(text[:20]) <= high:
            raise _refused(variable, text, f"a whole number from {low} to {high}")
        return int(text)

    return take


_TAKES: Mapping[str, Take] = {
    "threshold": _number(0.0, 1.0),
    "temperature": _number(1e-3, 1e3),
    "combine": _choice(get_args(Combine)),
    "tta": _choice(get_args(Augmentation)),
    "device": lambda text, _: text,
    "threads": _whole(1, 1024),
    "workers": _whole(1, 64),
    "batch_size": _whole(1, 1024),
    "max_payload_mb": _number(0.001, 2000.0),
    "max_requests": _whole(1, 256),
    "max_waiting_mb": _number(0.001, 1e6),
    "max_images": _whole(1, 1_000_000),
    "max_pixels": _whole(1, 1 << 40),
    "time_limit_s": _number(0.05, 3600.0),
}
