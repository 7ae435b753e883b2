"""Coverage of credible intervals against their width, setting by setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.predictive import LEVEL
from mtbkd_core.figures.theme import GRID, INK, MUTED, styled
from mtbkd_core.studies.coverage import NO_TEACHER, SETTINGS, TEACHERS, WRONG_ALONE, Coverage

_SYMBOLS = {"inverse_entropy": "circle", "softmin": "square", "fixed": "diamond"}


def coverage_table(found: Sequence[Coverage]) -> pd.DataFrame:
    """One row a setting.

    Columns: setting, teachers, rule, coverage, low and high (its 95 % interval), width, bias; of its posteriors
    `apart`, how many have chains that disagree, and `effective`, the median of their effective draws.
    """
    rows = []
    for row in found:
        _, rule = SETTINGS[row.setting]
        mixed = ", " in row.setting
        margin = 1.96 * row.error
        rows.append(
            {
                "setting": row.setting,
                "teachers": row.setting.rpartition(",")[0] if mixed else row.setting,
                "rule": str(rule) if mixed else "",
                "coverage": row.mean,
                "low": row.mean - margin,
                "high": row.mean + margin,
                "width": float(row.width.mean()),
                "bias": float(row.bias.mean()),
                "apart": row.apart,
                "effective": float(row.effective.median()),
            }
        )
    return pd.DataFrame(rows)


def draw_coverage(table: pd.DataFrame, rules: Mapping[str, str]) -> go.Figure:
    """Each setting at its mean width and its coverage; an arrow leads from the experts to them and the wrong one.

    Where the wrong one teaches alone is left out: its coverage would take the whole scale.

    Args:
        table: as `coverage_table`.
        rules: weight rule -> title.
    """
    experts, misled = TEACHERS
    table = table[table["setting"] != WRONG_ALONE]
    figure = go.Figure()
    _add(figure, table[table["teachers"] == NO_TEACHER], "No teacher", "x", MUTED)
    for rule, title in rules.items():
        of_rule = table[table["rule"] == rule]
        good, bad = of_rule[of_rule["teachers"] == experts], of_rule[of_rule["teachers"] == misled]
        _add(figure, good, f"Experts, {title.lower()}", _SYMBOLS[rule], INK)
        _add(figure, bad, f"… and the wrong one, {title.lower()}", f"{_SYMBOLS[rule]}-open", INK)
        if len(good) and len(bad):
            figure.add_annotation(
                x=bad["width"].iloc[0],
                y=bad["coverage"].iloc[0],
                ax=good["width"].iloc[0],
                ay=good["coverage"].iloc[0],
                xref="x",
                yref="y",
                axref="x",
                ayref="y",
                showarrow=True,
                arrowhead=2,
                arrowcolor=MUTED,
                arrowwidth=1.5,
                standoff=7,
                startstandoff=7,
            )
    figure.add_hline(y=LEVEL, line={"color": INK, "width": 1.2, "dash": "dot"})
    figure.add_annotation(
        xref="paper", x=1, y=LEVEL, text="nominal 95 %", showarrow=False, xanchor="right", yanchor="bottom"
    )
    figure.update_xaxes(rangemode="tozero", showgrid=True, gridcolor=GRID)
    figure.update_yaxes(tickformat=".0%", range=[min(0.8, float(table["low"].min()) - 0.02), 1.005])
    return styled(figure, height=460, x="Mean width of the 95 % intervals", y="Share that holds the truth")


def _add(figure: go.Figure, rows: pd.DataFrame, name: str, symbol: str, colour: str) -> None:
    figure.add_scatter(
        x=rows["width"],
        y=rows["coverage"],
        error_y={"type": "data", "array": rows["high"] - rows["coverage"], "color": GRID, "thickness": 1.5, "width": 4},
        mode="markers",
        name=name,
        marker={"color": colour, "size": 12, "symbol": symbol, "line": {"color": colour, "width": 2}},
        customdata=rows[["low", "high"]].to_numpy(),
        hovertemplate=name + "<br>coverage %{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})"
        "<br>width %{x:.3f}<extra></extra>",
    )
