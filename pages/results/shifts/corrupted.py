"""Parts of the page on shifts: how well scores detect shifts, a picture before and after, a curve over severities."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from mtbkd_core import Result, Task
from mtbkd_core.evaluation.corruptions import severity_table
from pages.ui import charts, chosen_run, examples

#: Test examples that are corrupted, and students that predict them: few enough that a curve takes about a second.
CORRUPTED, DRAWS = 200, 160


def draw_separation(table: pd.DataFrame, item: str) -> None:
    """How well each score separates shifted inputs from the test examples; `table` as `separation_table`."""
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
        "Detection of out-of-distribution inputs",
        lambda: table,
        key="separation",
        file="shifts.csv",
        help=f"Each score should be higher for out-of-distribution inputs than for test {item}s.",
        of="Download the table as numbers.",
    )
    st.caption("AUROC and AUPR near 1 and a small false positive rate: the score detects them well.")
    st.dataframe(
        shown,
        hide_index=True,
        key="separation",
        column_config={
            "AUROC": st.column_config.TextColumn(
                help="Probability that an out-of-distribution input scores higher than a test input, with its 95 % "
                "interval; 0.5 is as good as guessing."
            ),
            "AUPR": st.column_config.TextColumn(
                help="Area under precision and recall; out-of-distribution inputs are the positives."
            ),
            "FPR at 95 %": st.column_config.TextColumn(
                help=f"Share of test {item}s above the threshold that 95 % of the out-of-distribution inputs exceed."
            ),
        },
    )


def side_by_side(task: Task, index: int, before: Any, after: Any, chosen: chosen_run.Chosen) -> None:
    """The chosen picture before and after corruption, each with the student's prediction and its deviance."""
    for column, title, x in zip(st.columns(2, gap="small"), ("Before", "After"), (before, after), strict=True):
        found = chosen.result.predict(x, max_draws=DRAWS)
        named = task.class_names[int(found.mean[0].argmax())]
        image = examples.picture(task, x[0], 144)
        if image is not None:
            column.image(
                image,
                width=120,
                caption=f"{title}: **{named}**, deviance {float(found.deviance[0]):.2f}",
                alt=f"Example {index}, {title.lower()}",
            )
    st.caption(f"Label: **{task.class_names[int(task.y_test[index])]}**")


def curve(chosen: chosen_run.Chosen, task: Task, name: str) -> pd.DataFrame:
    """Accuracy and mean deviance against the severity of a corruption; kept for that run."""
    return _curve(chosen.version, name, chosen.result, task)


@st.cache_data(show_spinner="Corrupting pictures…", max_entries=64)
def _curve(version: str, name: str, _result: Result, _task: Task) -> pd.DataFrame:
    rows = severity_table(
        lambda x: _result.predict(x, max_draws=DRAWS),
        _task.x_test[:CORRUPTED],
        _task.y_test[:CORRUPTED],
        _task.image_shape or (0, 0),
        name,
    )
    return pd.DataFrame(rows)
