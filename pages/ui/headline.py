"""The headline numbers of a result, as they stand in its metrics.json."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import Result
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT
from mtbkd_core.evaluation.scores import SCORES
from pages.ui import chosen_run, navigation


def draw(result: Result) -> None:
    """Accuracy, NLL, ECE and R-hat of the student, held against the mean of the teachers' probabilities."""
    student, teachers = result.metrics.student, result.metrics.teachers_mean
    columns = st.columns(4, gap="small")
    columns[0].metric(
        "Accuracy",
        f"{student.accuracy:.1%}",
        f"{100 * (student.accuracy - teachers.accuracy):+z.1f} points",
        delta_description="vs teachers",
        help="Share of test examples that the posterior mean names right.",
        border=True,
    )
    columns[1].metric(
        SCORES["nll"].with_unit,
        f"{student.nll:.3f}",
        f"{student.nll - teachers.nll:+.3f}",
        delta_color="inverse",
        delta_description="vs teachers",
        help=SCORES["nll"].help,
        border=True,
    )
    columns[2].metric(
        SCORES["ece"].title,
        f"{student.ece:.3f}",
        f"{student.ece - teachers.ece:+.3f}",
        delta_color="inverse",
        delta_description="vs teachers",
        help="Expected calibration error over 15 bins: mean gap between confidence and accuracy; 0 is perfect.",
        border=True,
    )
    r_hat = result.metrics.diagnostics.r_hat
    columns[3].metric(
        "R-hat",
        "none" if r_hat is None else f"{r_hat:.3f}",
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
        navigation.link("reliability", "Can it be trusted?")
        navigation.link("influence", "Who shaped it?")
        navigation.link("uncertainty", "What does it not know?")
        navigation.link("compare", "Is it better than others?")
