"""The paper's first figure: how unsure the student is of inputs from elsewhere, beside the test examples."""

import streamlit as st

from mtbkd_core.evaluation.student_tables import deviance_density
from mtbkd_core.figures.out_of_distribution import draw_deviance_density
from pages.ui import charts, chosen_run, task_words


def show(chosen: chosen_run.Chosen) -> None:
    """Draw it, where the task has inputs from elsewhere and the run was measured on them."""
    config, found = chosen.view.config, chosen.result.predictions
    info = task_words.info(config)
    shifts = [shift for shift in info.shifts if shift.name in found.shifts]
    if not shifts:
        return
    own = f"Test {info.item}s"
    groups = {own: found.test.deviance.numpy()}
    groups |= {shift.title: found.shifts[shift.name].scores["deviance"].numpy() for shift in shifts}
    parts = []
    for shift in shifts:
        measured = chosen.result.metrics.shifts[shift.name]["deviance"]
        parts.append(
            f"{shift.title}: AUROC **{measured.auroc:.3f}** ({measured.auroc_low:.3f} to {measured.auroc_high:.3f})"
        )
    charts.show(
        draw_deviance_density(groups),
        f"Deviance of test {info.item}s and of what lies elsewhere",
        "A curve that lies to the right of the shaded one: the student is less sure there, as it ought to be.",
        lambda: deviance_density(groups),
        key="elsewhere",
        help=" ".join(f"{shift.title}: {shift.description}" for shift in shifts),
    )
    st.caption(
        "  \n".join(parts),
        help="The probability that one of them has a higher deviance than a test "
        f"{info.item}, with its 95 % interval: 0.5 tells nothing, 1 tells them apart.",
    )
