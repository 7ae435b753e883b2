"""Shifts: is the student less certain of out-of-distribution and of corrupted inputs?"""

import streamlit as st

from mtbkd_core.evaluation import readings
from mtbkd_core.evaluation.corruptions import CORRUPTIONS, corrupt, severity_at
from mtbkd_core.figures.shifts import draw_severity
from pages.results.shifts import corrupted, one_input
from pages.ui import charts, chosen_run, examples, link, shift_score, task_words
from pages.ui.jobs import task_loading

#: From no corruption to the most severe.
STEPS = 20

chosen = chosen_run.chosen()
config = chosen.view.config
chosen_run.banner(chosen)
task, item, info = task_loading.load_for(chosen), task_words.item(config), task_words.info(config)
measured = chosen.result.metrics.shifts
known = [shift for shift in info.shifts if shift.name in measured]
if not known and task.image_shape is None:
    st.info(
        f"This task has no out-of-distribution {item}s, and its {item}s are not images, so they cannot be corrupted. "
        "Choose a run on handwritten digits, clothes or proteins.",
        icon=":material/info:",
    )
    st.stop()

titles = {shift.name: shift.title for shift in known}
chosen_run.say(readings.of_shifts(measured, titles, item))
if known:
    st.subheader("Out-of-distribution inputs", anchor=False)
    shift_score.show(chosen)
    corrupted.draw_separation(measured, titles, item)
    st.space("small")
    st.subheader(f"One out-of-distribution {item}", anchor=False)
    one_input.show(task, chosen, known)

if task.image_shape is not None:
    st.subheader(f"Corrupted {item}s", anchor=False)
    left, right = st.columns([1, 3], gap="large")
    with left:
        name = st.selectbox(
            "Corruption",
            list(CORRUPTIONS),
            format_func=lambda key: CORRUPTIONS[key].title,
            **link.bound("corruption", list(CORRUPTIONS), "rotation"),
            help=f"How the test {item}s are changed. The student has not seen changed {item}s.",
        )
        kind = CORRUPTIONS[name]
        step = st.select_slider(
            f"Severity ({kind.unit})",
            range(STEPS + 1),
            # a step, so that it stays where it is when another corruption, with another unit, is chosen
            format_func=lambda step: f"{severity_at(name, step, STEPS):g}",
            **link.bound("severity", range(STEPS + 1), 10),
            help="0 leaves the pictures unchanged. The link holds the step of the slider, from 0 to 20.",
        )
        severity = severity_at(name, step, STEPS)
        index = examples.chooser(task)
        before = task.x_test[index : index + 1]
        after = corrupt(before, task.image_shape, name, severity)
        corrupted.side_by_side(task, index, before, after, chosen)
    with right:
        if chosen.moment is not None:
            st.info("The curve over severities comes when the run is done.", icon=":material/hourglass_top:")
            st.stop()
        curve = corrupted.curve(chosen, task, name)
        charts.show(
            draw_severity(curve, severity=severity, unit=kind.unit),
            f"{kind.title}: accuracy and deviance",
            "As accuracy falls, deviance should rise. A flat deviance: the student does not notice the change.",
            lambda: curve,
            key="severity",
            help="Vertical lines: 95 % intervals from so many pictures. "
            f"On the first {corrupted.CORRUPTED} test {item}s, by {corrupted.DRAWS} students spread over the "
            "chains.",
        )
        chosen_run.say(readings.of_corruption(curve.to_dict("records")))
    st.caption(f"The dotted line is the chosen severity; the curves have {len(curve)} points.")
