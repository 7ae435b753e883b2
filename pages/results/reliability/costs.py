"""Compression: what the student and its teachers cost, beside their scores."""

import pandas as pd
import streamlit as st

from mtbkd_core import Task
from mtbkd_core.evaluation.scores import HEADLINE, SCORES
from mtbkd_core.figures.run_tables import cost_table
from pages.ui import chosen_run, task_words
from pages.ui.jobs import task_loading


@st.cache_resource(show_spinner=False, max_entries=8)
def _table(version: str, _chosen: chosen_run.Chosen, _task: Task) -> pd.DataFrame:
    return cost_table(_chosen.result, _task)


def show(chosen: chosen_run.Chosen) -> None:
    """A table of the costs, where those of the teachers were measured."""
    config = chosen.view.config
    if chosen.moment is not None or not task_words.info(config).costs:  # what a posterior costs is that of the whole
        return
    task = task_loading.load(config)
    if not any(task.teachers[name].cost for name in config.data.teachers):
        return
    st.markdown("**Size and speed**")
    st.caption(
        "One student should be small and quick beside its teachers; its posterior is many students. Time: for one "
        f"{task_words.item(config)}, on one core."
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        _table(chosen.version, chosen, task),
        hide_index=True,
        column_config={
            "": st.column_config.TextColumn(width="medium", pinned=True),
            "Parameters": number(help="Numbers that are learned.", format="localized"),
            "Size": number("Size (kB)", help="Size of the parameters in a file.", format="%.1f"),
            "Time": number(
                "Time (ms)",
                help="From the input to the probabilities, in batches of 64, with the time for the descriptors. The "
                "teachers were timed when they were made, the students just now.",
                format="%.2f",
            ),
        }
        | {SCORES[score].short: st.column_config.TextColumn(help=SCORES[score].help) for score in HEADLINE},
    )
