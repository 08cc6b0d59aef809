"""Tuning: a study of recipes that survives a kill, can be shared by several machines, and ends in a table and a plot."""

from __future__ import annotations

import csv
import tomllib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import plotly.graph_objects as go
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, Trial, TrialState

from model.training.dataset import ChipCache
from model.training.fit import Machine, fit
from model.training.module import VALIDATION_IOU
from model.training.recipe import Recipe, change_recipe
from model.training.split import Split
from tiles.errors import ModelError, TrainingError, UsageError

STUDY = "study.db"
TABLE = "trials.csv"
PLOT = "trials.html"

_NAME = "floodscope"
# A trial whose process is silent for so long is taken to be dead, and is tried again.
_HEARTBEAT_S = 60
_RETRIES = 1

DEFAULT_SPACE: Mapping[str, Any] = {
    "architecture": ["Unet", "UnetPlusPlus", "DeepLabV3Plus"],
    "encoder": ["resnet18", "resnet34", "efficientnet-b0"],
    "learning_rate": {"low": 1e-4, "high": 5e-3, "log": True},
    "loss": ["xe_dice", "bce_jaccard", "focal_tversky", "lovasz"],
}
"""Architecture x encoder x learning rate x loss, as the capstone searched."""


@dataclass(frozen=True)
class Choice:
    """One dimension of a space: a list of values, or a range of numbers."""

    field: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def draw(self, trial: Trial) -> Any:
        """Return the value that the study suggests."""
        if self.values:
            # Optuna stores plain values only: a list or table goes by its place.
            plain = all(isinstance(v, str | int | float | bool) for v in self.values)
            if plain:
                return trial.suggest_categorical(self.field, list(self.values))
            return self.values[trial.suggest_categorical(self.field, list(range(len(self.values))))]
        if self.whole:
            return trial.suggest_int(self.field, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.field, self.low, self.high, log=self.log)


def read_space(path: Path | None) -> list[Choice]:
    """Return the space of a TOML file, or the default one.

    Each field of the recipe is a list of values, or a table with low, high and perhaps log = true. A dot reaches into the
    augmentation: "augmentation.zoom" = {low = 0.0, high = 0.8}.

    Raises:
        ModelError: the file cannot be read, or is no such space.
    """
    raw: Mapping[str, Any] = DEFAULT_SPACE
    if path is not None:
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModelError(f"The space {path} cannot be read ({error.strerror}): check the path.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ModelError(f"The space {path} is not TOML ({error}): mend it.") from error
    if not raw:
        raise ModelError(f"The space {path} is empty: give at least one field with its values.")
    choices = []
    for field, value in raw.items():
        if isinstance(value, list) and value:
            choices.append(Choice(field, tuple(value)))
        elif isinstance(value, Mapping) and {"low", "high"} <= set(value) <= {"low", "high", "log"}:
            low, high = value["low"], value["high"]
            numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (low, high))
            if not numbers or low >= high or (value.get("log") and low <= 0):
                raise ModelError(
                    f"The space's {field} goes from {low} to {high}: give low below high, above 0 with log."
                )
            whole = isinstance(low, int) and isinstance(high, int)
            choices.append(Choice(field, low=low, high=high, log=bool(value.get("log")), whole=whole))
        else:
            raise ModelError(
                f"The space's {field} is {value!r}: give a list of values, or a table of low, high and log."
            )
    for choice in choices:  # a misspelt field or value is told before hours of training
        for value in choice.values or (int(choice.low) if choice.whole else choice.low,):
            change_recipe(Recipe(), _tree(choice.field, value))
    return choices


def tune(
    base: Recipe,
    space: list[Choice],
    split: Split,
    folder: Path,
    trials: int,
    *,
    storage: str | None = None,
    machine: Machine | None = None,
    on_trial: Callable[[int, int], None] | None = None,
) -> optuna.Study:
    """Try recipes until the study holds `trials` finished ones, and write the table and the plot.

    A trial whose validation IoU lags behind the median of the others is pruned. Calling it again goes on; several machines
    may work on one storage.

    Args:
        base: what every trial has in common.
        space: what differs.
        split: with validation chips: their micro IoU is what is sought.
        folder: of the study, its trials, the table and the plot.
        trials: finished or pruned ones in all.
        storage: a SQLAlchemy URL; SQLite in `folder` where it is None.
        machine: what a trial runs on.
        on_trial: told (finished, in all).

    Raises:
        UsageError: there is nothing to validate on, or no trial could be trained.
    """
    if not split.validation:
        raise UsageError("Tuning needs chips to validate on: choose --split event, country or source.")
    if not base.members:
        raise UsageError(f"Tuning is of networks, and the recipe {base.name} has none: give it members.")
    folder.mkdir(parents=True, exist_ok=True)
    study = _study(storage or f"sqlite:///{folder / STUDY}", create=True)
    cache = ChipCache(base.channels)

    def objective(trial: Trial) -> float:
        recipe = base
        for choice in space:
            recipe = change_recipe(recipe, _tree(choice.field, choice.draw(trial)))
        trial.set_user_attr("recipe", recipe.to_json())

        def on_epoch(row: Mapping[str, float]) -> None:
            trial.report(row[VALIDATION_IOU], int(row["epoch"]))
            if trial.should_prune():
                raise optuna.TrialPruned

        home = folder / f"trial_{trial.number:04d}"
        done = fit(recipe, split, home, machine=machine, on_epoch=on_epoch, cache=cache)
        best: float = max(row[VALIDATION_IOU] for row in done.history)
        return best

    def finished() -> int:
        return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))

    def told(_: optuna.Study, trial: FrozenTrial) -> None:
        write_results(study, folder)
        if on_trial is not None:
            on_trial(finished(), trials)
        failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
        if finished() >= trials or (len(failed) >= max(3, trials) and not finished()):
            study.stop()

    if on_trial is not None:
        on_trial(finished(), trials)
    if finished() < trials:
        # What cannot be built or trained fails by itself; the study goes on.
        study.optimize(objective, callbacks=[told], catch=(ModelError, TrainingError))
    if not finished():
        raise UsageError("No trial could be trained: see the warnings above, and give a smaller space.")
    write_results(study, folder)
    return study


def best_recipe(path: Path) -> Recipe:
    """Return the best recipe of a study: the folder that tune wrote, or its study.db.

    Raises:
        UsageError: there is no study, or none of its trials is finished.
    """
    file = path / STUDY if path.is_dir() else path
    if not file.exists():
        raise UsageError(f"{path} holds no study: give the folder that `floodscope tune` wrote.")
    try:
        study = _study(f"sqlite:///{file}", create=False)
        recipe = study.best_trial.user_attrs["recipe"]
    except (KeyError, ValueError) as error:
        raise UsageError(f"The study {file} has no finished trial yet: run `floodscope tune` for longer.") from error
    return change_recipe(Recipe(), recipe)


def write_results(study: optuna.Study, folder: Path) -> None:
    """Write trials.csv, best first, and trials.html, a parallel-coordinates plot that opens offline."""
    trials = [t for t in study.get_trials(deepcopy=False) if t.state.is_finished()]
    fields = sorted({name for t in trials for name in t.params})
    done = sorted((t for t in trials if t.state != TrialState.FAIL), key=_value, reverse=True)
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["trial", "state", VALIDATION_IOU, *fields])
        for t in [*done, *(t for t in trials if t.state == TrialState.FAIL)]:
            value = "" if t.state == TrialState.FAIL else f"{_value(t):.4f}"
            writer.writerow([t.number, t.state.name.lower(), value, *(t.params.get(f, "") for f in fields)])
    if done:
        _parallel(done, fields).write_html(folder / PLOT, include_plotlyjs=True, full_html=True)


def _value(trial: FrozenTrial) -> float:
    """Return a trial's IoU: its result, or what it had reached when it was pruned."""
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        return trial.value
    return max(trial.intermediate_values.values(), default=0.0)


def _parallel(trials: list[FrozenTrial], fields: list[str]) -> go.Figure:
    dimensions: list[dict[str, object]] = []
    for field in fields:
        values = [t.params.get(field) for t in trials]
        if all(isinstance(v, int | float) for v in values):
            dimensions.append({"label": field, "values": values})
            continue
        names = sorted({str(v) for v in values})
        places = [names.index(str(v)) for v in values]
        dimensions.append({"label": field, "values": places, "tickvals": list(range(len(names))), "ticktext": names})
    iou = [_value(t) for t in trials]
    dimensions.append({"label": "validation IoU", "values": iou})
    figure = go.Figure(
        go.Parcoords(
            dimensions=dimensions, line={"color": iou, "colorscale": "Cividis", "showscale": True}, labelangle=0
        )
    )
    figure.update_layout(
        title=f"{len(trials)} trials by validation micro IoU", font={"family": "system-ui, sans-serif", "size": 13}
    )
    return figure


def _tree(field: str, value: Any) -> dict[str, object]:
    """Return a change of one field, whose name may reach into another by a dot."""
    *rooms, last = field.split(".")
    tree: dict[str, object] = {last: value}
    for room in reversed(rooms):
        tree = {room: tree}
    return tree


def _study(url: str, *, create: bool) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        # Optuna has called both experimental for years.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = RDBStorage(
            url,
            heartbeat_interval=_HEARTBEAT_S,
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=_RETRIES),
        )
    if not create:
        return optuna.load_study(study_name=_NAME, storage=storage)
    return optuna.create_study(
        study_name=_NAME,
        storage=storage,
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=5),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=1),
    )
