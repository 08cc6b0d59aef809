"""An evaluation as text: JSON, CSV, or a table for the terminal."""

from __future__ import annotations

import csv
import io
import json
from typing import Any


def as_json(report: dict[str, Any]) -> str:
    """Return the report as JSON."""
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(report: dict[str, Any]) -> str:
    """Return one row a scored chip."""
    out = io.StringIO()
    columns = ["id", "country", "event", "date", "split", "tp", "fp", "fn", "tn", "iou", "water_km2", "label_water_km2"]
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(report["chips"])
    return out.getvalue()


def as_table(report: dict[str, Any]) -> str:
    """Return the groups as a table, the total below, and what was left out."""
    lines = [
        f"{report['model']['name']} on {report['model']['device']}, water where p >= {report['threshold']:.2f}"
        + (", SIMULATED DATA" if report["simulated"] else ""),
        "",
        f"{report['by']:28} chips    IoU   95 % interval    F1  precision  recall",
    ]
    for group in report["groups"]:
        lines.append(_row(group["name"], group))
    lines.append(_row("all (micro)", report["micro"]))
    mean = report["mean_over_chips"]
    lines += ["", f"mean IoU over {mean['chips']} chips: {_score(mean['iou'])}. {mean['rule']}"]
    reasons: dict[str, int] = {}
    for skipped in report["skipped"]:
        reasons[skipped["reason"]] = reasons.get(skipped["reason"], 0) + 1
    lines += [
        f"not scored: {count} chip(s): {reason}" for reason, count in sorted(reasons.items(), key=lambda r: -r[1])
    ]
    return "\n".join(lines)


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _row(name: str, figures: dict[str, Any]) -> str:
    chips = figures["scored"]
    low_high = figures["iou_ci"]
    interval = f"[{low_high[0]:.3f}-{low_high[1]:.3f}]" if low_high else "n = 1" if chips == 1 else "-"
    return (
        f"{name[:28]:28} {chips:5} {_score(figures['iou']):>6}  {interval:>14} {_score(figures['f1']):>6}  "
        f"{_score(figures['precision']):>8}  {_score(figures['recall']):>6}"
    )
