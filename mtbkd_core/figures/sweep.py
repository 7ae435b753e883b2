"""A setting over several values: the student's scores against the value, with each seed, and where it stands now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, chains_agree, r_hat_text
from mtbkd_core.evaluation.scores import COMPARED, R_HAT, SCORES, Row
from mtbkd_core.figures.comparison import SUMMARY, summarise
from mtbkd_core.figures.theme import GRID, INK, MUTED, styled

#: From here on, values lie too far apart for an axis of equal steps.
_WIDE = 20


def value_title(value: str) -> str:
    """A value as a person reads it: 1.0 as 1, inverse_entropy as inverse entropy."""
    return value.removesuffix(".0").replace("_", " ")


def seed_table(scores: Mapping[str, Sequence[Row | None]]) -> pd.DataFrame:
    """One row a value and seed that is there: value, replicate, each of `COMPARED`, r_hat; None is NaN."""
    rows = [
        (value, place, *(np.nan if row.get(name) is None else row[name] for name in (*COMPARED, R_HAT)))
        for value, found in scores.items()
        for place, row in enumerate(found)
        if row is not None
    ]
    return pd.DataFrame(rows, columns=["value", "replicate", *COMPARED, R_HAT])


def sweep_table(scores: Mapping[str, Sequence[Row | None]], current: str) -> pd.DataFrame:
    """One row a value that has a score: value, title, current, and what `summarise` says of its seeds.

    Args:
        scores: value -> scores, one a seed; None where a run has not ended.
        current: the value that the settings themselves have.
    """
    rows = []
    for value, found in scores.items():
        there = [row for row in found if row is not None]
        if there:
            columns = {name: [row.get(name) for row in there] for name in (*COMPARED, R_HAT)}
            rows.append(
                {"value": value, "title": value_title(value), "current": value == current, **summarise(columns)}
            )
    return pd.DataFrame(rows, columns=["value", "title", "current", *SUMMARY])


def draw_sweep(scores: Mapping[str, Sequence[Row | None]], score: str, current: str, *, x: str) -> go.Figure:
    """One score against the value: mean over the seeds, each seed beside it, and where the settings stand now.

    Args:
        scores, current: as `sweep_table`.
        score: one of `COMPARED`.
        x: the setting's name for the axis.
    """
    table, each = sweep_table(scores, current), seed_table(scores)
    info = SCORES[score]
    numbers = _numbers(scores)
    places = {value: numbers[value] if numbers else value_title(value) for value in scores}
    figure = go.Figure()
    if numbers and _number(current) is not None:
        figure.add_vline(x=_number(current), line={"color": MUTED, "width": 1, "dash": "dot"})
    several = bool(each["value"].duplicated().any())
    if several:
        figure.add_scatter(
            x=each["value"].map(places),
            y=each[score],
            mode="markers",
            name="Each seed",
            marker={"color": MUTED, "size": 6, "opacity": 0.6},
            customdata=each["replicate"],
            hovertemplate="%{x}, seed +%{customdata}: %{y:.4f}<extra></extra>",
        )
    apart = ~table[R_HAT].map(chains_agree).astype(bool)
    figure.add_scatter(
        x=table["value"].map(places),
        y=table[score],
        mode="markers" if any(_number(value) is None for value in scores) else "lines+markers",
        name="Mean over seeds" if several else info.short,
        showlegend=several,
        line={"color": INK, "width": 1.5},
        marker={
            "color": INK,
            "size": np.where(table["current"], 13, 8).tolist(),
            "symbol": [_symbol(*marks) for marks in zip(table["current"], apart, strict=True)],
            "line": {"width": 2, "color": INK},
            "opacity": 1,
        },
        customdata=np.column_stack([table["seeds"], table[R_HAT].map(r_hat_text)]),
        hovertemplate=f"%{{x}}: {info.short} %{{y:.4f}}<br>%{{customdata[0]}} seeds, R-hat %{{customdata[1]}}"
        "<extra></extra>",
    )
    for name, symbol, shown in (
        ("Current setting", "diamond", table["current"].any()),
        (f"R-hat above {R_HAT_LIMIT}, or none", "circle-open", apart.any()),
    ):
        if shown:
            figure.add_scatter(
                x=[None],
                y=[None],
                mode="markers",
                name=name,
                marker={"color": INK, "symbol": symbol, "size": 10, "line": {"width": 2, "color": INK}},
            )
    _scale(figure, places, numbers)
    figure.update_yaxes(tickformat=".1%" if info.share else None)
    return styled(figure, height=330, x=x, y=f"{info.short} ({info.unit})" if info.unit else info.short)


def _symbol(current: bool, apart: bool) -> str:
    return ("diamond" if current else "circle") + ("-open" if apart else "")


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _numbers(scores: Mapping[str, object]) -> dict[str, float]:
    """The values as numbers; none where a value is a word, or where 0 stands among numbers far apart."""
    found = {value: number for value in scores if (number := _number(value)) is not None}
    if len(found) < len(scores) or (min(found.values(), default=1) <= 0 and _wide(found)):
        return {}
    return found


def _wide(numbers: Mapping[str, float]) -> bool:
    positive = [number for number in numbers.values() if number > 0]
    return bool(positive) and max(positive) >= _WIDE * min(positive)


def _scale(figure: go.Figure, places: Mapping[str, float | str], numbers: Mapping[str, float]) -> None:
    """Equal steps, or a logarithm, or just one place after another, whatever keeps the values apart."""
    if not numbers:
        # all places from the start: the axis stays where it is while points come
        shown = {"range": [-0.5, len(places) - 0.5], "categoryorder": "array", "categoryarray": list(places.values())}
        figure.update_xaxes(type="category", **shown)
        return
    figure.update_xaxes(showgrid=True, gridcolor=GRID)
    if _wide(numbers):
        ends = [math.log10(number) for number in (min(numbers.values()), max(numbers.values()))]
        air = 0.06 * (ends[1] - ends[0])
        figure.update_xaxes(
            type="log",
            tickvals=list(numbers.values()),
            ticktext=[value_title(value) for value in numbers],
            range=[ends[0] - air, ends[1] + air],
        )
