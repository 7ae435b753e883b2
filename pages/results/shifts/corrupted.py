"""Parts of the page on shifts: how well scores detect shifts, a picture before and after, a curve over severities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from mtbkd_core import Result, Task
from mtbkd_core.evaluation.corruptions import severity_table
from mtbkd_core.evaluation.score_text import ERRORS_LINE
from mtbkd_core.evaluation.shift import MEASURES, Separation
from mtbkd_core.evaluation.student_tables import separation_table, separations_shown
from pages.ui import charts, chosen_run, examples

#: Test examples that are corrupted, and students that predict them: few enough that a curve takes about a second.
CORRUPTED, DRAWS = 200, 160


def draw_separation(measured: Mapping[str, Mapping[str, Separation]], titles: Mapping[str, str], item: str) -> None:
    """How well each score separates shifted inputs from the test examples; arguments as `separation_table`."""
    table = separation_table(measured, titles)
    charts.heading(
        "Detection of out-of-distribution inputs",
        lambda: table,
        key="separation",
        file="shifts.csv",
        help=f"Each score should be higher for out-of-distribution inputs than for test {item}s.",
        of="Download the table as numbers.",
    )
    st.caption(f"AUROC and AUPR near 1 and a small false positive rate: the score detects them well. {ERRORS_LINE}")
    st.dataframe(
        separations_shown(measured, titles),
        hide_index=True,
        key="separation",
        column_config={each.title: st.column_config.TextColumn(help=f"{each.line}.") for each in MEASURES.values()},
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
