"""A watch over time: the evidence of drift, scores of new inputs by batch, and how often each class is answered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.parts import CATEGORIES, SHARES, bars, horizontal, interval, line, marks, note, vertical
from mtbkd_core.figures.theme import INK, MUTED, WARNING, composed
from mtbkd_core.review.drift import ALPHA
from mtbkd_core.review.watch import WATCHED, Batch, WatchReport

#: What batches can be compared by -> its title.
COMPARED = {name: words.capitalize() for name, words in WATCHED.items()} | {
    "accuracy": "Accuracy",
    "coverage": "Coverage of the credible sets",
}
#: Points of a path that are drawn at most, and classes.
_POINTS, _CLASSES = 2_000, 20
#: Evidence above it is not told apart: far beyond an alarm.
_TOP = 1e4


def compared(report: WatchReport) -> dict[str, str]:
    """What the batches of a report can be compared by, name -> title."""
    return {name: title for name, title in COMPARED.items() if name in WATCHED or report.so_far is not None}


def evidence_table(report: WatchReport) -> pd.DataFrame:
    """Inputs and the evidence after them; of long streams, points evenly spread, with the alarm and the end."""
    places = np.unique(np.linspace(0, report.seen - 1, min(report.seen, _POINTS)).round().astype(int))
    if report.at is not None:
        places = np.union1d(places, [report.at - 1])
    return pd.DataFrame({"inputs": places + 1, "evidence": np.asarray(report.evidence)[places]})


def draw_evidence(report: WatchReport) -> go.Figure:
    """The evidence of drift after each new input on a log scale, and the line at which it is an alarm."""
    table, alarm = evidence_table(report), 1 / ALPHA
    traces = [line(table["inputs"], table["evidence"], "", "after %{x:,} inputs: %{y:.3g}")]
    shapes = [horizontal(alarm, colour=WARNING, dash="dash")]
    notes = [note(f"alarm at {alarm:g}", 0, np.log10(alarm), xref="paper", xanchor="left", yanchor="bottom")]
    if report.at is not None:
        hover = "alarm after %{x:,} inputs"
        traces.append(marks([report.at], [report.evidence[report.at - 1]], "", hover, colour=WARNING, symbol="diamond"))
        shapes.append(vertical(report.at, colour=WARNING, dash="dot"))
    low, high = float(table["evidence"].min()), float(table["evidence"].max())
    return composed(
        traces,
        height=320,
        legend=False,
        x="New inputs",
        y={
            "title": "Evidence of drift (log scale)",
            "type": "log",
            "tickformat": "~g",
            "range": [np.log10(min(low, 0.1)) - 0.1, np.log10(np.clip(high, alarm, _TOP)) + 0.25],
            "nticks": 6,
        },
        shapes=shapes,
        annotations=notes,
    )


def batch_table(report: WatchReport, what: str) -> pd.DataFrame:
    """A batch a row: "batch", "inputs", "value" with its 95 % interval "low" to "high"; without what no label tells."""
    return pd.DataFrame([row for batch in report.batches if (row := _row(batch, what)) is not None])


def _row(batch: Batch, what: str) -> dict[str, object] | None:
    if what not in WATCHED:
        share = getattr(batch, what)
        if share is None:
            return None
        return {
            "batch": batch.name,
            "inputs": batch.labelled,
            "value": share.found,
            "low": share.low,
            "high": share.high,
        }
    value, error = batch.means[what], batch.errors[what]
    half = np.nan if error is None else 1.96 * error
    return {"batch": batch.name, "inputs": batch.count, "value": value, "low": value - half, "high": value + half}


def draw_batches(report: WatchReport, what: str) -> go.Figure:
    """One of `compared` for each batch with its 95 % interval, beside the test set's."""
    table = batch_table(report, what)
    test = report.test_set.means[what] if what in WATCHED else getattr(report.test_set, what).found
    title, is_share = COMPARED[what], what not in WATCHED
    number = ".1%" if is_share else ".3g"
    value, low, high = (table[name].to_numpy() for name in ("value", "low", "high"))
    hover = f"up to %{{x}}: %{{y:{number}}} of %{{customdata:,}} inputs"
    means = marks(table["batch"], value, "", hover, customdata=table["inputs"], mode="lines+markers")
    means |= {"error_y": interval(value, low, high, colour=INK), "line": {"color": INK, "width": 1}}
    unit = "" if is_share else " (classes)" if what == "set_size" else " (nats)"
    return composed(
        [means],
        height=300,
        legend=False,
        x={"title": "Batch, by its last input or its time", **CATEGORIES, "nticks": 12},
        y={"title": f"{title}{unit}", **({**SHARES} if is_share else {"rangemode": "tozero", "nticks": 6})},
        shapes=[horizontal(test, colour=MUTED, dash="dash")],
        annotations=[note("test set", 1, test, xref="paper", xanchor="right", yanchor="bottom")],
    )


def answer_table(report: WatchReport, class_names: Sequence[str]) -> pd.DataFrame:
    """A class a row: "class", and the share of answers on the "test set" and on the "new inputs"."""
    both = {"test set": report.test_set.predicted, "new inputs": report.whole.predicted}
    return pd.DataFrame({"class": list(class_names)} | {name: list(shares) for name, shares in both.items()})


def draw_answers(report: WatchReport, class_names: Sequence[str]) -> go.Figure:
    """Share of each class among answers, on the test set and on the new inputs; of many classes the most unlike."""
    table = answer_table(report, class_names)
    if len(table) > _CLASSES:
        unlike = (table["test set"] - table["new inputs"]).abs().sort_values(ascending=False).index[:_CLASSES]
        table = table.loc[sorted(unlike)]
    looks = {"test set": MUTED, "new inputs": INK}
    return composed(
        [
            bars(table["class"], table[name], name.capitalize(), f"%{{x}}: %{{y:.1%}} of the {name}", colour=colour)
            for name, colour in looks.items()
        ],
        height=300,
        x={"title": "Class that is answered", **CATEGORIES},
        y={"title": "Share of the answers", "rangemode": "tozero", "tickformat": ".0%"},
        barmode="group",
        bargroupgap=0.05,
    )
