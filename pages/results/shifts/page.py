"""Shifts: is the student less certain of out-of-distribution, of corrupted and of moved inputs?"""

import streamlit as st

from mtbkd_core.evaluation import readings
from pages.results.shifts import corrupted, one_input, pair
from pages.ui import charts, chosen_run, decision_maps, shift_score, task_words
from pages.ui.jobs import task_loading

chosen = chosen_run.chosen()
config = chosen.view.config
chosen_run.banner(chosen)
task, item, info = task_loading.load_for(chosen), task_words.item(config), task_words.info(config)
measured = chosen.result.metrics.shifts
known = [shift for shift in info.shifts if shift.name in measured]
changes = task.image_shape is not None or decision_maps.plane(task) is not None
if not known and not changes:
    st.info(
        f"This task has no out-of-distribution {item}s, and its {item}s are neither images nor points of a plane, so "
        "they cannot be changed here. Choose a run on handwritten digits, clothes, proteins or the plane.",
        icon=":material/info:",
    )
    st.stop()

if known:
    pair.of_shifts(chosen)
    titles = {shift.name: shift.title for shift in known}
    chosen_run.say(readings.of_shifts(measured, titles, item))
    shift_score.show(chosen)
    with charts.more("how well each score detects them"):
        corrupted.draw_separation(measured, titles, item)
    with charts.more(f"one out-of-distribution {item}"):
        one_input.show(task, chosen, known)
    if changes:
        with charts.more(f"corrupted {item}s"):
            corrupted.show(task, chosen)
else:
    corrupted.show(task, chosen)
