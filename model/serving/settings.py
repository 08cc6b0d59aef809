"""What decides how a model is served: environment variables, read once, and the folders of the container's contract."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, get_args

from model.bundle.archive import MANIFEST
from model.bundle.manifest import Augmentation, Bundle, Combine
from model.weights import WEIGHTS
from tiles.errors import BundleError, UsageError
from tiles.reading.raster import MAX_PIXELS

_T = TypeVar("_T")
_D = TypeVar("_D")

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
    max_pixels: int = 2 * MAX_PIXELS
    time_limit_s: float = 55.0

    def applied(self, bundle: Bundle) -> Bundle:
        """Return the bundle as it is served. Where a setting changes it, its id is another: so are its answers."""
        names = ("threshold", "temperature", "combine", "tta")
        return replace(bundle, **{n: getattr(self, n) for n in names if getattr(self, n) is not None})


def read_settings(environment: Mapping[str, str] | None = None) -> ServingSettings:
    """Return the settings that the environment gives.

    Raises:
        UsageError: a variable's value cannot be used; names the variable.
    """
    variables = _Variables(os.environ if environment is None else environment)
    return ServingSettings(
        threshold=variables.number("THRESHOLD", 0.0, 1.0, None),
        temperature=variables.number("TEMPERATURE", 1e-3, 1e3, None),
        combine=variables.choice("COMBINE", get_args(Combine)),
        tta=variables.choice("TTA", get_args(Augmentation)),
        device=variables.text("DEVICE"),
        threads=variables.whole("THREADS", 1, 1024, None),
        workers=variables.whole("WORKERS", 1, 64, None),
        batch_size=variables.whole("BATCH_SIZE", 1, 1024, None),
        max_payload_mb=variables.number("MAX_PAYLOAD_MB", 0.001, 2000.0, ServingSettings.max_payload_mb),
        max_requests=variables.whole("MAX_REQUESTS", 1, 256, ServingSettings.max_requests),
        max_waiting_mb=variables.number("MAX_WAITING_MB", 0.001, 1e6, ServingSettings.max_waiting_mb),
        max_images=variables.whole("MAX_IMAGES", 1, 1_000_000, ServingSettings.max_images),
        max_pixels=variables.whole("MAX_PIXELS", 1, 1 << 40, ServingSettings.max_pixels),
        time_limit_s=variables.number("TIME_LIMIT_S", 0.05, 3600.0, ServingSettings.time_limit_s),
    )


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


class _Variables:
    """Typed values of environment variables named FLOODSCOPE_..."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str | None:
        """Return a text, None where the variable is not set or empty."""
        return self._environment.get(f"FLOODSCOPE_{name}") or None

    def choice(self, name: str, choices: tuple[_T, ...]) -> _T | None:
        """Return one of some texts, None where the variable is not set."""
        text = self.text(name)
        if text is None:
            return None
        for known in choices:
            if text == known:
                return known
        raise _refused(name, text, f"one of {', '.join(map(str, choices))}")

    def number(self, name: str, low: float, high: float, default: _D) -> float | _D:
        """Return a number from `low` to `high`, the default where the variable is not set."""
        text = self.text(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise _refused(name, text, f"a number from {low:g} to {high:g}")
        return value

    def whole(self, name: str, low: int, high: int, default: _D) -> int | _D:
        """Return a whole number from `low` to `high`, the default where the variable is not set."""
        text = self.text(name)
        if text is None:
            return default
        if not text.isdecimal() or not low <= int(text[:20]) <= high:
            raise _refused(name, text, f"a whole number from {low} to {high}")
        return int(text)


def _refused(name: str, text: str, wanted: str) -> UsageError:
    return UsageError(f"FLOODSCOPE_{name} is {text[:60]!r}: give {wanted}, or leave it out.")
