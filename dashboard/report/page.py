"""An evaluation as one HTML file: figures and tables that open offline, in light and dark, and ask no server for anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from dashboard.report import figures
from model.evaluation.evaluate import Evaluation
from model.evaluation.report import (
    Alert,
    ChipScore,
    Comparison,
    EvaluationReport,
    Figures,
    Group,
    Mover,
    RobustnessReport,
)
from model.scores import worst
from model.scores.histogram import Confusion, ScoreHistogram
from model.seen.headline import (
    Tally,
    comparison_sentence,
    headline_name,
    headline_of,
    headline_sentence,
    marked,
    marks_sentence,
    tally,
)
from tiles import palette

WORST = 12
"""How many of the worst chips are listed."""

_STYLE = """
:root { --warning: WARNING; }
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #ffffff; --ink: #1c2530; --soft: #55606e; --line: #d9dfe6; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #12171e; --card: #1a2028; --ink: #e6eaef; --soft: #a9b3c0; --line: #333d4a; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; } h2 { font-size: 20px; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 20px 0 4px; }
p { margin: 0 0 12px; color: var(--soft); max-width: 75ch; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px; margin-top: 20px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 20px; }
.pair > div { min-width: 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.facts dt { color: var(--soft); font-size: 13px; } .facts dd { margin: 0; font-size: 20px; font-weight: 600; }
.facts small { display: block; font-size: 13px; font-weight: 400; color: var(--soft); }
.wide { overflow-x: auto; margin-top: 12px; } table { border-collapse: collapse; width: 100%; font-size: 13px; }
caption { text-align: left; color: var(--soft); padding-bottom: 6px; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 600; }
tr.total td { font-weight: 600; border-top: 2px solid var(--line); }
.warning { color: var(--ink); border-left: 4px solid var(--warning); padding-left: 10px; }
""".replace("WARNING", palette.ORANGE)

# Figures are drawn in colours for both themes; their text follows the theme, also where it changes later. They are drawn while
# the page is still being read, so their width is taken again when all of it is there.
_THEME = """
const dark = matchMedia('(prefers-color-scheme: dark)');
function paint() {
  const ink = dark.matches ? '#c9d1db' : '#3b4654';
  document.querySelectorAll('.plotly-graph-div').forEach(div => {
    if (div.layout) Plotly.relayout(div, {'font.color': ink}).then(() => Plotly.Plots.resize(div));
  });
}
dark.addEventListener('change', paint);
addEventListener('load', paint);
"""

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

Cell = str | int | float | None


def as_page(
    evaluation: Evaluation,
    report: EvaluationReport,
    *,
    first: Sequence[str] = (),
    last: Sequence[str] = (),
    style: str = "",
) -> str:
    """Return the report as one HTML document with everything in it (about 5 MB, most of it plotly.js).

    Args:
        evaluation: what was scored.
        report: its `report()`, with "robustness" and "comparison" where they were asked for.
        first: further sections, as `section` makes them, below the head.
        last: further sections at the end.
        style: rules that these need.
    """
    total = ScoreHistogram.sum_of(h for _, _, h in evaluation.predictions)
    parts = [
        _head(report),
        *first,
        _regions(report),
        _thresholds(total, report),
        _sizes(report),
        _alert(report["alert"], report["seen"]),
    ]
    if "robustness" in report:
        parts.append(_robustness(report["robustness"], report["seen"]))
    if "comparison" in report:
        parts.append(_comparison(report["comparison"]))
    parts += [_worst(report), _skipped(report), *last]
    return document(f"{report['model']['name']}: evaluation", parts, style=style)


def document(title: str, parts: Sequence[str], *, figures: bool = True, style: str = "") -> str:
    """Return parts as one HTML document that asks no server for anything; `figures` brings plotly.js (5 MB) for them."""
    scripts = (f"<script>{get_plotlyjs()}</script>", f"<script>{_THEME}</script>") if figures else ("", "")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}{style}</style>{scripts[0]}</head>\n"
        f"<body><main>{''.join(parts)}</main>{scripts[1]}</body></html>\n"
    )


def _head(report: EvaluationReport) -> str:
    model, seen, crossed = report["model"], report["seen"], report["crossvalidated"]
    figures_of = headline_of(seen, report["micro"], report["micro_unseen"])
    mean = headline_of(seen, report["mean_over_chips"], report["mean_over_unseen_chips"])
    facts: list[tuple[str, str, str]] = []
    if figures_of is not None and mean is not None:
        of = "" if headline_name(seen) == "all" else f" ({headline_name(seen)})"
        facts = [
            (f"micro IoU{of}", _score(figures_of["iou"]), _interval(figures_of["iou_ci"], figures_of["scored"])),
            ("precision", _score(figures_of["precision"]), "of the predicted water is water"),
            ("recall", _score(figures_of["recall"]), "of the water was found"),
            ("mean IoU over chips", _score(mean["iou"]), f"{mean['chips']} chips"),
            ("calibration error", _score(figures_of["calibration_error"]), "0 is perfectly calibrated"),
        ]
    elif crossed is not None:
        told = f"{_interval(crossed['ci'], crossed['chips'])}, of {model['name']} where it had never been"
        told += f". {crossed['note']}" if crossed["note"] else ""
        facts = [(f"micro IoU, each {crossed['by']} left out", _score(crossed["micro"]), told)]
    facts.append(("chips scored", str(report["micro"]["scored"]), f"{len(report['skipped'])} not scored"))
    shown = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>"
        for name, value, note in facts
    )
    parameters = ", ".join(f"{k} {v}" for k, v in sorted(model["parameters"].items()))
    warnings = [headline_sentence(seen, model["name"], crossed), marks_sentence(seen, model["name"])]
    if report["simulated"]:
        warnings.append("Simulated chips are among these: scores on them say little about real floods.")
    return (
        f"<h1>{escape(model['name'])}</h1><p>Model {escape(model['id'][:12])}"
        f"{escape(f' ({parameters})') if parameters else ''} on {escape(model['device'])}. Water where p ≥ "
        f"{report['threshold']:.2f}. Scores are micro: pixels of all chips counted together, unknown label pixels and pixels "
        "without data left out. Intervals are 95 %, over chips.</p>"
        f"{''.join(f'<p class=warning>{escape(text)}</p>' for text in warnings if text)}"
        f'<dl class="facts">{shown}</dl>'
    )


def _regions(report: EvaluationReport) -> str:
    head = [report["by"], "chips", "IoU", "95 % interval", "F1", "precision", "recall", "pixels"]
    groups = _marked_rows(report["groups"])
    figures_of = headline_of(report["seen"], report["micro"], report["micro_unseen"])
    total = None if figures_of is None else _score_row(f"{headline_name(report['seen'])} (micro)", figures_of)
    return section(
        f"By {report['by']}",
        "A region with one chip has no interval: its score says little.",
        _figure(figures.scores_by_group(groups, "micro IoU"), f"IoU by {report['by']}, with 95 % intervals"),
        table(head, [_score_row(name, g) for name, g in groups], total=total),
    )


def _marked_rows(rows: Iterable[Group]) -> list[tuple[str, Group]]:
    return [(marked(row["name"], row["seen"]), row) for row in rows]


def _marked_id(chip: ChipScore | Mover) -> str:
    return marked(chip["id"], tally([chip["seen_in_training"]]))


def _thresholds(total: ScoreHistogram, report: EvaluationReport) -> str:
    threshold, best = report["threshold"], total.best_threshold()
    said = "There is no water in the labels, so there is no best threshold."
    if best is not None:
        said = f"On these chips IoU is highest at {best:.2f}{marked('', report['seen'])} ({_score(total.confusion(best).iou)})."
    return section(
        "Threshold and calibration",
        said,
        '<div class="pair">'
        + _figure(figures.iou_over_threshold(total, threshold), "IoU, precision and recall over the threshold")
        + _figure(figures.precision_recall(total, threshold), "Precision over recall")
        + _figure(figures.reliability(total), "Reliability diagram: observed share of water over predicted probability")
        + "</div>",
    )


def _sizes(report: EvaluationReport) -> str:
    head = ["share of water", "chips", "IoU", "95 % interval", "F1", "precision", "recall", "pixels"]
    rows = _marked_rows(report["by_water_share"])
    return section(
        "By share of water",
        "Chips by how much of their labelled area is water: small waters are the harder ones. Without water in the label, "
        "IoU is 0 where any water was predicted.",
        _figure(figures.scores_by_group(rows, "micro IoU"), "IoU by share of water of the chip"),
        table(head, [_score_row(name, b) for name, b in rows]),
    )


def _alert(alert: Alert, seen: Tally) -> str:
    if not alert["chips"]:
        return ""
    said = (
        f"{marked(alert['question'], seen)} The answer was right for {alert['tp'] + alert['tn']} of {alert['chips']} chips: "
        f"{alert['tp']} found, {alert['fn']} missed, {alert['fp']} false alarms (precision {_score(alert['precision'])}, recall "
        f"{_score(alert['recall'])}, area under the ROC curve {_score(alert['auc'])}). The true share lay in the 95 % interval "
        f"for {_percent(alert['coverage'])} of the chips; intervals are {_percent(alert['mean_width'])} of a chip wide."
    )
    drawn = _figure(figures.shares(alert), "Predicted share of water with interval, over the true share, each chip")
    if alert["roc"]:
        drawn += _figure(figures.roc(alert), "ROC curve of the answer over chips")
    return section("Is this chip flooded?", said, f'<div class="pair">{drawn}</div>')


def _robustness(report: RobustnessReport, seen: Tally) -> str:
    rows: list[list[Cell]] = [
        [
            row["title"],
            _score(row["iou"]),
            "-" if row["delta"] is None else f"{row['delta']:+.4f}",
            _interval(row["delta_ci"], report["chips"], "+.4f"),
            "-" if row["differing_share"] is None else f"{100 * row['differing_share']:.2f} %",
        ]
        for row in report["changes"]
    ]
    spread = report["spread_over_views"]
    return section(
        "Robustness",
        "The same chips changed in ways that leave the truth as it is; labels are turned with their images. The difference is "
        "to the unchanged chips on the same pixels. IoU over the eight flips and turns spreads by "
        f"{'-' if spread is None else f'{spread:.4f}'}.",
        _figure(figures.robustness(report), "Difference of IoU by change"),
        table(["change", marked("IoU", seen), "difference", "95 % interval", "pixels that change class"], rows),
    )


def _comparison(report: Comparison) -> str:
    models: list[list[Cell]] = [
        [
            marked(m["model"]["name"], m["seen"]),
            f"{m['threshold']:.2f}",
            _score(m["iou"]),
            _score(m["f1"]),
            _score(m["precision"]),
            _score(m["recall"]),
        ]
        for m in report["models"]
    ]
    parts = [table(["model", "threshold", "IoU", "F1", "precision", "recall"], models)]
    for pair in report["pairs"]:
        moved: list[list[Cell]] = [
            [
                _marked_id(m),
                m["country"] or "Unknown",
                f"{m['fewer_wrong_pixels']:+,}".replace(",", "\u2009"),
                _score(m["first_iou"]),
                _score(m["second_iou"]),
            ]
            for m in pair["moved_most"]
        ]
        name = f"{pair['first']} against {pair['second']}"
        counted = headline_of(pair["seen"], pair, pair["micro_unseen"])
        said, head = comparison_sentence(pair["seen"], pair["first"], pair["second"]), name
        if counted is not None:
            difference = "-" if counted["difference"] is None else f"{counted['difference']:+.3f}"
            head = f"{name}: {difference} {_interval(counted['difference_ci'], counted['chips'], '+.3f')}"
        parts += [
            f"<h3>{escape(head)}</h3>{f'<p>{escape(said)}</p>' if said else ''}",
            _figure(figures.differences(pair), f"Difference of IoU, {name}"),
            table(
                ["chip", "country", "fewer wrong pixels", "IoU of the first", "IoU of the other"],
                moved,
                "The chips that moved most",
            ),
        ]
    return section(
        "Comparison",
        f"Scores on the {report['chips']} chips that all models have scored. Above 0, the first model is better; an interval "
        "that holds 0 decides nothing.",
        *parts,
    )


def _worst(report: EvaluationReport) -> str:
    ranked = worst.worst_first(report["chips"], lambda c: Confusion(c["tp"], c["fp"], c["fn"], c["tn"]))
    rows: list[list[Cell]] = [
        [
            _marked_id(c),
            c["country"] or "Unknown",
            c["date"] or "-",
            _score(c["iou"]),
            c["fp"],
            c["fn"],
            c["tp"] + c["fn"],
        ]
        for c in ranked[:WORST]
        if c["fp"] + c["fn"]
    ]
    return section(
        "Worst chips",
        worst.RULE,
        table(["chip", "country", "date", "IoU", "false water px", "missed water px", "water px"], rows),
    )


def _skipped(report: EvaluationReport) -> str:
    reasons: dict[str, list[str]] = {}
    for skipped in report["skipped"]:
        reasons.setdefault(skipped["reason"], []).append(skipped["id"])
    if not reasons:
        return ""
    rows: list[list[Cell]] = [
        [reason, len(ids), ", ".join(ids[:3]) + (" …" if len(ids) > 3 else "")]
        for reason, ids in sorted(reasons.items(), key=lambda r: -len(r[1]))
    ]
    return section("Not scored", "", table(["reason", "chips", "such as"], rows))


def _score_row(name: str, figures_of: Figures) -> list[Cell]:
    pixels = figures_of["tp"] + figures_of["fp"] + figures_of["fn"] + figures_of["tn"]
    return [
        name,
        figures_of["scored"],
        _score(figures_of["iou"]),
        _interval(figures_of["iou_ci"], figures_of["scored"]),
        _score(figures_of["f1"]),
        _score(figures_of["precision"]),
        _score(figures_of["recall"]),
        pixels,
    ]


def section(title: str, text: str, *parts: str) -> str:
    """Return a section: a heading, a sentence (plain text) and parts (HTML)."""
    said = f"<p>{escape(text)}</p>" if text else ""
    return f"<section><h2>{escape(title)}</h2>{said}{''.join(parts)}</section>"


def _figure(figure: go.Figure, label: str) -> str:
    drawn = to_html(
        figure, include_plotlyjs=False, full_html=False, config={"displayModeBar": False, "responsive": True}
    )
    return f'<div role="img" aria-label="{escape(label)}">{drawn}</div>'


def table(
    head: Sequence[str], rows: Iterable[Sequence[Cell]], caption: str = "", total: Sequence[Cell] | None = None
) -> str:
    """Return a table of plain texts and numbers; it scrolls where it is wider than the page."""
    body = "".join(_row(row) for row in rows) + (_row(total, "total") if total is not None else "")
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    heads = "".join(f'<th scope="col">{escape(h)}</th>' for h in head)
    return f'<div class="wide" tabindex="0"><table>{named}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(cells: Sequence[Cell], kind: str = "") -> str:
    shown = "".join(
        f"<td>{escape(f'{c:,}'.replace(',', chr(0x2009)) if isinstance(c, int) else str(c))}</td>" for c in cells
    )
    return f'<tr class="{kind}">{shown}</tr>' if kind else f"<tr>{shown}</tr>"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _interval(low_high: Sequence[float] | None, chips: int, form: str = ".3f") -> str:
    if low_high is None:
        return "n = 1" if chips == 1 else "-"
    return f"[{low_high[0]:{form}} – {low_high[1]:{form}}]"
