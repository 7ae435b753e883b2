"""Coverage of credible intervals beside their width, setting by setting."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.predictive import LEVEL
from mtbkd_core.figures.parts import GRIDLINES, SHARES, Part, bars, interval, marks, rows, vertical
from mtbkd_core.figures.theme import INK, MUTED, composed
from mtbkd_core.studies.coverage import BLIND, BLIND_AUTOMATIC, NO_TEACHER, TEACHERS, WRONG_ALONE

_TITLES = {
    NO_TEACHER: "no teacher",
    WRONG_ALONE: "wrong teacher alone",
    BLIND: "blind teacher",
    BLIND_AUTOMATIC: "blind, automatic strength",
}


def setting_titles(table: pd.DataFrame, rules: Mapping[str, str]) -> list[str]:
    """What the settings of a `coverage_table` are called, in small letters; rules: weight rule -> title."""
    experts, _ = TEACHERS
    return [
        _TITLES.get(row.setting) or f"{'experts' if row.teachers == experts else '+ wrong'}, {rules[row.rule].lower()}"
        for row in table.itertuples()
    ]


def draw_coverage(table: pd.DataFrame, rules: Mapping[str, str]) -> go.Figure:
    """A row a setting: on the left its coverage with its interval, on the right the mean width of its intervals.

    Args:
        table: as `coverage_table`.
        rules: weight rule -> title.
    """
    table = table.assign(title=[title[:1].upper() + title[1:] for title in setting_titles(table, rules)])
    low = table["high"] < LEVEL
    traces = [
        _covered(table[low], f"Clearly under {LEVEL:.0%}", "diamond", INK),
        _covered(table[~low], f"Not clearly under {LEVEL:.0%}", "circle-open", MUTED),
        bars(
            table["width"],
            table["title"],
            "",
            "width %{x:.3f}",
            "%{y}",
            colour=MUTED,
            orientation="h",
            width=0.4,
            opacity=0.6,
            xaxis="x2",
        ),
    ]
    return composed(
        traces,
        height=110 + 38 * len(table),
        x={**SHARES, "title": "Coverage", "domain": [0, 0.66], "tickvals": [0, 0.5, 1], "tickangle": 0, **GRIDLINES},
        xaxis2={"title": "Width", "domain": [0.76, 1], "rangemode": "tozero", "nticks": 2, "tickangle": 0, **GRIDLINES},
        y=rows(list(table["title"])),
        shapes=[{**vertical(LEVEL, dash="dot"), "xref": "x"}],
    )


def _covered(table: pd.DataFrame, name: str, symbol: str, colour: str) -> Part:
    return marks(
        table["coverage"],
        table["title"],
        name,
        "coverage %{x:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})",
        "%{y}",
        colour=colour,
        symbol=symbol,
        size=10,
        error_x=interval(table["coverage"], table["low"], table["high"], colour=colour),
        customdata=table[["low", "high"]].to_numpy(),
    )
