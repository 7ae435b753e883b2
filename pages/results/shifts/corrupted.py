"""What the page on shifts shows: scores that part inputs, a picture before and after, a curve over severities."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from torch import Tensor

from mtbkd_core import Result, Task
from mtbkd_core.evaluation.corruptions import severity_table
from pages.ui import charts, chosen_run, examples

#: Test examples that are corrupted, and students that look at them: few enough that a curve takes about a second.
CORRUPTED, DRAWS = 200, 160


def draw_separation(table: pd.DataFrame, item: str) -> None:
    """How well each score parts foreign inputs from the test examples; `table` as `separation_table`."""
    shown = pd.DataFrame(
        {
            "Inputs": table["shift"],
            "Score": table["score"],
            "AUROC": [f"{row.auroc:.3f} ({row.auroc_low:.3f}–{row.auroc_high:.3f})" for row in table.itertuples()],
            "AUPR": [f"{value:.3f}" for value in table["aupr"]],
            "FPR at 95 %": [f"{value:.1%}" for value in table["fpr95"]],
        }
    )
    charts.heading(
        "How well each score tells them apart",
        lambda: table,
        key="separation",
        file="shifts.csv",
        help=f"Inputs from elsewhere are to score higher than test {item}s.",
        of="Download the table as numbers.",
    )
    st.caption("AUROC and AUPR near 1 and a small false positive rate: the score tells them apart.")
    st.dataframe(
        shown,
        hide_index=True,
        key="separation",
        column_config={
            "AUROC": st.column_config.TextColumn(
                help="Chance that a foreign input scores higher than a test input, with its 95 % interval; 0.5 is none."
            ),
            "AUPR": st.column_config.TextColumn(help="Area under precision and recall, foreign inputs the positives."),
            "FPR at 95 %": st.column_config.TextColumn(
                help=f"Share of test {item}s that a threshold catching 95 % of the foreign ones flags as well."
            ),
        },
    )


def side_by_side(task: Task, index: int, before: Tensor, after: Tensor, chosen: chosen_run.Chosen) -> None:
    """The chosen picture as it is and corrupted, each with what the student names and how unsure it is."""
    for column, title, x in zip(st.columns(2, gap="small"), ("Before", "After"), (before, after), strict=True):
        says = chosen.result.predict(x, max_draws=DRAWS)
        named = task.class_names[int(says.mean[0].argmax())]
        image = examples.picture(task, x[0], 144)
        if image is not None:
            column.image(
                image,
                width=120,
                caption=f"{title}: **{named}**, deviance {float(says.deviance[0]):.2f}",
                alt=f"Example {index}, {title.lower()}",
            )
    st.caption(f"Label: **{task.class_names[int(task.y_test[index])]}**")


def curve(chosen: chosen_run.Chosen, task: Task, name: str) -> pd.DataFrame:
    """Accuracy and mean deviance against the severity of a corruption; kept for the run that it is of."""
    return _curve(chosen.view.id, name, chosen.result, task)


@st.cache_data(show_spinner="Corrupting pictures…", max_entries=64)
def _curve(run: str, name: str, _result: Result, _task: Task) -> pd.DataFrame:
    rows = severity_table(
        lambda x: _result.predict(x, max_draws=DRAWS),
        _task.x_test[:CORRUPTED],
        _task.y_test[:CORRUPTED],
        _task.image_shape or (0, 0),
        name,
    )
    return pd.DataFrame(rows)
