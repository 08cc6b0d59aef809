"""What decides a training's weights, noted in its folder: only the same training may go on there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from model.bundle.manifest import read_bundle
from model.bundle.normalisation import Normalisation
from model.training.dataset import ChipSummary
from model.training.recipe import Recipe
from model.training.teacher import Teacher
from tiles.chip import ChipRecord
from tiles.errors import UsageError

_PLAN = "plan.json"


def plan_of(
    recipe: Recipe,
    normalisation: Normalisation,
    train: Sequence[tuple[ChipRecord, ChipSummary]],
    judges: Sequence[tuple[ChipRecord, ChipSummary]],
    init: Path | None,
    teacher: Teacher | None = None,
) -> str:
    """Return what decides the weights, as text."""
    return json.dumps(
        {
            "recipe": recipe.to_json(),
            "normalisation": normalisation.to_json(),
            "train": [record.id for record, _ in train],
            "validation": [record.id for record, _ in judges],
            "init": read_bundle(init, verify=False).id if init else None,
            **({} if teacher is None else {"teacher": teacher.bundle.id}),
        },
        indent=1,
    )


def take_folder(folder: Path, plan: str, resume: bool) -> None:
    """Make the folder this training's own.

    Raises:
        UsageError: it holds another training, or this one and `resume` is not asked for; or it cannot be written.
    """
    noted = folder / _PLAN
    if noted.exists():
        if not resume:
            raise UsageError(f"{folder} holds a training already: go on with --resume, or choose another folder.")
        if noted.read_text(encoding="utf-8") != plan:
            raise UsageError(
                f"{folder} holds a training of another recipe or other chips, so it cannot be resumed with these: choose "
                "another folder."
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        noted.write_text(plan, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from error
