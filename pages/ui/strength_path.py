"""How a strength was chosen: the held-out scores of the path, and what follows from them."""

from __future__ import annotations

from mtbkd_core.evaluation.strength_path import StrengthChoice
from mtbkd_core.figures.strength import draw_strength_path, strength_table
from pages.ui import charts


def draw(choice: StrengthChoice) -> None:
    """The curve with its sentence."""
    table = strength_table(choice)
    charts.show(
        draw_strength_path(table),
        "Held-out score against the teachers' worth",
        f"Higher is better. {choice.sentence}",
        lambda: table,
        key="strength-path",
        help=f"{choice.how} Vertical lines: standard error of the distance to the best.",
    )
