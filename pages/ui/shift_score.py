"""How uncertain the student is of out-of-distribution inputs, beside the test examples."""

import streamlit as st

from mtbkd_core.evaluation.score_text import ERRORS_LINE
from mtbkd_core.evaluation.shift import OUT_OF_DISTRIBUTION, SHIFT_SCORES
from mtbkd_core.evaluation.student_tables import score_density
from mtbkd_core.figures.out_of_distribution import draw_score_density
from pages.ui import charts, chosen_run, task_words
from pages.ui.words import plain


def show(chosen: chosen_run.Chosen) -> None:
    """Draw it, where the task has out-of-distribution inputs and the run was measured on them."""
    config, found = chosen.view.config, chosen.result.predictions
    info = task_words.info(config)
    measured = chosen.result.metrics.shifts
    shifts = [shift for shift in info.shifts if shift.name in measured]
    if not shifts:
        return
    score = SHIFT_SCORES[OUT_OF_DISTRIBUTION].title
    groups = {f"Test {info.item}s": found.test.epistemic.numpy()}
    groups |= {shift.title: found.shifts[shift.name].scores[OUT_OF_DISTRIBUTION].numpy() for shift in shifts}
    charts.show(
        draw_score_density(groups, score),
        f"{score} of test {info.item}s and of out-of-distribution inputs",
        "A curve to the right of the shaded one: the student is less certain of those inputs, as it should be.",
        lambda: score_density(groups),
        key="shift-score",
        help="How far students that fit the data equally well disagree about an input. "
        + " ".join(plain(f"{shift.title}: {shift.description}") for shift in shifts),
    )
    st.caption(
        "  \n".join(
            f"{plain(shift.title)}: AUROC {measured[shift.name][OUT_OF_DISTRIBUTION].text('auroc')}" for shift in shifts
        ),
        help="The probability that one of them has more epistemic uncertainty than a test "
        f"{info.item}: at 0.5 it does not separate them, at 1 it does so perfectly. {ERRORS_LINE}",
    )
