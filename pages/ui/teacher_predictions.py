"""What each teacher says of one example, and how much it counts there, with the student beside them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation.teacher_tables import predictions_table
from pages.ui import charts, chosen_run


def show(chosen: chosen_run.Chosen, index: int, item: str, *, part: str = "test") -> None:
    """Draw the table for one example, called an `item`, of a part: "test" or "train"."""
    predictions = chosen.result.predictions
    found = predictions.test if part == "test" else predictions.train
    table = predictions_table(
        found.teachers[:, index].numpy(),
        found.mean[index].numpy(),
        found.weights[:, index].numpy(),
        found.responsibilities[:, index].numpy(),
        chosen.titles,
        chosen.class_names,
        int(found.labels[index]),
    )
    charts.heading(
        f"What each says of this {item}",
        lambda: table,
        key="voices",
        file="voices.csv",
        of="Download the table as numbers.",
    )
    prior = chosen.view.config.prior
    line = "A teacher counts by its weight before the student has learned, by its responsibility after."
    if prior.calibrated_teachers and prior.entropy_temperatures:
        divisors = ", ".join(f"{value:.3g}" for value in prior.entropy_temperatures)
        line += f" Shown as they come; the prior heard their logits divided by {divisors}."
    st.caption(line)
    shares = {
        name: ["" if pd.isna(value) else f"{value:.1%}" for value in table[name]]
        for name in ("probability", "label_probability", "weight", "responsibility")
    }
    st.dataframe(
        pd.DataFrame(
            {
                "Who": table["who"],
                "Says": table["predicted"],
                "Probability": shares["probability"],
                "Of the label": shares["label_probability"],
                "Entropy": [f"{value:.3f}" for value in table["entropy"]],
                "Weight": shares["weight"],
                "Responsibility": shares["responsibility"],
            }
        ),
        hide_index=True,
        key="voices",
        column_config={
            "Says": st.column_config.TextColumn(help="The class that it finds most probable."),
            "Probability": st.column_config.TextColumn(help="That it gives to this class; the student's in the mean."),
            "Of the label": st.column_config.TextColumn(help="The probability that it gives to the true class."),
            "Entropy": st.column_config.TextColumn(help="Of what it says, in nats; 0 is sure of one class."),
            "Weight": st.column_config.TextColumn(
                help=f"Its share of the mixture prior at this {item}, by the rule on the page Prior."
            ),
            "Responsibility": st.column_config.TextColumn(
                help="Its share once the student has learned: how well it fits where the student settled."
            ),
        },
    )
