"""An evaluation as text: JSON, CSV, or a table for the terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

from model.evaluation.report import (
    Alert,
    Comparison,
    Difference,
    EvaluationReport,
    Figures,
    PredictionReport,
    RobustnessReport,
)
from model.seen.headline import (
    Tally,
    comparison_sentence,
    headline_name,
    headline_of,
    headline_sentence,
    marked,
    marks_sentence,
    seen_words,
    tally,
)
from tiles.chip import PROVENANCE

_MOST_CHIPS = 20
_ORIGINS = {
    "model": "Ranges: from the model's error on {chips} chips, as its bundle records it.",
    "labelled chips": "Ranges: from the model's error on the labelled chips among these, each of other countries.",
    "assumed": "Ranges: assumed; the model records no error of its shares and too few labelled chips are among these.",
}


def as_json(report: Mapping[str, object]) -> str:
    """Return the report as JSON."""
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(report: EvaluationReport) -> str:
    """Return one row a scored chip."""
    out = io.StringIO()
    figures = ["tp", "fp", "fn", "tn", "iou", "water_km2", "water_share", "label_water_km2"]
    columns = [*PROVENANCE, *figures, "seen_in_training", "file", "notes"]
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**chip, "notes": " ".join(chip.get("notes", ()))} for chip in report["chips"])
    return out.getvalue()


def as_table(report: EvaluationReport) -> str:
    """Return the groups as a table, the headline below, and what was left out.

    The headline counts the chips that are new to the model; groups that hold others say so.
    """
    lines = [
        f"{report['model']['name']} on {report['model']['device']}, water where p >= {report['threshold']:.2f}"
        + (", SIMULATED DATA" if report["simulated"] else ""),
        "",
        f"{report['by']:28} chips    IoU   95 % interval    F1  precision  recall",
    ]
    for group in report["groups"]:
        lines.append(_row(group["name"], group, group["seen"]))
    lines += _headline_lines(report)
    lines += ["", f"{'share of water of the chip':28} chips    IoU   95 % interval    F1  precision  recall"]
    lines += [_row(b["name"], b, b["seen"]) for b in report["by_water_share"]]
    lines += ["", *_alert_lines(report["alert"], report["seen"])]
    if "comparison" in report:
        lines += ["", *_comparison_lines(report["comparison"])]
    if "robustness" in report:
        lines += ["", *_robustness_lines(report["robustness"], report["seen"])]
    mean = headline_of(report["seen"], report["mean_over_chips"], report["mean_over_unseen_chips"])
    if mean is not None:
        of = headline_name(report["seen"])
        lines += ["", f"mean IoU over {mean['chips']} chips ({of}): {_score(mean['iou'])}. {mean['rule']}"]
    reasons: dict[str, int] = {}
    for skipped in report["skipped"]:
        reasons[skipped["reason"]] = reasons.get(skipped["reason"], 0) + 1
    lines += [
        f"not scored: {count} chip(s): {reason}" for reason, count in sorted(reasons.items(), key=lambda r: -r[1])
    ]
    return "\n".join(lines)


def _headline_lines(report: EvaluationReport) -> list[str]:
    """Return the headline, the meaning of the marks where there are any, and what has to be known of both."""
    seen, name = report["seen"], report["model"]["name"]
    figures = headline_of(seen, report["micro"], report["micro_unseen"])
    lines = [] if figures is None else [_row(f"{headline_name(seen)} (micro)", figures)]
    if marks := marks_sentence(seen, name):
        lines.append(marks)
    said = headline_sentence(seen, name, report["crossvalidated"])
    return [*lines, *(["", said] if said else [])]


def as_answers(report: PredictionReport) -> str:
    """Return the answer for each predicted chip as a table, the most probable first."""
    chips = sorted(report["chips"], key=lambda c: (-(c["probability"] or 0.0), c["id"]))
    lines = [
        f"more than {100 * report['alert_above']:g} % under water?",
        f"{'chip':28} answer  probability  share of water",
    ]
    for c in chips:
        share = "no data"
        if c["probability"] is not None:
            low, high = c["share_ci"]
            share = f"{100 * c['share']:5.1f} % [{100 * low:.1f}-{100 * high:.1f}]"
        lines.append(f"{c['id'][:28]:28} {'YES' if c['alert'] else 'no':6} {_score(c['probability']):>12}  {share}")
    origins = {c["share_error"]["origin"] for c in report["chips"] if "share_error" in c}
    if "assumed" in origins:
        lines.append(
            "The model records no error of its shares and too few labelled chips are among these: it is assumed."
        )
    return "\n".join(lines)


def as_water(report: PredictionReport) -> str:
    """Return each chip's water with its 95 % range and share of what is seen, the most first, and what the ranges rest on."""
    chips = sorted((c for c in report["chips"] if "share_ci" in c), key=lambda c: (-c["water_share"], c["id"]))
    if not chips:
        return ""
    lines = [f"{'chip':28} water (95 % range of what is there, whatever the threshold), share of what is seen"]
    for c in chips[:_MOST_CHIPS]:
        low, high = c["share_ci"]
        seen, water = c["valid_km2"], c["water_km2"]
        share = f"{100 * c['water_share']:.1f} %"
        told = (
            f"{share} ({100 * low:.1f} to {100 * high:.1f} %)"
            if seen is None or water is None
            else f"{water:.2f} km² ({low * seen:.2f} to {high * seen:.2f}), {share} of {seen:.1f} km²"
        )
        lines.append(f"{c['id'][:28]:28} {told}")
    if len(chips) > _MOST_CHIPS:
        lines.append(f"and {len(chips) - _MOST_CHIPS} more: --json - tells of all")
    origins = {c["share_error"]["origin"]: c["share_error"] for c in chips}
    for origin, error in sorted(origins.items()):
        lines.append(_ORIGINS[origin].format(chips=error["chips"]))
    return "\n".join(lines)


def _alert_lines(alert: Alert, seen: Tally) -> list[str]:
    if not alert["chips"]:
        return []
    return [
        marked(alert["question"], seen),
        f"right for {alert['tp'] + alert['tn']} of {alert['chips']} chips: {alert['tp']} found, {alert['fn']} missed, "
        f"{alert['fp']} false alarms; precision {_score(alert['precision'])}, recall {_score(alert['recall'])}, AUC "
        f"{_score(alert['auc'])}; true share in its 95 % interval: {_score(alert['coverage'])}",
    ]


def _comparison_lines(comparison: Comparison) -> list[str]:
    lines = [f"compared on {comparison['chips']} chips; difference of micro IoU, 95 % interval"]
    for pair in comparison["pairs"]:
        lines.append(f"{pair['first']} less {pair['second']}")
        figures = headline_of(pair["seen"], pair, pair["micro_unseen"])
        rows: list[tuple[str, Difference, str]] = [(c["name"], c, seen_words(c["seen"])) for c in pair["countries"]]
        if figures is not None:
            rows.insert(0, (f"{headline_name(pair['seen'])} (micro)", figures, ""))
        for name, row, told in rows:
            lines.append(
                f"  {name[:26]:26} {row['chips']:5} {_score(row['first_iou']):>6}  {_score(row['second_iou']):>6}  "
                f"{_signed(row['difference'], 3):>7}  {_signed_interval(row['difference_ci'], 3)}{told and f'  {told}'}"
            )
        if said := comparison_sentence(pair["seen"], pair["first"], pair["second"]):
            lines.append(f"  {said}")
        moved = ", ".join(
            f"{marked(m['id'], tally([m['seen_in_training']]))} {m['fewer_wrong_pixels']:+}"
            for m in pair["moved_most"][:3]
        )
        lines.append(f"  moved most (fewer wrong pixels): {moved or 'none'}")
    return lines


def _robustness_lines(robustness: RobustnessReport, seen: Tally) -> list[str]:
    lines = [f"{marked('changed chips', seen):34}    IoU  difference    95 % interval        pixels that change class"]
    for row in robustness["changes"]:
        share = row["differing_share"]
        lines.append(
            f"{row['title'][:34]:34} {_score(row['iou']):>6}  {_signed(row['delta'], 4):>10}  "
            f"{_signed_interval(row['delta_ci'], 4):>18}  {'-' if share is None else f'{100 * share:.2f} %':>10}"
        )
    spread = robustness["spread_over_views"]
    lines.append(f"spread of IoU over the eight views: {'-' if spread is None else f'{spread:.4f}'}")
    return lines


def _signed(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:+.{digits}f}"


def _signed_interval(low_high: list[float] | None, digits: int) -> str:
    return "-" if low_high is None else f"[{low_high[0]:+.{digits}f}, {low_high[1]:+.{digits}f}]"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _row(name: str, figures: Figures, seen: Tally | None = None) -> str:
    told = "" if seen is None else seen_words(seen)
    chips = figures["scored"]
    low_high = figures["iou_ci"]
    interval = f"[{low_high[0]:.3f}-{low_high[1]:.3f}]" if low_high else "n = 1" if chips == 1 else "-"
    return (
        f"{name[:28]:28} {chips:5} {_score(figures['iou']):>6}  {interval:>14} {_score(figures['f1']):>6}  "
        f"{_score(figures['precision']):>8}  {_score(figures['recall']):>6}{told and f'  {told}'}"
    )
