"""The headline numbers of a result, as they stand in its metrics.json."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import Result
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT
from mtbkd_core.evaluation.score_text import change_text, value_text
from mtbkd_core.evaluation.scores import HEADLINE, SCORES
from pages.ui import chosen_run, navigation


def draw(result: Result) -> None:
    """The headline scores and R-hat of the student, beside those of the mean of the teachers' probabilities."""
    student, teachers = result.metrics.student, result.metrics.teachers_mean
    r_hat = result.metrics.diagnostics.r_hat
    columns = st.columns(len(HEADLINE) + 1, gap="small")
    for column, name in zip(columns, HEADLINE, strict=False):
        score = SCORES[name]
        column.metric(
            score.with_unit,
            value_text(name, student[name]),
            change_text(name, student[name], teachers[name]),
            delta_color="normal" if score.higher_is_better else "inverse",
            delta_description="vs teachers",
            help=score.help,
            border=True,
        )
    columns[-1].metric(
        "R-hat",
        "–" if r_hat is None else f"{r_hat:.3f}",
        "converged" if chosen_run.agrees(result) else "sample longer",
        delta_color="off",
        delta_arrow="off",
        help="Do the chains agree on the mean log probability of the test labels? 1 is perfect; above "
        f"{R_HAT_LIMIT} sample longer before you trust the intervals.",
        border=True,
    )


def links() -> None:
    """Where to look next."""
    with st.container(horizontal=True, gap="medium"):
        navigation.link("reliability", "Are its probabilities right?")
        navigation.link("influence", "Which teacher shaped it?")
        navigation.link("uncertainty", "Where is it uncertain?")
        navigation.link("compare", "Is it better than the baselines?")
