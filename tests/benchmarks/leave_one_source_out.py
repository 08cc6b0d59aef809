# ruff: noqa: E402 - the search path comes first
"""Leave one source out: one table of rules, members and models, each on data sets that had no part in it.

    python tests/benchmarks/leave_one_source_out.py --out FOLDER [--model NAME=BUNDLE ...] [--folds NAME=FOLDER ...]

Sources: Sen1Floods11 with DrivenData, Alabama of etci2021, dfc2024 (../shared/data). A bundle stands with its members. A
figure on a source whose labels a bundle was trained on is in brackets: it is no measure. `--folds` takes the folder of
`floodscope evaluate --cross-validate source --out FOLDER`: each source is predicted by the model that had not seen it. FOLDER
keeps every member's log-odds, so that a table of another combination takes seconds: `--mean NAME=3*ROW+ROW`, with `@0.4:0.88`
behind it for regions. `--record NAME` writes the row's scores into the bundle of that name, and the chips of the table into
its list: it was chosen on them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

# This folder holds a tiles.py, which would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

import numpy as np
import torch
from scipy.special import expit, logit

from model.bundle.manifest import read_bundle, read_states, write_bundle
from model.bundle.network import load_ensemble
from model.bundle.regions import Regions, grown
from model.evaluation.answer import answer, fit_share_error, log_likelihoods
from model.predictors.adaptive import AdaptivePredictor
from model.predictors.backscatter import BackscatterPredictor
from model.predictors.protocol import Predictor, quantise
from model.predictors.views import pad_to_multiple
from model.scores.histogram import THRESHOLDS, ScoreHistogram
from model.seen.chips import read_seen_chips, seen_chips
from model.training.calibrate import Calibration
from model.training.card import write_card
from model.training.crossvalidate import _folder_name
from model.training.split import group_of
from model.training.train import BUNDLE, summary
from tiles.catalog.catalog import open_catalog
from tiles.chip import UNKNOWN, Chip, ChipRecord
from tiles.content import Content, content_of
from tiles.probability import NODATA
from tiles.reading.door import read_chip

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FOLDERS = ("sen1floods11", "drivendata", "etci2021", "dfc2024")
# A chip with less water than this is dry: what is marked there is false.
DRY = 0.002
Odds = np.ndarray


@dataclass(frozen=True)
class Case:
    """A labelled chip of a source."""

    record: ChipRecord
    source: str
    chip: Chip
    content: Content

    @property
    def known(self) -> np.ndarray:
        assert self.chip.label is not None
        return self.chip.valid & (self.chip.label != UNKNOWN)

    @property
    def water(self) -> float:
        assert self.chip.label is not None
        return float((self.chip.label[self.known] == 1).mean())


@dataclass(frozen=True)
class Row:
    """A row of the table: log-odds of water of each chip, seconds a chip of 512 x 512, and the sources it has seen labels of."""

    name: str
    odds: Mapping[str, Odds]
    seconds: float
    seen: frozenset[str] = frozenset()


def read_cases() -> list[Case]:
    """Read the labelled chips. Nebraska's scale is unknown: it is not scored."""
    found = []
    for record in open_catalog([DATA / name for name in FOLDERS]).usable():
        if not record.has_label or record.id.startswith("nebraska"):
            continue
        chip = read_chip(record)
        if chip.label is not None and (chip.valid & (chip.label != UNKNOWN)).any():
            found.append(Case(record, group_of(record, "source"), chip, content_of(chip)))
    return found


def kept(folder: Path, cases: Sequence[Case], compute: Callable[[Chip], Odds]) -> tuple[dict[str, Odds], float]:
    """Return log-odds float16 (H, W) of every chip by its id, and the median seconds of a million pixels, scaled to 512 x 512."""
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / "seconds.json"
    seconds: dict[str, float] = json.loads(told.read_text()) if told.exists() else {}
    odds = {}
    for case in cases:
        place = folder / f"{case.content.digest}.npy"
        if not place.exists():
            began = time.process_time()
            answer_odds = compute(case.chip)
            seconds[case.record.id] = (time.process_time() - began) * 512**2 / case.chip.valid.size
            np.save(place, answer_odds.astype(np.float16))
            told.write_text(json.dumps(seconds))
        odds[case.record.id] = np.load(place)
    return odds, float(np.median(list(seconds.values())))


def rule(name: str, predictor: Predictor, out: Path, cases: Sequence[Case]) -> Row:
    """Return the row of a predictor that has learned nothing."""

    def compute(chip: Chip) -> Odds:
        (raster,) = predictor.predict([chip])
        p = np.clip(raster / 254, 0.25 / 254, 1 - 0.25 / 254)
        # One half is water: a hair above, so that log-odds of 0 are too.
        return np.where(raster == NODATA, -1.0, np.maximum(logit(p), np.where(raster >= 127, 1e-3, -99)))

    return Row(name, *kept(out / name.replace(" ", "_"), cases, compute))


def members(name: str, path: Path, out: Path, cases: Sequence[Case]) -> list[Row]:
    """Return the rows of a bundle's members, and of their mean where there are several."""
    bundle = read_bundle(path)
    ensemble = load_ensemble(path, bundle)
    list_of_chips = read_seen_chips(path, bundle)
    learned = (
        {chip.content.digest for chip in list_of_chips.chips if chip.part == "training"} if list_of_chips else None
    )
    seen = frozenset(case.source for case in cases if learned is None or case.content.digest in learned)
    rows = []
    for member, network in zip(bundle.members, ensemble.networks, strict=True):

        @torch.inference_mode()
        def compute(chip: Chip, network: torch.nn.Module = network) -> Odds:
            image = bundle.normalisation.apply({c: getattr(chip, c) for c in bundle.channels}, chip.valid)
            padded, (rows_, columns) = pad_to_multiple(image, ensemble.stride)
            x = torch.from_numpy(padded)[None].contiguous(memory_format=torch.channels_last)
            logits = network(x).float()
            margin = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
            odds: Odds = margin[0].numpy()[rows_, columns] / bundle.temperature
            return odds

        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        home = out / f"{member.sha256[:16]}_{bundle.temperature:g}"
        rows.append(Row(f"{name}: {member.file}", *kept(home, cases, compute), seen))
    if len(rows) > 1 or bundle.regions:
        rows.append(together(name, rows, cases, bundle.combine, bundle.weights, bundle.regions))
    else:
        rows = [Row(name, rows[0].odds, rows[0].seconds, seen)]
    return rows


def together(
    name: str,
    rows: Sequence[Row],
    cases: Sequence[Case],
    combine: str = "mean",
    weights: Sequence[float] | None = None,
    regions: Regions | None = None,
) -> Row:
    """Return the row of several that answer as one."""
    odds = {}
    for case in cases:
        parts = [expit(row.odds[case.record.id].astype(np.float32)) for row in rows]
        p = np.max(parts, axis=0) if combine == "max" else np.average(parts, axis=0, weights=weights)
        if regions is not None:
            p = np.nan_to_num(grown(np.where(case.chip.valid, p, np.nan).astype(np.float32), regions))
        odds[case.record.id] = logit(np.clip(p, 1e-4, 1 - 1e-4))
    return Row(name, odds, sum(row.seconds for row in rows), frozenset().union(*(row.seen for row in rows)))


def folds(name: str, folder: Path, out: Path, cases: Sequence[Case]) -> Row:
    """Return the row of a cross-validation: each source by the model that had not seen it."""
    odds: dict[str, Odds] = {}
    seconds = []
    for source in sorted({case.source for case in cases}):
        mine = [case for case in cases if case.source == source]
        last = members(source, folder / _folder_name(source) / BUNDLE, out, mine)[-1]
        if source in last.seen:
            raise SystemExit(f"{folder}: the model without {source} has been trained on it.")
        odds |= last.odds
        seconds.append(last.seconds)
    return Row(name, odds, float(np.median(seconds)))


def figures(row: Row, cases: Sequence[Case]) -> dict[str, object]:
    """Return all figures of a row."""
    histograms: dict[str, dict[str, ScoreHistogram]] = {}
    dry: dict[str, float] = {}
    for case in cases:
        probability = quantise(expit(row.odds[case.record.id].astype(np.float32)), case.chip.valid)
        assert case.chip.label is not None
        histograms.setdefault(case.source, {})[case.record.id] = ScoreHistogram.of(probability, case.chip.label)
        if case.water < DRY:
            marked = (probability >= 127) & case.known & (case.chip.label == 0)
            dry[case.record.id] = float(marked.sum() / case.known.sum())
    sources: dict[str, dict[str, float | None]] = {}
    for source, chips in histograms.items():
        total = ScoreHistogram.sum_of(chips.values())
        every = np.array([total.confusion(t).iou or 0.0 for t in THRESHOLDS[::2]])
        others = [(name, h) for name, some in histograms.items() if name != source for h in some.values() if h.pixels]
        error = fit_share_error(log_likelihoods(h for _, h in others), [name for name, _ in others])
        inside = []
        for h in chips.values():
            told = answer(h.water + h.dry, h.pixels, error, 0.0)
            if told is not None:
                share = h.water_pixels / h.pixels
                inside.append(told.low <= share <= told.high)
        sources[source] = {
            "iou": total.confusion(0.5).iou,
            "best_of_any_threshold": float(every.max()),
            "calibration_error": total.calibration_error(),
            "share_in_interval": float(np.mean(inside)),
            "chips": len(chips),
        }
    real = [case for case in cases if case.record.country]
    countries: dict[str, ScoreHistogram] = {}
    for case in real:
        name = str(case.record.country)
        h = histograms[case.source][case.record.id]
        countries[name] = countries.get(name, ScoreHistogram.zero()) + h
    wet = {name: h.confusion(0.5).iou or 0.0 for name, h in countries.items() if h.water_pixels}
    return {
        "sources": sources,
        "seen": sorted(row.seen),
        "countries": wet,
        "mean_over_countries": float(np.mean(list(wet.values()))),
        "dry_chips": len(dry),
        "dry_mean": float(np.mean(list(dry.values()))),
        "dry_worst": max(dry.items(), key=lambda item: item[1]),
        "dry": dry,
        "seconds_a_chip": row.seconds,
    }


def record_scores(row: Row, path: Path, cases: Sequence[Case]) -> None:
    """Write a row's scores into its bundle, and name the table's chips as ones that it was chosen on.

    The headline is that of Sen1Floods11 and DrivenData, the source that most users' chips are like, and the lowest.

    Raises:
        SystemExit: the bundle has learned from labels of the table.
    """
    if row.seen:
        raise SystemExit(f"{row.name} has learned from labels of {', '.join(sorted(row.seen))}: these are no scores.")
    bundle = read_bundle(path)
    list_of_chips = read_seen_chips(path, bundle)
    if list_of_chips is None:
        raise SystemExit(f"{path} does not name the chips that it has seen: floodscope name-chips.")
    by_source: dict[str, list[tuple[ChipRecord, ScoreHistogram]]] = {}
    for case in cases:
        probability = quantise(expit(row.odds[case.record.id].astype(np.float32)), case.chip.valid)
        assert case.chip.label is not None
        scored = (case.record, ScoreHistogram.of(probability, case.chip.label))
        by_source.setdefault(case.source, []).append(scored)
    one = Calibration(bundle.temperature, 0.5)
    told = {source: summary(chips, one) for source, chips in by_source.items()}
    headline, *others = told
    known = [(source, h) for source, chips in by_source.items() for _, h in chips if h.pixels]
    error = fit_share_error(log_likelihoods(h for _, h in known), [source for source, _ in known])
    crossed = {**told[headline], "by": "source", "groups": len(told), "share_error": error.to_json()}
    crossed["note"] = (
        "Its members and their mean were chosen in view of these same chips, so the figure is a little optimistic."
    )
    rest = {key: told[headline][key] for key in ("metric", "threshold")}
    rest["countries"] = {source: told[source]["micro"] for source in others}
    seen = list_of_chips.with_more(seen_chips(((case.record, case.content) for case in cases), "calibration"))
    written = write_bundle(
        path,
        replace(bundle, threshold=0.5, scores={"cross_validation": crossed, "other_sources": rest}),
        read_states(path, bundle),
        half=True,
        chips=seen.to_bytes(),
    )
    write_card(path, written, None)
    print(f"{path}: {written.id[:12]} names {len(seen.chips)} chips")


def print_row(name: str, found: Mapping[str, object]) -> None:
    """Print one row."""
    sources: Mapping[str, Mapping[str, float]] = found["sources"]  # type: ignore[assignment]
    seen: Sequence[str] = found["seen"]  # type: ignore[assignment]
    cells = []
    for source, figure in sources.items():
        text = f"{figure['iou']:.3f} (best {figure['best_of_any_threshold']:.3f}, error {figure['calibration_error']:.3f}, "
        text += f"in interval {figure['share_in_interval']:.2f})"
        cells.append(f"[{text}]" if source in seen else text)
    worst, share = found["dry_worst"]  # type: ignore[misc]
    print(
        f"{name:44} {' | '.join(cells)} | countries {found['mean_over_countries']:.3f} | dry {found['dry_mean']:.2%}, worst "
        f"{share:.2%} {worst} | {found['seconds_a_chip']:.2f} s",
        flush=True,
    )


def pairs(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return NAME=VALUE texts in two."""
    return [(name, value) for name, _, value in (text.partition("=") for text in texts)]


def main() -> None:
    """Compute the rows and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", nargs="*", default=[], metavar="NAME=BUNDLE")
    parser.add_argument("--folds", nargs="*", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--mean", nargs="*", default=[], metavar="NAME=3*ROW+ROW@GROW:SEED")
    parser.add_argument("--record", metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = read_cases()
    print("sources: " + ", ".join(f"{s} ({sum(c.source == s for c in cases)})" for s in {c.source: 0 for c in cases}))
    rows = [
        rule("VH below -22 dB", BackscatterPredictor(), options.out, cases),
        rule("VH below Otsu's threshold", BackscatterPredictor("otsu"), options.out, cases),
        rule("adaptive", AdaptivePredictor(), options.out, cases),
    ]
    from model.weights import WEIGHTS

    for name, path in [("floodscope", str(WEIGHTS)), *pairs(options.model)]:
        rows += members(name, Path(path), options.out, cases)
    rows += [folds(name, Path(folder), options.out, cases) for name, folder in pairs(options.folds)]
    by_name = {row.name: row for row in rows}
    for name, text in pairs(options.mean):
        combined, _, of_regions = text.partition("@")
        regions = Regions(*map(float, of_regions.split(":"))) if of_regions else None
        parts = [part.rpartition("*") for part in combined.split("+")]
        weights = [float(weight or 1) for weight, _, _ in parts]
        rows.append(together(name, [by_name[row] for _, _, row in parts], cases, weights=weights, regions=regions))
    table = {row.name: figures(row, cases) for row in rows}
    for name, found in table.items():
        print_row(name, found)
    if options.record:
        record_scores(by_name[options.record], Path(dict(pairs(options.model))[options.record]), cases)
    (options.out / "table.json").write_text(json.dumps(table, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
