"""The model card: what a bundle was trained on, how well it does where, how honest its probabilities are, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.bundle.manifest import CHIPS, Bundle

PLOT = "calibration.svg"
"""The reliability diagram beside a card."""


def card_text(bundle: Bundle, has_plot: bool) -> str:
    """Return the card as Markdown."""
    training = bundle.training
    recipe = training.get("recipe", {})
    parts = [
        f"# {bundle.name}",
        f"Predicts the probability of open water for each pixel of a Sentinel-1 chip (VV and VH, dB). Bundle `{bundle.id[:12]}`, "
        f"licence {bundle.licence or 'not stated'}.",
        "## Network",
        f"{_members_text(bundle)}, channels {', '.join(bundle.channels)}, "
        f"test-time augmentation {bundle.tta}, temperature {bundle.temperature:g}, threshold {bundle.threshold:g}. "
        f"Normalisation: `{bundle.normalisation.to_json()}`.",
        "## Data",
        _data_text("Trained on", training.get("train", {})),
        _data_text("Validated on", training.get("validation", {})),
        f"Split: {training.get('split', 'not recorded')}. Unknown label pixels and pixels without data are left out "
        "everywhere.",
        f"`{CHIPS}` names all of these chips by their content, place and date: floodscope counts no score on them as a measure "
        "of this model."
        if bundle.chips
        else "It does not name these chips by their content, so scores on them cannot be told from others.",
        f"Recipe `{recipe.get('name', '?')}`: loss {recipe.get('loss')}, {recipe.get('crop')} px crops, batch "
        f"{recipe.get('batch')}, learning rate {recipe.get('learning_rate')}, best epoch {training.get('best_epoch')}, seed "
        f"{recipe.get('seed')}.",
    ]
    if training.get("teacher"):
        parts.append(
            f"It learned the probabilities of the bundle `{training['teacher'][:12]}`, with a weight of "
            f"{recipe.get('truth_share')} for labels where there were any."
        )
    for name, scores in bundle.scores.items():
        if isinstance(scores, Mapping):
            parts += [f"## Scores ({name.replace('_', ' ')})", *_score_text(scores)]
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
    below = bundle.training.get("recipe", {}).get("despeckled_below_db")
    rules = [m for m in bundle.members if m.kind == "rule"]
    trees = len(bundle.members) - len(networks) - len(rules) - bool(below)
    parts = [f"{len(networks)} x {bundle.architecture} on {bundle.encoder}"] if networks else []
    if trees:
        parts.append(f"{trees} x boosted trees (LightGBM) over means and spreads around each pixel")
    if below:
        parts.append(f"a threshold, VH averaged over some pixels below {below:g} dB")
    if rules:
        parts.append(
            "the adaptive rule (despeckled VH, a guarded threshold a chip, grown regions), which learned nothing"
        )
    together = f", together by {bundle.combine}" if len(bundle.members) > 1 else ""
    return " and ".join(parts) + together


def _data_text(what: str, data: Mapping[str, Any]) -> str:
    chips = data.get("chips", [])
    simulated = data.get("simulated_chips", 0)
    if not chips and not simulated:
        return f"{what}: nothing."
    names = ", ".join(chips[:40]) + (", ..." if len(chips) > 40 else "")
    countries = ["no known country" if name in ("Unknown", "No place") else name for name in data.get("countries", [])]
    real = f"{len(chips)} real chip(s) of {', '.join(dict.fromkeys(countries))} ({names})"
    parts = [real] if chips else []
    if simulated:
        parts.append(f"{simulated} simulated chip(s)")
    return f"{what} {' and '.join(parts)}."


def _score_text(scores: Mapping[str, Any]) -> list[str]:
    out = []
    if "metric" in scores:
        out.append(f"{str(scores['metric']).capitalize()}. Threshold {scores.get('threshold')}.")
    rows = [("**all**", scores.get("micro", {})), *scores.get("countries", {}).items()]
    table = [
        "| | chips | water | IoU [95 %] | F1 | precision | recall | calibration error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows:
        if not row:
            continue
        interval = f" [{row['iou_ci'][0]:.2f}–{row['iou_ci'][1]:.2f}]" if row.get("iou_ci") else ""
        cells = [
            name, str(row.get("chips", "")), _percent(row.get("water_share")), f"{_number(row.get('iou'))}{interval}",
            *(_number(row.get(key)) for key in ("f1", "precision", "recall")), _number(row.get("calibration_error"), 3),
        ]  # fmt: skip
        table.append("| " + " | ".join(cells) + " |")
    out.append("\n".join(table))
    if scores.get("mean_over_chips_iou") is not None:
        out.append(f"Mean IoU over chips: {scores['mean_over_chips_iou']:.3f}.")
    if "note" in scores:
        out.append(str(scores["note"]))
    return out


def _number(value: Any, digits: int = 2) -> str:
    return "–" if value is None else f"{float(value):.{digits}f}"


def _percent(value: Any) -> str:
    return "–" if value is None else f"{100 * float(value):.1f} %"
