"""Shifts: inputs that the student should not trust, and whether it does."""

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation.corruptions import CORRUPTIONS, corrupt
from mtbkd_core.evaluation.shift import SHIFT_SCORES
from mtbkd_core.evaluation.student_tables import separation_table
from mtbkd_core.figures.shifts import draw_severity
from pages.results.shifts import corrupted, other_inputs
from pages.ui import charts, chosen_run, deviance, examples, link, task_words

#: From no corruption to the worst.
STEPS = 20

chosen = chosen_run.chosen()
config = chosen.view.config
chosen_run.banner(chosen)
task, item, info = chosen_run.task_of(chosen), task_words.item(config), task_words.info(config)
measured = chosen.result.metrics.shifts
known = [shift for shift in info.shifts if shift.name in measured]
if not known and task.image_shape is None:
    st.info(
        f"This task has no {item}s from elsewhere, and its {item}s are no pictures that could be corrupted. "
        "Handwritten digits, clothes and proteins have.",
        icon=":material/info:",
    )
    st.stop()

if known:
    st.subheader("Inputs from elsewhere", anchor=False)
    deviance.show(chosen)
    titles = {shift.name: shift.title for shift in known}
    table = separation_table(measured, titles, {name: score.title for name, score in SHIFT_SCORES.items()})
    corrupted.draw_separation(table, item)
    st.space("small")
    st.subheader(f"One {item} from elsewhere", anchor=False)
    other_inputs.show(task, chosen, known)

if task.image_shape is not None:
    st.subheader(f"{item.capitalize()}s that get worse", anchor=False)
    left, right = st.columns([1, 3], gap="large")
    with left:
        name = st.selectbox(
            "Corruption",
            list(CORRUPTIONS),
            format_func=lambda key: CORRUPTIONS[key].title,
            **link.bound("corruption", list(CORRUPTIONS), "rotation"),
            help=f"How the test {item}s get worse. The student never saw any like this.",
        )
        kind = CORRUPTIONS[name]
        step = st.select_slider(
            f"Severity ({kind.unit})",
            range(STEPS + 1),
            # of a step, so that another corruption, whose severity has another unit, is as far on its own way
            format_func=lambda step: f"{kind.most * step / STEPS:g}",
            **link.bound("severity", range(STEPS + 1), STEPS // 2),
            help="0 leaves the pictures as they are. The link holds how many of 20 steps the slider is from it.",
        )
        severity = kind.most * step / STEPS
        index = examples.chooser(task)
        before = task.x_test[index : index + 1]
        after = corrupt(before, task.image_shape, name, severity)
        corrupted.side_by_side(task, index, before, after, chosen)
    with right:
        curve = corrupted.curve(chosen, task, name)
        charts.show(
            draw_severity(curve, severity=severity, unit=kind.unit),
            f"{kind.title}: accuracy and deviance",
            "As accuracy falls, deviance should rise: the student notices. A flat deviance does not.",
            lambda: curve,
            key="severity",
            help=f"Of the first {corrupted.CORRUPTED} test {item}s and {corrupted.DRAWS} students, spread over the "
            "chains.",
        )
    st.caption(f"The dotted line is the severity chosen. {len(pd.unique(curve['severity']))} severities were tried.")
