"""From chips to a bundle: fit, calibrate on validation, measure the finished bundle, write it with its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.bundle.manifest import Bundle, Member, read_bundle, write_bundle
from model.bundle.network import Ensemble, content_of, load_ensemble
from model.bundle.regions import Regions
from model.bundle.rule import RULE_TEXT, RuleMember
from model.bundle.threshold import threshold_trees
from model.bundle.trees import TreeMember
from model.evaluation.report import Summary, SummaryFigures
from model.predictors.local import LocalPredictor
from model.scores.histogram import ScoreHistogram, mean_over_chips
from model.scores.intervals import bootstrap_interval
from model.seen.chips import NOTHING, SeenChips, read_seen_chips
from model.training.calibrate import Calibration, Margins, calibrate, sample_margins
from model.training.card import write_card, write_overlays
from model.training.dataset import ChipCache
from model.training.fit import Fitted, Machine, fit
from model.training.fit_trees import fit_trees
from model.training.provenance import chips_of_training
from model.training.recipe import Recipe
from model.training.split import Split
from model.training.teacher import Teacher
from tiles.chip import ChipRecord
from tiles.errors import ChipError, UsageError
from tiles.reading.door import read_chip

BUNDLE = "bundle"
"""Name of the finished bundle's folder, in the folder of a training."""

_LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class Scored:
    """A validation chip, and how the finished bundle did on it."""

    record: ChipRecord
    probability: npt.NDArray[np.uint8]
    histogram: ScoreHistogram


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        path: the bundle's folder.
        bundle: what model.json says.
        fitted: the members: networks, then trees, then the threshold.
        scored: the validation chips.
        notes: what the door has to tell of the chips that were read, by id.
    """

    path: Path
    bundle: Bundle
    fitted: tuple[Fitted, ...]
    scored: tuple[Scored, ...]
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def train(
    recipe: Recipe,
    split: Split,
    folder: Path,
    *,
    init: Path | None = None,
    resume: bool = False,
    machine: Machine | None = None,
    calibration: tuple[Calibration, Mapping[str, Any]] | None = None,
    calibrated_on: SeenChips | None = None,
    on_epoch: Callable[[Mapping[str, float]], None] | None = None,
    cache: ChipCache | None = None,
    teacher: Path | None = None,
) -> Trained:
    """Train a recipe, and write its bundle into `folder`/bundle.

    Temperature and threshold are fitted on the validation chips only; where there are none they are those of
    `calibration`, or 1 and one half.

    Args:
        recipe, split, init, resume, machine, on_epoch, cache: as `model.training.fit.fit`.
        folder: of everything that is written.
        calibration: found by a cross-validation of the same recipe, with its scores for the card; only for a split without
            validation.
        calibrated_on: the chips of that cross-validation; None where it does not tell.
        teacher: a bundle whose probabilities are learned, beside labels and where there are none; for a split without
            validation. It goes with no `cache`.

    Raises:
        UsageError, ModelError, TrainingError: as `fit`.
    """
    if calibration is not None and split.validation:
        raise UsageError("A calibration from elsewhere is for a training without validation (--split all).")
    if not recipe.members and not recipe.trees:
        raise UsageError("A recipe with neither members nor trees trains nothing: give one of them.")
    if teacher is not None:
        told = Teacher(teacher, folder / "teacher", recipe.truth_share)
        cache = ChipCache(recipe.channels, teacher=told)
    cache = cache or ChipCache(recipe.channels)
    fitted = []
    for i in range(recipe.members):
        home = folder if recipe.members == 1 else folder / f"member_{i + 1}"
        one = replace(recipe, seed=recipe.seed + i)
        fitted.append(fit(one, split, home, init=init, resume=resume, machine=machine, on_epoch=on_epoch, cache=cache))
    if recipe.keep_init:
        fitted.append(_kept(init, fitted))
    if recipe.trees:
        joined = fitted[0].normalisation if fitted else None
        fitted.append(fit_trees(recipe, split, folder / "trees", normalisation=joined, resume=resume, cache=cache))
    path = folder / BUNDLE
    if recipe.despeckled_below_db:
        fitted.append(_threshold(recipe, fitted[0]))
    if recipe.adaptive:
        fitted.append(_adaptive(recipe, fitted[0]))
    bundle = _bundle(recipe, split, fitted, init, teacher)
    elsewhere = NOTHING if calibration is None else calibrated_on
    seen = chips_of_training(fitted[0].train, fitted[0].validation, cache, init=init, calibrated_on=elsewhere)
    if teacher is not None:
        seen = seen.with_more(read_seen_chips(teacher, read_bundle(teacher, verify=False)) or SeenChips(complete=False))
    scored: list[Scored] = []

    def write(bundle: Bundle) -> Bundle:
        states = [content_of(f.network) for f in fitted]
        return write_bundle(path, bundle, states, half=True, chips=seen.to_bytes())

    def histograms_at(temperature: float) -> list[ScoreHistogram]:
        scored[:] = score(write(replace(bundle, temperature=temperature)), path, fitted[0].validation)
        return [s.histogram for s in scored]

    fitted_on = Calibration()
    if fitted[0].validation:
        margins = margins_of(recipe, fitted, fitted[0].validation, cache)
        fitted_on = calibrate(margins, histograms_at, bundle.combine, bundle.weights)
        bundle = replace(bundle, scores={"validation": summary([(s.record, s.histogram) for s in scored], fitted_on)})
    elif calibration is not None:
        fitted_on = calibration[0]
        bundle = replace(bundle, scores={"cross_validation": dict(calibration[1])})
    bundle = write(replace(bundle, temperature=fitted_on.temperature, threshold=fitted_on.threshold))
    write_overlays(path, [(s.record, s.probability, s.histogram) for s in scored], bundle.threshold)
    write_card(path, bundle, ScoreHistogram.sum_of([s.histogram for s in scored]) if scored else None)
    return Trained(path, bundle, tuple(fitted), tuple(scored), cache.notes)


def _kept(init: Path | None, fitted: Sequence[Fitted]) -> Fitted:
    """Return the network that training started from as a member of its own."""
    if init is None or not fitted:
        raise UsageError("keep_init keeps the network that others started from: give --init, and members of 1 or more.")
    network = load_ensemble(init, read_bundle(init)).networks[0]
    return replace(fitted[0], network=network.cpu().eval().requires_grad_(False), history=(), best_epoch=0)


def _threshold(recipe: Recipe, first: Fitted) -> Fitted:
    """Return the threshold on despeckled VH as a member that joins another."""
    text = threshold_trees(recipe.despeckled_below_db)
    member = TreeMember(text, recipe.channels, first.normalisation, "the threshold on VH")
    return replace(first, network=member.eval(), history=(), best_epoch=0)


def _adaptive(recipe: Recipe, first: Fitted) -> Fitted:
    """Return the adaptive rule as a member that joins another."""
    member = RuleMember(RULE_TEXT, recipe.channels, first.normalisation, "the adaptive rule")
    return replace(first, network=member.eval(), history=(), best_epoch=0)


def margins_of(
    recipe: Recipe, fitted: Sequence[Fitted], records: Sequence[ChipRecord], cache: ChipCache
) -> list[Margins]:
    """Return the log-odds that some networks of one recipe give at known pixels of some chips."""
    ensemble = Ensemble([f.network for f in fitted])
    samples = [
        sample_margins(ensemble, fitted[0].normalisation, cache.get(record), recipe.tta, seed=i)
        for i, record in enumerate(records)
    ]
    return [sample for sample in samples if sample is not None]


def score(bundle: Bundle, path: Path, records: Sequence[ChipRecord]) -> list[Scored]:
    """Predict chips with the bundle as it was written, and count; nothing is stored."""
    predictor = LocalPredictor(path)
    out = []
    for record in records:
        chip = read_chip(record)
        if chip.label is None:
            raise ChipError(f"{record.id}: {chip.label_problem or 'there is no label'}, so it cannot be scored.")
        (probability,) = predictor.predict([chip])
        out.append(Scored(record, probability, ScoreHistogram.of(probability, chip.label)))
    return out


def summary(scored: Sequence[tuple[ChipRecord, ScoreHistogram]], calibration: Calibration) -> Summary:
    """Return the scores of some chips as model.json and the card give them."""

    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    def figures(histograms: Sequence[ScoreHistogram]) -> SummaryFigures:
        total = ScoreHistogram.sum_of(histograms)
        counts = total.confusion(calibration.threshold)
        interval = bootstrap_interval(histograms, calibration.threshold)
        return {
            "chips": len(histograms),
            "iou": rounded(counts.iou),
            "f1": rounded(counts.f1),
            "precision": rounded(counts.precision),
            "recall": rounded(counts.recall),
            "iou_ci": [round(v, 4) for v in interval] if interval else None,
            "calibration_error": rounded(total.calibration_error()),
            "water_share": round(total.water_pixels / max(1, total.pixels), 4),
        }

    countries: dict[str, list[ScoreHistogram]] = {}
    for record, histogram in scored:
        countries.setdefault(record.country_group, []).append(histogram)
    histograms = [histogram for _, histogram in scored]
    return {
        "metric": "micro IoU: pixels of all chips counted together, unknown label pixels left out",
        "threshold": calibration.threshold,
        "micro": figures(histograms),
        "mean_over_chips_iou": rounded(mean_over_chips(histograms, calibration.threshold)),
        "countries": {name: figures(members) for name, members in sorted(countries.items())},
    }


def _bundle(recipe: Recipe, split: Split, fitted: Sequence[Fitted], init: Path | None, teacher: Path | None) -> Bundle:
    first = fitted[0]
    names = [f"model_{i + 1}.safetensors" for i in range(recipe.members + recipe.keep_init)]
    members = [Member(name) for name in (["model.safetensors"] if len(names) == 1 else names)]
    network = (recipe.architecture, recipe.encoder, recipe.options) if members else ("", "", {})
    if recipe.trees:
        members.append(Member("trees.txt", kind="trees"))
    if recipe.despeckled_below_db:
        members.append(Member("threshold.txt", kind="trees"))
    if recipe.adaptive:
        weight = None if recipe.adaptive_weight == 1 else recipe.adaptive_weight
        members.append(Member("adaptive.txt", kind="rule", weight=weight))
    return Bundle(
        name=f"{recipe.name} {network[0]} {network[1]}" if len(members) == 1 and network[0] else recipe.name,
        architecture=network[0],
        encoder=network[1],
        normalisation=first.normalisation,
        members=tuple(members),
        channels=recipe.channels,
        options=network[2],
        classes=recipe.classes,
        combine=recipe.combine,
        tta=recipe.tta,
        regions=Regions(recipe.grow, recipe.seed_from) if recipe.grow else None,
        licence=_LICENCE,
        training={
            "recipe": recipe.to_json(),
            "split": split.rule,
            "train": _provenance(first.train),
            "validation": _provenance(first.validation),
            "refused": dict(first.refused),
            "encoder_weights": first.encoder_weights,
            "init": read_bundle(init, verify=False).id if init else None,
            **({} if teacher is None else {"teacher": read_bundle(teacher, verify=False).id}),
            "epochs": [len(f.history) for f in fitted],
            "best_epoch": [f.best_epoch for f in fitted],
            "finished": datetime.now(UTC).strftime("%Y-%m-%d"),
        },
    )


def _provenance(records: Sequence[ChipRecord]) -> dict[str, object]:
    real = [r for r in records if not r.simulated]
    return {
        "chips": sorted(r.id for r in real),
        "simulated_chips": len(records) - len(real),
        "countries": sorted({r.country_group for r in real}),
    }
