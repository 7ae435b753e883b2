"""The path of a choice of the strength: held-out log score against the number of labels."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.strength_path import StrengthChoice
from mtbkd_core.figures.parts import CATEGORIES, GRIDLINES, line, marker, marks
from mtbkd_core.figures.theme import DASHES, GRID, INK, MUTED, SYMBOLS, composed


def strength_table(choice: StrengthChoice) -> pd.DataFrame:
    """A row a setting: labels, concentration, strength, score, gap to the best, its error, and which was chosen."""
    table = pd.DataFrame([point.model_dump() for point in choice.points])
    table["chosen"] = (table["labels"] == choice.labels) & (table["concentration"] == choice.concentration)
    return table


def draw_strength_path(table: pd.DataFrame) -> go.Figure:
    """Each concentration's score over the numbers of labels, from no teacher on, and what was chosen.

    Args:
        table: as `strength_table`.
    """
    titles = {labels: "no teacher" if labels == 0 else f"{labels:g}" for labels in sorted(table["labels"].unique())}
    none, chosen = table[table["labels"] == 0], table[table["chosen"]]
    concentrations = sorted(table["concentration"].unique())
    traces = []
    for place, concentration in enumerate(concentrations):
        own = table[(table["concentration"] == concentration) & (table["labels"] > 0)]
        own = pd.concat([none, own]).sort_values("labels")
        usual = concentration == none["concentration"].iloc[0]
        colour = INK if usual else MUTED
        traces.append(
            line(
                own["labels"].map(titles),
                own["score"],
                f"Concentration {concentration:g}",
                "%{x} labels: %{y:.4f}<br>%{customdata[0]:.4f} below the best, error %{customdata[1]:.4f}",
                mode="lines+markers",
                colour=colour,
                dash=DASHES[place % len(DASHES)],
                width=1.5,
                marker=marker(colour, 6, SYMBOLS[place % len(SYMBOLS)]),
                error_y={"array": own["error"], "color": GRID, "thickness": 1.2, "width": 3} if usual else None,
                customdata=own[["gap", "error"]].to_numpy(),
            )
        )
    traces.append(
        marks(chosen["labels"].map(titles), chosen["score"], "Chosen", marker=marker(INK, 15, "diamond-open"))
    )
    order = {"categoryorder": "array", "categoryarray": list(titles.values())}
    return composed(
        traces,
        height=330,
        x={"title": "What each teacher's statement is worth, in labels", **CATEGORIES, **order},
        y={"title": "Log score of held-out labels (nats)", **GRIDLINES},
    )
