"""A setting over several values: the student's scores against the value, with each seed, and where it stands now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, chains_agree, r_hat_text
from mtbkd_core.evaluation.means import Mean
from mtbkd_core.evaluation.scores import R_HAT, SCORES, Row
from mtbkd_core.figures.parts import CATEGORIES, GRIDLINES, Part, legend_mark, line, marker, marks, vertical
from mtbkd_core.figures.theme import INK, MUTED, composed
from mtbkd_core.studies.tables import seed_table, sweep_table, value_title

#: From here on, values lie too far apart for an axis of equal steps.
_WIDE = 20


def draw_sweep(scores: Mapping[str, Sequence[Row | None]], score: str, current: str, *, x: str) -> go.Figure:
    """One score against the value: mean over the seeds with its 95 % interval, each seed, and where settings stand now.

    Args:
        scores, current: as `sweep_table`.
        score: one of `COMPARED`.
        x: the setting's name for the axis.
    """
    table, each = sweep_table(scores, current), seed_table(scores)
    info, numbers = SCORES[score], _numbers(scores)
    places = {value: numbers[value] if numbers else value_title(value) for value in scores}
    several = bool(each["value"].duplicated().any())
    apart = ~table[R_HAT].map(chains_agree).astype(bool)
    means = [
        Mean(_known(value), _known(error), int(seeds))
        for value, error, seeds in zip(table[score], table[f"{score}_error"], table["seeds"], strict=True)
    ]
    halves, texts = [mean.half_width for mean in means], [mean.text(score) for mean in means]
    traces = []
    if several:
        where = each["value"].map(places)
        hover = "%{x}, seed +%{customdata}: %{y:.4f}"
        look = {"color": MUTED, "size": 6, "opacity": 0.6}
        traces.append(marks(where, each[score], "Each seed", hover, marker=look, customdata=each["replicate"]))
    traces.append(
        line(
            table["value"].map(places),
            table[score],
            "Mean over seeds" if several else info.short,
            f"%{{x}}: {info.short} %{{customdata[2]}}<br>%{{customdata[0]}} seeds, R-hat %{{customdata[1]}}",
            mode="lines+markers" if all(_number(value) is not None for value in scores) else "markers",
            showlegend=several,
            width=1.5,
            marker=marker(INK, np.where(table["current"], 13, 8), [*map(_symbol, table["current"], apart)]),
            customdata=np.column_stack([table["seeds"], table[R_HAT].map(r_hat_text), texts]),
            error_y={"array": halves, "color": MUTED, "thickness": 1.2, "width": 3},
        )
    )
    if table["current"].any():
        traces.append(legend_mark("Current setting", symbol="diamond", size=10))
    if apart.any():
        traces.append(legend_mark(f"Chains disagree (R-hat above {R_HAT_LIMIT})", symbol="circle-open", size=10))
    now = _number(current)
    return composed(
        traces,
        height=330,
        x={"title": x, **_scale(places, numbers)},
        y={"title": info.short + (f" ({info.unit})" if info.unit else ""), "tickformat": ".1%" if info.share else None},
        shapes=[vertical(now, colour=MUTED, dash="dot")] if numbers and now is not None else [],
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


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


def _scale(places: Mapping[str, float | str], numbers: Mapping[str, float]) -> Part:
    """Equal steps, or a logarithm, or just one place after another, whatever keeps the values apart."""
    if not numbers:
        # all places from the start: the axis stays where it is while points come
        order = {"categoryorder": "array", "categoryarray": list(places.values())}
        return {**CATEGORIES, "range": [-0.5, len(places) - 0.5], **order}
    if not _wide(numbers):
        return dict(GRIDLINES)
    low, high = (math.log10(number) for number in (min(numbers.values()), max(numbers.values())))
    air = 0.06 * (high - low)
    ticks = {"tickvals": list(numbers.values()), "ticktext": [value_title(value) for value in numbers]}
    return {"type": "log", "range": [low - air, high + air], **ticks, **GRIDLINES}
