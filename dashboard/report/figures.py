"""The figures of the HTML report, each from the report's numbers or the summed histogram. No figure fetches anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from model.evaluation.report import Alert, Difference, Figures, Pair, RobustnessReport
from model.scores.histogram import THRESHOLDS, ScoreHistogram
from model.seen.headline import headline_name, headline_of, marked
from tiles.palette import BLUE, GREEN, ORANGE, PURPLE, QUIET, VERMILION

_FAMILIES = {
    "view": ("flips and turns", BLUE, "circle"),
    "blur": ("blur", ORANGE, "square"),
    "gain": ("gain", GREEN, "diamond"),
    "speckle": ("speckle", VERMILION, "triangle-up"),
    "dropout": ("dropped pixels", PURPLE, "x"),
}


def scores_by_group(rows: Sequence[tuple[str, Figures]], title: str) -> go.Figure:
    """Return IoU with its 95 % interval, one line a group that has one; named from above in the order given."""
    shown = [(name, row["iou"], row["iou_ci"]) for name, row in rows if row["iou"] is not None]
    return _dots(shown[::-1], title, (0, 1))


def iou_over_threshold(total: ScoreHistogram, threshold: float) -> go.Figure:
    """Return micro IoU, precision and recall at all 255 thresholds, and the threshold in use."""
    counts = total.confusions()
    figure = go.Figure()
    for name, statistic, color, dash in (
        ("IoU", "iou", BLUE, "solid"),
        ("precision", "precision", ORANGE, "dash"),
        ("recall", "recall", GREEN, "dot"),
    ):
        values = counts.values(statistic)  # type: ignore[arg-type]
        figure.add_scatter(
            x=_rounded(THRESHOLDS), y=_rounded(values), name=name, mode="lines", line={"color": color, "dash": dash}
        )
    figure.add_vline(x=threshold, line={"color": QUIET, "width": 1}, annotation_text=f"in use: {threshold:.2f}")
    return _styled(figure, "threshold", "score", (0, 1), (0, 1.02))


def precision_recall(total: ScoreHistogram, threshold: float) -> go.Figure:
    """Return the precision-recall curve with the working point."""
    curve, here = total.pr_curve(), total.confusion(threshold)
    figure = go.Figure()
    figure.add_scatter(
        x=_rounded(curve.recall),
        y=_rounded(curve.precision),
        customdata=_rounded(curve.thresholds),
        mode="lines",
        line={"color": BLUE},
        name="curve",
        hovertemplate="recall %{x:.3f}, precision %{y:.3f} at threshold %{customdata:.2f}<extra></extra>",
    )
    if here.recall is not None and here.precision is not None:
        figure.add_scatter(
            x=[here.recall],
            y=[here.precision],
            mode="markers",
            marker={"color": VERMILION, "size": 11, "symbol": "diamond"},
            name=f"at {threshold:.2f}",
        )
    return _styled(figure, "recall", "precision", (0, 1.02), (0, 1.02))


def reliability(total: ScoreHistogram) -> go.Figure:
    """Return the reliability diagram: observed share of water by predicted probability, the marker by the pixels in it."""
    bins = total.reliability()
    filled = bins.pixels > 0
    size = 6 + 3 * np.maximum(0, np.log10(np.maximum(1, bins.pixels[filled])) - 1)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": QUIET, "dash": "dash"}, name="perfectly calibrated"
    )
    figure.add_scatter(
        x=_rounded(bins.predicted[filled]),
        y=_rounded(bins.observed[filled]),
        customdata=bins.pixels[filled].tolist(),
        mode="lines+markers",
        line={"color": BLUE},
        marker={"size": size.round(1).tolist()},
        name="this model",
        hovertemplate="said %{x:.3f}, was %{y:.3f} (%{customdata:,} pixels)<extra></extra>",
    )
    return _styled(figure, "predicted probability of water", "share that is water", (0, 1.02), (0, 1.02))


def robustness(report: RobustnessReport) -> go.Figure:
    """Return the difference of IoU that each change makes, with its interval, marked by the kind of change."""
    figure = go.Figure()
    rows = [(row, row["delta"]) for row in report["changes"] if row["delta"] is not None][::-1]
    for family, (name, color, symbol) in _FAMILIES.items():
        shown = [(row, delta) for row, delta in rows if row["family"] == family]
        if shown:
            figure.add_scatter(
                x=[delta for _, delta in shown],
                y=[row["title"] for row, _ in shown],
                error_x=_bars([delta for _, delta in shown], [row["delta_ci"] for row, _ in shown], color),
                mode="markers",
                marker={"color": color, "symbol": symbol, "size": 10},
                name=name,
                hovertemplate="%{y}: %{x:+.4f}<extra></extra>",
            )
    figure.update_yaxes(categoryorder="array", categoryarray=[row["title"] for row, _ in rows], dtick=1)
    figure.add_vline(x=0, line={"color": QUIET, "width": 1})
    return _styled(figure, "difference of micro IoU", None, height=70 + 26 * max(4, len(rows)))


def differences(pair: Pair) -> go.Figure:
    """Return the difference of two models' IoU in each country and over all that counts, with intervals."""
    counted = headline_of(pair["seen"], pair, pair["micro_unseen"])
    rows: list[tuple[str, Difference]] = [(marked(row["name"], row["seen"]), row) for row in pair["countries"]]
    if counted is not None:
        rows.insert(0, (f"{headline_name(pair['seen'])} (micro)", counted))
    shown = [(name, row["difference"], row["difference_ci"]) for name, row in rows if row["difference"] is not None]
    figure = _dots(shown[::-1], "difference of micro IoU", None)
    figure.add_vline(x=0, line={"color": QUIET, "width": 1})
    return figure


def shares(alert: Alert) -> go.Figure:
    """Return each chip's predicted share of water with its interval over the true share."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": QUIET, "dash": "dash"}, name="equal")
    said = alert["answers"]
    share = [100 * a["share"] for a in said]
    figure.add_scatter(
        x=[100 * a["true_share"] for a in said],
        y=share,
        error_y=_bars(share, [[100 * v for v in a["share_ci"]] for a in said], BLUE),
        customdata=[a["id"] for a in said],
        mode="markers",
        marker={"color": BLUE, "size": 8},
        name="chip, 95 % interval",
        hovertemplate="%{customdata}: said %{y:.1f} %, was %{x:.1f} %<extra></extra>",
    )
    above = 100 * alert["above"]
    figure.add_vline(x=above, line={"color": QUIET, "width": 1}, annotation_text=f"{above:g} %")
    figure.add_hline(y=above, line={"color": QUIET, "width": 1})
    return _styled(figure, "true share of water, %", "predicted share of water, %", (-2, 102), (-2, 102))


def roc(alert: Alert) -> go.Figure:
    """Return the ROC curve of the answer's probability over chips."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": QUIET, "dash": "dash"}, name="guessing")
    figure.add_scatter(
        x=[p["false_alarm_rate"] for p in alert["roc"]],
        y=[p["recall"] for p in alert["roc"]],
        mode="lines+markers",
        line={"color": BLUE},
        name="this model",
    )
    return _styled(figure, "false alarm rate, of dry chips", "found, of flooded chips", (-0.02, 1.02), (-0.02, 1.02))


def _dots(
    rows: Sequence[tuple[str, float, list[float] | None]], title: str, span: tuple[float, float] | None
) -> go.Figure:
    names, values, intervals = [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]
    figure = go.Figure(
        go.Scatter(
            x=values,
            y=names,
            error_x=_bars(values, intervals, BLUE),
            mode="markers",
            marker={"color": BLUE, "size": 9},
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    figure.update_yaxes(categoryorder="array", categoryarray=names, dtick=1)
    return _styled(figure, title, None, span, height=90 + 26 * max(3, len(names)))


def _bars(values: Sequence[float], intervals: Sequence[Sequence[float] | None], color: str) -> dict[str, object]:
    """Return error bars from intervals; none where there is no interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, i[1] - v) if i else 0.0 for v, i in zip(values, intervals, strict=True)],
        "arrayminus": [max(0.0, v - i[0]) if i else 0.0 for v, i in zip(values, intervals, strict=True)],
        "color": color,
        "thickness": 1.5,
        "width": 3,
    }


def _rounded(values: Any) -> list[float | None]:
    """Return floats of six digits, None for NaN: shorter in the file, and valid JSON."""
    return [None if np.isnan(v) else round(float(v), 6) for v in values]


def _styled(
    figure: go.Figure,
    x: str,
    y: str | None,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    height: int = 360,
) -> go.Figure:
    axis = {"zeroline": False, "automargin": True, "gridcolor": "rgba(124,136,150,0.25)", "linecolor": QUIET}
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 16, "t": 34, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": QUIET},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        showlegend=sum(1 for trace in figure.data if trace.name) > 1,
        hovermode="closest",
    )
    figure.update_traces(cliponaxis=False)
    figure.update_xaxes(title={"text": x, "font": {"size": 13}}, range=x_range, **axis)
    figure.update_yaxes(title={"text": y, "font": {"size": 13}}, range=y_range, **axis)
    return figure
