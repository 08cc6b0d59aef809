"""A cross-validation as text: a table for the terminal, or CSV."""

from __future__ import annotations

import csv
import io

from model.evaluation.report import CrossReport


def as_cross_table(report: CrossReport, name: str, by: str) -> str:
    """Return one row a group that was left out, the totals below.

    Args:
        report: of `CrossValidation.report`.
        name: of the recipe.
        by: what was left out in turn.
    """
    lines = [
        f"recipe {name}: each {by} scored by a model, a temperature and a threshold that never saw it",
        "",
        f"{'left out':28} chips    water     IoU  calibration error  threshold  temperature",
    ]
    for fold in report["folds"]:
        share = fold["water_share"]
        lines.append(
            f"{fold['left_out'][:28]:28} {len(fold['chips']):5} {'-' if share is None else f'{100 * share:.2f} %':>8}  "
            f"{_score(fold['iou']):>6}  {_score(fold['calibration_error']):>17}  {fold['threshold']:>9.2f}  "
            f"{fold['temperature']:>11.2f}"
        )
    for chip, reason in report["skipped"].items():
        lines.append(f"{chip[:28]:28} not scored: {reason}")
    one = report["at_one_threshold"]
    interval = one["micro"]["iou_ci"]
    told = f" [{interval[0]:.3f}-{interval[1]:.3f}]" if interval else ""
    lines += [
        "",
        f"micro IoU {_score(report['micro_iou'])}; at one threshold for all, {one['threshold']:.2f}: "
        f"{_score(one['micro']['iou'])}{told}",
        f"mean over countries with water {_score(report['mean_over_countries_with_water'])}",
        f"calibration error {_score(report['calibration_error'])}",
        f"{report['seconds_a_chip']:.2f} s a chip",
    ]
    return "\n".join(lines)


def as_cross_csv(report: CrossReport) -> str:
    """Return one row a chip, each at its fold's own threshold."""
    out = io.StringIO()
    columns = ["left_out", "threshold", "id", "country", "seen_in_training", "tp", "fp", "fn", "tn", "iou"]
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for fold in report["folds"]:
        writer.writerows({"left_out": fold["left_out"], "threshold": fold["threshold"], **c} for c in fold["chips"])
    return out.getvalue()


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
