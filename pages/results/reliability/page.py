"""Reliability: do the probabilities of the student and of its teachers match how often they are right?"""

import streamlit as st

from mtbkd_core.evaluation import readings
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.score_text import ERRORS_LINE, better_text, calibration_text
from mtbkd_core.evaluation.scores import OF_ALL, SCORES
from mtbkd_core.evaluation.student_tables import reliability_table
from mtbkd_core.figures import run_tables
from mtbkd_core.figures.reliability import draw_reliability
from mtbkd_core.figures.teachers import draw_table
from pages.results import before_after
from pages.ui import charts, chosen_run, link, task_words
from pages.ui.words import plain

SHOWN = tuple(score for score in OF_ALL if score != "auroc_misclassification")

chosen = chosen_run.chosen()
result, class_names = chosen.result, chosen.class_names
chosen_run.banner(chosen)
titles = result.metrics.titles(chosen.teachers)
together = "teachers_weighted" if "teachers_weighted" in titles else "teachers_mean"
test = result.predictions.test
chosen_run.say(
    readings.of_reliability(result.metrics, chosen.teachers, test.mean, test.labels, class_names, test.draws),
    result.config,
)
before_after.of_reliability(chosen)

chart, choice = st.columns([2.4, 1], gap="large")
with choice:
    shown = st.pills(
        "Show",
        list(titles),
        selection_mode="multi",
        format_func=lambda name: plain(titles[name]),
        wrap=True,
        **link.bound("shown", list(titles), ["student", together], many=True),
        help="The curves in the diagram. Posterior mean and marginal modes are two summaries of the same posterior; "
        "the modes of the class probabilities are rescaled to sum to 1. The warm start is the ensemble before "
        "sampling.",
    )
    of = st.selectbox(
        "Probability of",
        class_names,
        index=None,
        placeholder="the top class",
        **link.bound("class", class_names),
        help="The most probable class, whichever it is; or one class, right or wrong.",
    )
with chart:
    if shown:
        class_index = None if of is None else class_names.index(of)
        series = run_tables.series_predictions(result)
        curves = {
            name: reliability(*series[name], class_index=class_index)
            for name in titles
            if name in shown and len(series[name][1])
        }
        table = reliability_table(curves, titles)
        shades = task_words.colours(chosen.view.config)
        charts.show(
            draw_reliability(table, shades, of="top class" if of is None else f"class {of}"),
            "Reliability diagram",
            "On the dotted line confidence equals accuracy; below it the network is overconfident. "
            "Vertical lines: 95 % bands.",
            lambda: table,
            key="reliability",
        )
    else:
        st.info("Choose at least one curve.", icon=":material/touch_app:")

with charts.more("every score on the test set"):
    st.caption(f"{better_text(SHOWN)} {ERRORS_LINE}")
    if said := calibration_text(result.metrics.student):
        st.caption(f"The student's {said}")
    st.dataframe(
        run_tables.scores_of_series(result, titles, SHOWN),
        hide_index=True,
        column_config={"": st.column_config.TextColumn(width=260, pinned=True)}
        | {score: st.column_config.TextColumn(SCORES[score].short, help=SCORES[score].help) for score in SHOWN},
    )
with charts.more("accuracy by class"):
    rows = {
        name: title for name, title in titles.items() if name in ("student", together) or name.startswith("teacher:")
    }
    by_class = run_tables.accuracy_by_class(result, rows, class_names)
    charts.show(
        draw_table(by_class, x="Class", hover="%{y}: %{z:.1%} of class %{x} right"),
        "Accuracy by class",
        "The student should be accurate wherever any teacher is. Below each number: its 95 % interval.",
        lambda: by_class,
        key="by-class",
    )
