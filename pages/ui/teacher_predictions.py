"""The prediction of each teacher for one example and how much it counts there, with the student beside them."""

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
        list(chosen.teachers.values()),
        chosen.class_names,
        int(found.labels[index]),
    )
    charts.heading(
        f"Predictions for this {item}",
        lambda: table,
        key="teacher-predictions",
        file="teacher-predictions.csv",
        of="Download the table as numbers.",
    )
    prior = chosen.result.config.prior
    line = "Weight: a teacher's share of the prior. Responsibility: its share at the student's prediction, not a cause."
    if prior.calibrated_teachers and prior.entropy_temperatures:
        divisors = ", ".join(f"{value:.3g}" for value in prior.entropy_temperatures)
        line += f" The table shows the teachers uncalibrated; the prior divides their logits by {divisors}."
    st.caption(line)
    shares = {
        name: ["" if pd.isna(value) else f"{value:.1%}" for value in table[name]]
        for name in ("probability", "label_probability", "weight", "responsibility")
    }
    st.dataframe(
        pd.DataFrame(
            {
                "Network": table["who"],
                "Predicted class": table["predicted"],
                "Probability": shares["probability"],
                "Of the label": shares["label_probability"],
                "Entropy": ["" if pd.isna(value) else f"{value:.3f}" for value in table["entropy"]],
                "Weight": shares["weight"],
                "Responsibility": shares["responsibility"],
            }
        ),
        hide_index=True,
        key="teacher-predictions",
        column_config={
            "Predicted class": st.column_config.TextColumn(help="The most probable class."),
            "Probability": st.column_config.TextColumn(
                help="Of the predicted class; for the student, the posterior mean."
            ),
            "Of the label": st.column_config.TextColumn(help="The probability of the true class."),
            "Entropy": st.column_config.TextColumn(help="Of the predicted probabilities, in nats; 0 is certain."),
            "Weight": st.column_config.TextColumn(
                help=f"Its share of the mixture prior at this {item}, by the rule on the page Prior."
            ),
            "Responsibility": st.column_config.TextColumn(
                help="Its share of the mixture at the student's own prediction, once the student has learned."
            ),
        },
    )
