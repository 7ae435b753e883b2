"""Compression, shown: what the student and its teachers take, beside what each is worth."""

import pandas as pd
import streamlit as st

from mtbkd_core import Task
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.studies.costs import student_costs
from mtbkd_core.teachers.base import Cost
from pages.ui import chosen_run, task_loading, task_words


@st.cache_resource(show_spinner=False, max_entries=8)
def _of_student(run: str, _chosen: chosen_run.Chosen, _task: Task) -> dict[str, Cost]:
    return student_costs(_chosen.result, _task)


def show(chosen: chosen_run.Chosen) -> None:
    """A table of what each takes, where it was measured what the teachers take."""
    config, metrics, found = chosen.view.config, chosen.result.metrics, chosen.result.predictions
    if not task_words.info(chosen.view.config).costs:
        return
    task = task_loading.load(config)
    teachers = [
        (task.teachers[name].title, task.teachers[name].cost, metrics.teachers[name]) for name in config.data.teachers
    ]
    if not any(cost for _, cost, _ in teachers):
        return
    own = _of_student(chosen.view.id, chosen, task)
    students = own["posterior"].parameters // own["one"].parameters
    rows = [
        ("One student of the posterior", own["one"], scores(found.test.draws[-1, -1].float(), found.test.labels)),
        (f"Posterior mean of {students} students", own["posterior"], metrics.student),
        *teachers,
    ]
    table = pd.DataFrame(
        [
            {
                "": title,
                "Parameters": cost.parameters if cost else None,
                "Size": cost.bytes / 1000 if cost else None,
                "Time": cost.milliseconds if cost else None,
                "Accuracy": 100 * row.accuracy,
                "NLL": row.nll,
                "ECE": row.ece,
            }
            for title, cost, row in rows
        ]
    )
    st.markdown("**What each of them takes**")
    st.caption(
        f"A student should be small and quick for what it knows; its posterior is many of them. Time: for one "
        f"{task_words.item(config)}, on one core."
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "": st.column_config.TextColumn(width="medium", pinned=True),
            "Parameters": number(help="Numbers that were learned.", format="localized"),
            "Size": number("Size (kB)", help="What the parameters take in a file.", format="%.1f"),
            "Time": number(
                "Time (ms)",
                help="From the input to the probabilities, in batches of 64, working out the descriptors included. The "
                "teachers were timed when they were made, the students just now.",
                format="%.2f",
            ),
            "Accuracy": number(format="%.1f%%", help="Higher is better."),
            "NLL": number(format="%.4f", help="Lower is better."),
            "ECE": number(format="%.4f", help="Lower is better."),
        },
    )
