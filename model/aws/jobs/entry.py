"""What runs in a training container: `floodscope train` on the channels, its bundle in SM_MODEL_DIR.

SageMaker tells by the environment where things are: `SM_CHANNEL_*` the folders of the data, `SM_MODEL_DIR` what becomes
model.tar.gz, `SM_HPS` (or `SM_HP_*`) the hyperparameters, `SM_NUM_GPUS`, `SM_OUTPUT_DATA_DIR`. A hyperparameter is an
option of `floodscope train` (recipe, split, share, workers, devices, device) or a field of the recipe (learning_rate,
architecture, augmentation__zoom: two underscores reach into a field, since a dot cannot be part of a variable's name).

Only the standard library is imported here: the libraries of the training come with the command.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiles.errors import SourceError, TrainingError, UsageError

CHECKPOINTS = "/opt/ml/checkpoints"
"""SageMaker keeps this folder in S3, and brings it back when a spot instance is replaced."""

INDEX = "floodscope-upload.json"
"""Names an upload's sources, and every file with its size and SHA-256; sent last: an upload without it is not whole."""

_OPTIONS = ("recipe", "split", "share", "workers", "devices", "device")
# The SDK's own channels: the code and what starts it.
_NO_DATA = {"SM_CHANNEL_CODE", "SM_CHANNEL_SM_DRIVERS"}


def main() -> None:
    """Train as the environment says; where that fails, say why in SageMaker's failure file and leave with 1."""
    try:
        run(os.environ)
    except (SourceError, TrainingError, UsageError) as error:
        print(f"floodscope: {error}", file=sys.stderr, flush=True)
        failure = Path(os.environ.get("SM_OUTPUT_FAILURE", "/opt/ml/output/failure"))
        if failure.parent.is_dir():
            failure.write_text(str(error), encoding="utf-8")
        sys.exit(1)


def run(environment: Mapping[str, str]) -> Path:
    """Run `floodscope train`, and return the folder of the bundle that it wrote.

    Raises:
        SourceError: there is no channel, or its upload is not whole.
        UsageError: SM_MODEL_DIR is not set, or the hyperparameters are no JSON object.
        TrainingError: the training failed; says what it said last.
    """
    if not environment.get("SM_MODEL_DIR"):
        raise UsageError("SM_MODEL_DIR is not set: SageMaker sets it; elsewhere, set it to the folder for the bundle.")
    sources = sources_of(environment)
    out = _working_folder(environment)
    command = [sys.executable, "-m", "dashboard", "train", *map(str, sources), "--out", str(out), "--resume"]
    command += options_of(hyperparameters(environment), int(environment.get("SM_NUM_GPUS") or 0))
    print("floodscope: " + " ".join(command), flush=True)
    _follow(command, environment)
    target = Path(environment["SM_MODEL_DIR"])
    shutil.copytree(out / "bundle", target, dirs_exist_ok=True)
    kept = environment.get("SM_OUTPUT_DATA_DIR")
    if kept and (out / "logs").is_dir():
        shutil.copytree(out / "logs", Path(kept) / "logs", dirs_exist_ok=True)
    return target


def sources_of(environment: Mapping[str, str]) -> list[Path]:
    """Return the sources in the channels: those that `floodscope sagemaker upload` names, else the channel's folder.

    Raises:
        SourceError: there is no channel, or a file of an upload is missing.
    """
    channels = {
        name: Path(folder)
        for name, folder in sorted(environment.items())
        if name.startswith("SM_CHANNEL_") and name not in _NO_DATA
    }
    if not channels:
        raise SourceError("There is no data channel (SM_CHANNEL_...): start the job with `floodscope sagemaker train`.")
    found: list[Path] = []
    for name, folder in channels.items():
        if not (folder / INDEX).is_file():
            found.append(folder)
            continue
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        for file, entry in index["files"].items():
            path = folder / file
            if not path.is_file() or path.stat().st_size != entry["size"]:
                raise SourceError(f"{name} lacks {file}, or a part of it: run `floodscope sagemaker upload` again.")
        found += [folder / source for source in index["sources"]]
    return found


def hyperparameters(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the hyperparameters by their names, as SM_HPS gives them or, where that is not set, SM_HP_*.

    Raises:
        UsageError: SM_HPS is no JSON object.
    """
    whole = environment.get("SM_HPS")
    if whole:
        try:
            read = json.loads(whole)
        except ValueError as error:
            raise UsageError(f"SM_HPS is no JSON ({error}): SageMaker writes it as an object.") from error
        if not isinstance(read, dict):
            raise UsageError("SM_HPS is no JSON object: SageMaker writes it as one.")
    else:
        prefix = "SM_HP_"
        read = {n[len(prefix) :].lower(): v for n, v in sorted(environment.items()) if n.startswith(prefix)}
    # SageMaker's own begin so: sagemaker_program, _tuning_objective_metric.
    return {name: _plain(value) for name, value in read.items() if not name.startswith(("_", "sagemaker_"))}


def options_of(values: Mapping[str, Any], gpus: int = 0) -> list[str]:
    """Return hyperparameters as options of `floodscope train`. All GPUs of the machine are used, by Lightning's DDP.

    Args:
        values: by name.
        gpus: of this machine.
    """
    known = {"devices": gpus} if gpus > 1 else {}
    known |= {name: value for name, value in values.items() if name in _OPTIONS}
    options = [text for name, value in known.items() for text in (f"--{name}", str(value))]
    for name, value in values.items():
        if name not in _OPTIONS:
            text = value if isinstance(value, str) else _toml(value)
            options += ["--set", f"{name.replace('__', '.')}={text}"]
    return options


def _toml(value: Any) -> str:
    """Return a value as TOML, which is what --set takes: JSON but for its tables."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(k))} = {_toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def _plain(value: Any) -> Any:
    """Return a value that tools have written as JSON in a text, once or twice."""
    for _ in range(2):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except ValueError:
            break
    return value


def _working_folder(environment: Mapping[str, str]) -> Path:
    """Return where training keeps its checkpoints: a folder of the job where SageMaker keeps them, else beside the output."""
    kept = Path(environment.get("FLOODSCOPE_CHECKPOINTS", CHECKPOINTS))
    if kept.is_dir():
        return kept / environment.get("TRAINING_JOB_NAME", "training")
    output = environment.get("SM_OUTPUT_DATA_DIR")
    return (Path(output) if output else Path(environment["SM_MODEL_DIR"]).parent) / "training"


def _follow(command: list[str], environment: Mapping[str, str]) -> None:
    """Run a command to its end, its output in the job's log; SIGTERM, as before a spot instance goes, is passed on."""
    here = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join([here, *filter(None, [environment.get("PYTHONPATH")])])
    said = ""
    with subprocess.Popen(  # noqa: S603 - our own interpreter and command
        command,
        env={**environment, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
            for line in process.stdout:
                print(line, end="", flush=True)
                said = line.strip() or said
        finally:
            signal.signal(signal.SIGTERM, before)
    if process.returncode != 0:
        raise TrainingError(f"floodscope train ended with {process.returncode}: {said.removeprefix('floodscope: ')}")
