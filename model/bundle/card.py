"""The model card: what a bundle was trained on, how well it does where, how honest its probabilities are, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.bundle.manifest import CHIPS, Bundle
from model.bundle.told import count, figure, interval, names, part, words
from tiles.sentences import shown

PLOT = "calibration.svg"
"""The reliability diagram beside a card."""
FAILS = (
    "Misses flooded vegetation and towns; takes smooth sand, asphalt and radar shadow for water; does not tell flood from "
    "permanent water."
)
"""The limits of a card in one line, for where a prediction stands alone."""
_NONE = "None"


def card_text(bundle: Bundle, has_plot: bool) -> str:
    """Return the card as Markdown."""
    training = bundle.training
    recipe = part(training, "recipe")
    parts = [
        f"# {words(bundle.name)}",
        f"Predicts the probability of open water for each pixel of a Sentinel-1 chip (VV and VH, dB). Bundle `{bundle.id[:12]}`, "
        f"licence {words(bundle.licence, 'not stated')}.",
        "## Network",
        f"{_members_text(bundle)}, channels {', '.join(bundle.channels)}, "
        f"test-time augmentation {bundle.tta}, temperature {bundle.temperature:g}, threshold {bundle.threshold:g}. "
        f"Normalisation: `{bundle.normalisation.to_json()}`.",
        "## Data",
        _data_text("Trained on", part(training, "train")),
        _data_text("Validated on", part(training, "validation")),
        f"Split: {words(training.get('split'))}. Unknown label pixels and pixels without data are left out everywhere.",
        f"`{CHIPS}` names all of these chips by their content, place and date: floodscope counts no score on them as a measure "
        "of this model."
        if bundle.chips
        else "It does not name these chips by their content, so scores on them cannot be told from others.",
        f"Recipe `{words(recipe.get('name'), '?')}`: loss {words(recipe.get('loss'), _NONE)}, "
        f"{words(recipe.get('crop'), _NONE)} px crops, batch {words(recipe.get('batch'), _NONE)}, learning rate "
        f"{words(recipe.get('learning_rate'), _NONE)}, best epoch {_epochs(training.get('best_epoch'))}, seed "
        f"{words(recipe.get('seed'), _NONE)}.",
    ]
    if training.get("teacher"):
        parts.append(
            f"It learned the probabilities of the bundle `{words(training['teacher'])[:12]}`, with a weight of "
            f"{words(recipe.get('truth_share'), _NONE)} for labels where there were any."
        )
    for name, scores in bundle.scores.items():
        if isinstance(scores, Mapping):
            parts += [f"## Scores ({shown(name.replace('_', ' '))})", *_score_text(scores)]
    if has_plot:
        parts += ["## Calibration", f"![Reliability diagram of the validation chips]({PLOT})"]
    parts += [
        "## Limits",
        "- It has seen few floods. In a country that is not named above, expect the scores of its cross-validation, not "
        "those of its own validation.",
        "- Flooded vegetation and towns brighten radar instead of darkening it, and are mostly missed. Smooth sand, asphalt, "
        "radar shadow and dry lake beds look like water. Rough water misleads VV.",
        "- Labels were drawn by people on optical and radar images of nearly the same time; water that came or went "
        "between them counts as an error.",
        "- It marks water, not flood: permanent water is water too.",
    ]
    return "\n\n".join(parts) + "\n"


def _members_text(bundle: Bundle) -> str:
    networks = [m for m in bundle.members if m.kind is None]
    below = figure(part(bundle.training, "recipe").get("despeckled_below_db"))
    rules = [m for m in bundle.members if m.kind == "rule"]
    trees = len(bundle.members) - len(networks) - len(rules) - bool(below)
    parts = [f"{len(networks)} x {shown(bundle.architecture)} on {shown(bundle.encoder)}"] if networks else []
    if trees:
        parts.append(f"{trees} x boosted trees (LightGBM) over means and spreads around each pixel")
    if below:
        parts.append(f"a threshold, VH averaged over some pixels below {below:g} dB")
    if rules:
        parts.append(
            "the adaptive rule (despeckled VH, a guarded threshold a chip, grown regions), which learned nothing"
        )
    weights = (
        ", weighted " + " : ".join(f"{weight:.2g}" for weight in bundle.weights) if len(set(bundle.weights)) > 1 else ""
    )
    together = f", together by {bundle.combine}{weights}" if len(bundle.members) > 1 else ""
    regions = ""
    if bundle.regions is not None:
        regions = f", of which regions from {bundle.regions.grow:g} on are water that hold enough from {bundle.regions.seed:g} on"
    return " and ".join(parts) + together + regions


def _data_text(what: str, data: Mapping[str, Any]) -> str:
    chips = names(data.get("chips"))
    simulated = count(data.get("simulated_chips"))
    if not chips and not simulated:
        return f"{what}: nothing."
    called = ", ".join(chips[:40]) + (", ..." if len(chips) > 40 else "")
    countries = [
        "no known country" if name in ("Unknown", "No place") else name for name in names(data.get("countries"))
    ]
    real = f"{len(chips)} real chip(s) of {', '.join(dict.fromkeys(countries))} ({called})"
    parts = [real] if chips else []
    if simulated:
        parts.append(f"{simulated} simulated chip(s)")
    return f"{what} {' and '.join(parts)}."


def _score_text(scores: Mapping[str, Any]) -> list[str]:
    out = []
    if "metric" in scores:
        out.append(f"{words(scores['metric']).capitalize()}. Threshold {words(scores.get('threshold'), _NONE)}.")
    rows = [("**all**", scores.get("micro")), *part(scores, "countries").items()]
    table = [
        "| | chips | water | IoU [95 %] | F1 | precision | recall | calibration error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows:
        if not row or not isinstance(row, Mapping):
            continue
        ends = interval(row.get("iou_ci"))
        between = f" [{ends[0]:.2f}–{ends[1]:.2f}]" if ends else ""
        cells = [
            shown(name), words(row.get("chips"), ""), _percent(row.get("water_share")), f"{_number(row.get('iou'))}{between}",
            *(_number(row.get(key)) for key in ("f1", "precision", "recall")), _number(row.get("calibration_error"), 3),
        ]  # fmt: skip
        table.append("| " + " | ".join(cells) + " |")
    out.append("\n".join(table))
    if (mean := figure(scores.get("mean_over_chips_iou"))) is not None:
        out.append(f"Mean IoU over chips: {mean:.3f}.")
    if "note" in scores:
        out.append(words(scores["note"]))
    return out


def _epochs(best: object) -> str:
    """Return the best epoch of each member that has epochs."""
    found = [count(epoch) for epoch in best] if isinstance(best, list) else [count(best)]
    return ", ".join(str(epoch) for epoch in found if epoch) or _NONE


def _number(value: object, digits: int = 2) -> str:
    number = figure(value)
    return "–" if number is None else f"{number:.{digits}f}"


def _percent(value: object) -> str:
    number = figure(value)
    return "–" if number is None else f"{100 * number:.1f} %"
