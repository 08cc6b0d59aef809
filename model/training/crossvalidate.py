"""Cross-validation: each group of chips is scored by networks that have never seen it, nor any chip of its floods."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

from model.bundle.manifest import CHIPS, attach_list, read_bundle, read_list, read_states, write_bundle
from model.bundle.network import load_ensemble
from model.evaluation.answer import fit_share_error, log_likelihoods
from model.evaluation.report import Counts, CrossReport, CrossSummary, FoldScores, ShareErrorFacts
from model.scores.histogram import ScoreHistogram
from model.seen.chips import NOTHING, SeenChips, parse_seen_chips, read_seen_chips, seen_chips
from model.training.calibrate import Calibration, Margins, fit_temperature, fit_threshold, sample_margins
from model.training.dataset import ChipCache, ChipSummary, require_both_classes, usable_for_training
from model.training.fit import Machine
from model.training.recipe import Recipe
from model.training.split import Fold, Split
from model.training.train import BUNDLE, Scored, score, summary, train
from tiles.errors import UsageError
from tiles.files import write_whole

REPORT = "crossvalidation.json"
"""Name of the report, in the folder of a cross-validation."""


@dataclass(frozen=True)
class FoldResult:
    """One fold: the chips that were left out, as the others' model predicted them.

    Attributes:
        name: of the group that was left out.
        path: the fold's bundle, with its own calibration.
        calibration: fitted on what the other folds left out: no chip of this fold had a part in it.
        scored: the chips that were left out.
        seconds: of prediction a chip.
        seen: whether the fold's model has seen each of these after all, by id: as where two sources hold one chip under two
            dates; None where its bundle does not tell.
    """

    name: str
    path: Path
    calibration: Calibration
    scored: tuple[Scored, ...]
    seconds: float
    seen: Mapping[str, bool | None]


@dataclass(frozen=True)
class CrossValidation:
    """All folds, and the calibration for a model that is trained on everything.

    Attributes:
        folds: those that could be scored.
        calibration: from what all folds left out.
        skipped: why a group is in no fold, by its name.
        notes: what the door has to tell of the chips that were read, by id.
        by: what was left out: "country", "event", or "group".
    """

    folds: tuple[FoldResult, ...]
    calibration: Calibration
    skipped: Mapping[str, str]
    by: str = "group"
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def histograms(self) -> list[ScoreHistogram]:
        """Return one histogram a chip, each by the model that had not seen it."""
        return [s.histogram for fold in self.folds for s in fold.scored]

    def report(self) -> CrossReport:
        """Return the scores as JSON-able values. Every fold's masks are made at its own threshold."""
        at_own = [(s.record, _at(s.histogram, fold.calibration.threshold)) for fold in self.folds for s in fold.scored]
        tp, fp, fn, _ = (sum(c[i] for _, c in at_own) for i in range(4))
        by_country: dict[str, list[tuple[int, int, int, int]]] = {}
        for record, counts in at_own:
            by_country.setdefault(record.country_group, []).append(counts)
        countries = {
            name: _iou(sum(c[0] for c in rows), sum(c[1] for c in rows), sum(c[2] for c in rows))
            for name, rows in sorted(by_country.items())
        }
        wet = [name for name, rows in by_country.items() if sum(c[0] + c[2] for c in rows)]
        scored = [(s.record, s.histogram) for fold in self.folds for s in fold.scored]
        of_all = summary(scored, self.calibration)
        at_one: CrossSummary = {
            "metric": of_all["metric"],
            "threshold": of_all["threshold"],
            "micro": of_all["micro"],
            "mean_over_chips_iou": of_all["mean_over_chips_iou"],
            "countries": of_all["countries"],
            "by": self.by,
            "groups": len(self.folds),
        }
        if (error := _share_error([(fold.name, s.histogram) for fold in self.folds for s in fold.scored])) is not None:
            at_one["share_error"] = error
        return {
            "micro_iou": _iou(tp, fp, fn),
            "mean_over_countries_with_water": sum(countries[n] or 0.0 for n in wet) / len(wet) if wet else None,
            "countries": countries,
            "calibration_error": ScoreHistogram.sum_of([h for _, h in scored]).calibration_error(),
            "best_micro_iou_of_any_threshold": _best(self.histograms),
            "seconds_a_chip": sum(f.seconds for f in self.folds) / max(1, len(self.folds)),
            "calibration": {
                "temperature": self.calibration.temperature,
                "threshold": self.calibration.threshold,
            },
            "at_one_threshold": at_one,
            "skipped": dict(self.skipped),
            "folds": [_fold_scores(fold) for fold in self.folds],
        }


def cross_validate(
    recipe: Recipe,
    folds: Sequence[Fold],
    folder: Path,
    *,
    init: Path | None = None,
    machine: Machine | None = None,
    on_fold: Callable[[str, int, int], None] | None = None,
    fit_fold: Callable[[Recipe, Fold, Path], Path] | None = None,
    by: str = "group",
) -> CrossValidation:
    """Train a recipe once a fold, and score what each fold left out.

    A fold that `folder` holds whole is not trained again, so a run that was stopped goes on. Temperature and threshold of a
    fold are fitted on what the other folds left out.

    Args:
        recipe: without validation it trains to its last epoch: what is left out decides nothing.
        folds: from model.training.split.
        folder: gets a folder a fold.
        init: a bundle to start from; it must not have seen the chips.
        machine: where it runs.
        on_fold: told (name, folds ready, folds in all).
        fit_fold: trains a fold and returns its bundle, in place of `train`.
        by: what a fold leaves out, for the report: "country", "event", or "group" where it leaves out several of them.

    Raises:
        UsageError: no chip that is left out has water, a fold's training set has one class, or as `train`.
    """
    cache = ChipCache(recipe.channels)
    folds, skipped = _worth_training(folds, cache)
    homes: list[tuple[Fold, Path]] = []
    for i, fold in enumerate(folds):
        if on_fold is not None:
            on_fold(fold.name, i, len(folds))
        home = folder / _folder_name(fold.name)
        path = home / BUNDLE
        if not (path / "model.json").exists():
            if fit_fold is not None:
                path = fit_fold(recipe, fold, home)
            else:
                split = Split(fold.train, (), f"cross-validation, left out: {fold.name}")
                train(recipe, split, home, init=init, resume=True, machine=machine, cache=cache)
        _require_own(path, recipe, fold, init)
        homes.append((fold, path))
    if on_fold is not None:
        on_fold("", len(folds), len(folds))

    judges = [[r for r, _ in usable_for_training(fold.left_out, cache)[0]] for fold in folds]
    samples: list[list[Margins]] = []
    together: dict[str, Any] = {}
    for (_, path), records in zip(homes, judges, strict=True):
        bundle = read_bundle(path)
        together = {"combine": bundle.combine, "weights": bundle.weights}  # every fold's, being of one recipe
        ensemble = load_ensemble(path, bundle)
        found = [
            sample_margins(ensemble, bundle.normalisation, cache.get(r), bundle.tta, seed=i)
            for i, r in enumerate(records)
        ]
        samples.append([sample for sample in found if sample is not None])
    temperatures = [
        fit_temperature([s for j, others in enumerate(samples) if j != i for s in others], **together)
        for i in range(len(folds))
    ]
    results: list[FoldResult] = []
    named = [seen_chips(((r, cache.content(r)) for r in records), "calibration") for records in judges]
    for i, ((fold, path), records, temperature) in enumerate(zip(homes, judges, temperatures, strict=True)):
        # What calibrates a fold is what the others left out; not all of that need be in its training set.
        seen = _name_calibration(path, [chips for j, chips in enumerate(named) if j != i])
        scored, seconds = _timed_score(path, records, temperature)
        known = {r.id: None if seen is None else seen.judge(r, cache.content(r)) for r in records}
        results.append(FoldResult(fold.name, path, Calibration(temperature), tuple(scored), seconds, known))
    finished = []
    for i, result in enumerate(results):
        others = [s.histogram for j, other in enumerate(results) if j != i for s in other.scored]
        calibration = Calibration(temperatures[i], fit_threshold(others))
        _recalibrate(result.path, calibration)
        finished.append(replace(result, calibration=calibration))
    everything = Calibration(
        fit_temperature([s for fold_samples in samples for s in fold_samples], **together),
        fit_threshold([s.histogram for r in results for s in r.scored]),
    )
    done = CrossValidation(tuple(finished), everything, skipped, by, notes=cache.notes)
    write_whole(folder / REPORT, json.dumps({"recipe": recipe.to_json(), **done.report()}, indent=1).encode())
    write_whole(folder / CHIPS, _together(named).to_bytes())
    return done


def _together(lists: Iterable[SeenChips]) -> SeenChips:
    return reduce(lambda one, more: one.with_more(more), lists, NOTHING)


def _name_calibration(path: Path, lists: Sequence[SeenChips]) -> SeenChips | None:
    """Have a fold's bundle name the chips that calibrate it, and return all that it has seen; None where it names none."""
    bundle = read_bundle(path)
    trained = read_seen_chips(path, bundle)
    if trained is None:
        return None
    seen = _together([trained, *lists])
    attach_list(path, bundle, seen.to_bytes())
    return seen


def _worth_training(folds: Sequence[Fold], cache: ChipCache) -> tuple[list[Fold], dict[str, str]]:
    """Return the folds that leave something to score, and why others do not; before hours of training, not after.

    Raises:
        UsageError: a fold's rest could not teach, fewer than two folds can be scored, or none of them has water.
    """
    usable: dict[str, ChipSummary] = {}
    for record in {r.id: r for fold in folds for r in (*fold.left_out, *fold.train)}.values():
        usable |= {r.id: summary for r, summary in usable_for_training([record], cache)[0]}
    worth, skipped = [], {}
    for fold in folds:
        if any(r.id in usable for r in fold.left_out):
            worth.append(fold)
        else:
            skipped[fold.name] = "none of its chips has a known label on a pixel with data"
    if len(worth) < 2:
        raise UsageError(
            f"{len(worth)} of {len(folds)} groups has chips with known labels, but leaving one out takes two: give labelled "
            "chips of others."
        )
    if not any(usable[r.id].water for fold in worth for r in fold.left_out if r.id in usable):
        raise UsageError("None of the chips to leave out has labelled water, so there is no IoU to measure.")
    for fold in worth:
        rest = [(r, usable[r.id]) for r in fold.train if r.id in usable]
        require_both_classes(rest, f"training set without {fold.name}")
    return worth, skipped


def _require_own(path: Path, recipe: Recipe, fold: Fold, init: Path | None) -> None:
    """Refuse a bundle of another recipe, start or fold: it would be scored as if it were this one's."""
    noted = read_bundle(path).training
    if "recipe" not in noted:  # `fit_fold` made it
        return
    ours = json.loads(json.dumps(recipe.to_json()))
    same = all(ours.get(field) == value for field, value in noted["recipe"].items())
    started = read_bundle(init, verify=False).id if init else None
    seen = set(noted.get("train", {}).get("chips", ())) & {r.id for r in fold.left_out}
    if not same or noted.get("init") != started or seen:
        raise UsageError(
            f"{path.parent} holds a training of another recipe, start or other chips: choose another folder."
        )


def _share_error(scored: Sequence[tuple[str, ScoreHistogram]]) -> ShareErrorFacts | None:
    """Return how wrong the shares of water of unseen chips are, as a bundle records it; None where chips are too few.

    Args:
        scored: chips by the name of the group that was left out.
    """
    known = [(group, h) for group, h in scored if h.pixels]
    error = fit_share_error(log_likelihoods(h for _, h in known), [group for group, _ in known])
    return error.to_json() if error.origin != "assumed" else None


def read_calibration_chips(path: Path) -> SeenChips | None:
    """Return the chips that a cross-validation's calibration comes from; None where it was made before it told.

    Args:
        path: of its report; the list lies beside it.

    Raises:
        BundleError: the list is not understood.
    """
    beside = path.with_name(CHIPS)
    return parse_seen_chips(beside.read_bytes(), str(beside)) if beside.is_file() else None


def read_calibration(path: Path) -> tuple[Calibration, Mapping[str, Any]]:
    """Return the calibration of a cross-validation's report, and its scores for the card.

    Raises:
        UsageError: the file is missing or is no such report.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        calibration = Calibration(
            float(report["calibration"]["temperature"]), float(report["calibration"]["threshold"])
        )
        return calibration, report["at_one_threshold"]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise UsageError(
            f"{path} is no report of a cross-validation ({type(error).__name__}): give the {REPORT} that "
            "`floodscope evaluate --cross-validate` wrote."
        ) from error


def _timed_score(path: Path, records: Sequence[Any], temperature: float) -> tuple[list[Scored], float]:
    import time  # noqa: PLC0415

    bundle = _recalibrate(path, Calibration(temperature))
    began = time.perf_counter()
    scored = score(bundle, path, records)
    return scored, (time.perf_counter() - began) / max(1, len(records))


def _recalibrate(path: Path, calibration: Calibration) -> Any:
    bundle = read_bundle(path)
    changed = replace(bundle, temperature=calibration.temperature, threshold=calibration.threshold)
    return write_bundle(path, changed, read_states(path, bundle), half=True, chips=read_list(path, bundle))


def _folder_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:80] or "fold"


def _fold_scores(fold: FoldResult) -> FoldScores:
    """Return what the chips of one fold come to, at its own threshold."""
    threshold = fold.calibration.threshold
    total = ScoreHistogram.sum_of([s.histogram for s in fold.scored])
    return {
        "left_out": fold.name,
        "temperature": fold.calibration.temperature,
        "threshold": threshold,
        "iou": total.confusion(threshold).iou,
        "water_share": total.water_pixels / total.pixels if total.pixels else None,
        "calibration_error": total.calibration_error(),
        "chips": [
            {
                "id": s.record.id,
                "country": s.record.country,
                "seen_in_training": fold.seen[s.record.id],
                **_named(_at(s.histogram, threshold)),
            }
            for s in fold.scored
        ],
    }


def _at(histogram: ScoreHistogram, threshold: float) -> tuple[int, int, int, int]:
    counts = histogram.confusion(threshold)
    return counts.tp, counts.fp, counts.fn, counts.tn


class _Scored(Counts):
    iou: float | None


def _named(counts: tuple[int, int, int, int]) -> _Scored:
    tp, fp, fn, tn = counts
    return {"tp": tp, "fp": fp, "fn": fn, "tn": tn, "iou": _iou(tp, fp, fn)}


def _iou(tp: int, fp: int, fn: int) -> float | None:
    return tp / (tp + fp + fn) if tp + fp + fn else None


def _best(histograms: Sequence[ScoreHistogram]) -> float | None:
    total = ScoreHistogram.sum_of(histograms)
    threshold = total.best_threshold()
    return None if threshold is None else total.confusion(threshold).iou
