"""The sampler benchmark: error against seconds, and effective draws a second.

Samplers carry no hue, teachers do: the first, the default of most tasks, is drawn in ink, and all differ by dashes and
marks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.theme import DASHES, INK, MUTED, SEQUENTIAL, SYMBOLS, styled
from mtbkd_core.studies.sampler_trace import SamplerTraces

_INKS = (INK, MUTED, SEQUENTIAL[8], SEQUENTIAL[7])


def trace_table(traces: SamplerTraces) -> pd.DataFrame:
    """One row a turn: sampler, seconds, gradients, log_joint (nats), error (total variation; NaN before a draw)."""
    rows = [(name, s.seconds, s.gradients, s.log_joint, s.distance) for name, s in traces.points]
    table = pd.DataFrame(rows, columns=["sampler", "seconds", "gradients", "log_joint", "error"])
    return table.astype({"error": float})


def score_table(traces: SamplerTraces) -> pd.DataFrame:
    """One row a sampler: sampler, error, ess_median, ess_p5 (a second), log_joint, away, step_size, restarts, problem.

    `away` is by how many nats the log joint differs from the reference's; what is not known is NaN.
    """
    right = np.nan if traces.reference is None else traces.reference.log_joint
    columns = ["error", "ess_median", "ess_p5", "log_joint", "step_size", "restarts", "problem"]
    rows = [[name, *(getattr(score, column) for column in columns)] for name, score in traces.scores.items()]
    table = pd.DataFrame(rows, columns=["sampler", *columns]).astype(dict.fromkeys(columns[:-1], float))
    table.insert(5, "away", table["log_joint"] - right)
    return table


def draw_errors(
    table: pd.DataFrame, titles: Mapping[str, str], *, level: float | None, seconds: float | None = None
) -> go.Figure:
    """Each sampler's error against its seconds, on logarithmic axes: averaging independent draws is a straight line.

    Args:
        table: as `trace_table`.
        titles: sampler -> title, always the same ones, so that each keeps its look.
        level: the reference's own error, below which samplers cannot be told apart.
        seconds: that each is going to work, so that the axis does not move meanwhile.
    """
    figure = go.Figure()
    drawn = table.dropna(subset=["error"])
    for place, (sampler, title) in enumerate(titles.items()):
        rows = drawn[drawn["sampler"] == sampler]
        if rows.empty:
            continue
        colour, dash, symbol = _look(place)
        figure.add_scatter(
            x=rows["seconds"],
            y=rows["error"],
            mode="lines+markers",
            name=title,
            line={"color": colour, "dash": dash, "width": 2.5},
            marker={"color": colour, "symbol": symbol, "size": [0] * (len(rows) - 1) + [10], "opacity": 1},
            hovertemplate=title + "<br>after %{x:.2f} s<br>error %{y:.4f}<extra></extra>",
        )
    if level is not None and level > 0:
        figure.add_hline(y=level, line={"color": MUTED, "width": 1.2, "dash": "dot"})
        figure.add_annotation(
            xref="paper",
            x=1,
            y=float(np.log10(level)),
            text="the reference's own error",
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
            font={"color": MUTED},
        )
    # a decade's digits alone, as logarithmic axes have them, are hard to read
    figure.update_xaxes(type="log", tickvals=_ticks(-1, 2), tickformat="~g")
    figure.update_yaxes(type="log", tickvals=_ticks(-4, 0), tickformat="~g")
    if seconds is not None and not drawn.empty:
        first = float(drawn["seconds"].min())
        figure.update_xaxes(range=np.log10([0.95 * first, 1.05 * (float(table["seconds"].min()) + seconds)]).tolist())
    return styled(figure, height=400, x="Seconds of its own work", y="Error (total variation)")


def _look(place: int) -> tuple[str, str, str]:
    """Colour, dash and symbol of a sampler; dash and symbol together come again after 64."""
    rounds = place // len(DASHES)
    return _INKS[place % len(_INKS)], DASHES[place % len(DASHES)], SYMBOLS[(place + rounds) % len(SYMBOLS)]


def _ticks(lowest: int, highest: int) -> list[float]:
    """1, 2 and 5 times each power of ten."""
    return [digit * 10.0**power for power in range(lowest, highest + 1) for digit in (1, 2, 5)]


def draw_effective(scores: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """Effective draws a second, a row a sampler: the median over inputs, and the 5th percentile, the hard ones.

    Args:
        scores: as `score_table`.
        titles: sampler -> title.
    """
    scores = scores.dropna(subset=["ess_median"])[::-1]
    names = [titles[sampler] for sampler in scores["sampler"]]
    figure = go.Figure()
    for title, low, high in zip(names, scores["ess_p5"], scores["ess_median"], strict=True):
        figure.add_scatter(
            x=[low, high],
            y=[title, title],
            mode="lines",
            line={"color": MUTED, "width": 2},
            showlegend=False,
            hoverinfo="skip",
        )
    for name, column, symbol in (("Median input", "ess_median", "circle"), ("5th percentile", "ess_p5", "circle-open")):
        figure.add_scatter(
            x=scores[column],
            y=names,
            mode="markers",
            name=name,
            marker={"color": INK, "symbol": symbol, "size": 12, "line": {"color": INK, "width": 2}},
            hovertemplate="%{y}<br>" + name.lower() + ": %{x:.1f} a second<extra></extra>",
        )
    figure.update_xaxes(rangemode="tozero")
    return styled(figure, height=400, x="Effective draws a second")
