"""Reliability: can the student's probabilities be believed, and whose can?"""

import numpy as np
import pandas as pd
import streamlit as st

from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.metrics import row_titles
from mtbkd_core.evaluation.scores import OF_ALL, SCORES
from mtbkd_core.evaluation.student_tables import reliability_table
from mtbkd_core.evaluation.teacher_tables import expertise
from mtbkd_core.figures.reliability import draw_reliability
from mtbkd_core.figures.teachers import draw_table
from pages.results.reliability import costs
from pages.ui import charts, chosen_run, link, task_words

SHOWN = tuple(score for score in OF_ALL if score != "auroc_misclassification")


def shown_score(score: str, value: float | None) -> float | None:
    """A score as the table shows it: a share in per cent, None where the run does not have it."""
    return 100 * value if value is not None and SCORES[score].share else value


chosen = chosen_run.chosen()
result, config = chosen.result, chosen.view.config
chosen_run.banner(chosen)
info, shades = task_words.info(config), task_words.colours(config)
class_names = chosen.class_names
found = result.predictions.test
labels = found.labels

titles = row_titles(dict(zip(config.data.teachers, chosen.titles, strict=True)))
probabilities = {
    "student": found.mean,
    "student_mode": found.mode,
    "warm_start": found.warm_start,
    "teachers_mean": found.teachers.mean(0),
} | {f"teacher:{name}": found.teachers[place] for place, name in enumerate(config.data.teachers)}

chart, choice = st.columns([2.4, 1], gap="large")
with choice:
    shown = st.pills(
        "Show",
        list(titles),
        selection_mode="multi",
        format_func=titles.get,
        wrap=True,
        **link.bound("shown", list(titles), ["student", "teachers_mean"], many=True),
        help="Whose probabilities are drawn. Mean and mode are two summaries of the same posterior; the warm start is "
        "the ensemble before sampling.",
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
        curves = {
            name: reliability(probabilities[name], labels, class_index=class_index) for name in titles if name in shown
        }
        table = reliability_table(curves, titles)
        charts.show(
            draw_reliability(table, shades, of="top class" if of is None else f"class {of}"),
            "Reliability diagram",
            "On the dotted line confidence is earned; below it there is too much of it. Vertical lines: 95 % bands.",
            lambda: table,
            key="reliability",
        )
    else:
        st.info("Choose at least one curve.", icon=":material/touch_app:")

st.space("small")
rows = pd.DataFrame(
    [[titles[name], *(shown_score(score, result.metrics[name][score]) for score in SHOWN)] for name in titles],
    columns=["", *SHOWN],
)
st.markdown("**Scores on the test set**")
st.caption("Accuracy: higher is better. All others: lower is better. The table can be sorted and downloaded.")
st.dataframe(
    rows,
    hide_index=True,
    column_config={"": st.column_config.TextColumn(width="medium", pinned=True)}
    | {
        score: st.column_config.NumberColumn(
            SCORES[score].short, help=SCORES[score].help, format="%.1f%%" if SCORES[score].share else "%.4f"
        )
        for score in SHOWN
    },
)

st.space("small")
costs.show(chosen)
order = ["student", "teachers_mean", *(name for name in titles if name.startswith("teacher:"))]
by_class = expertise(
    np.stack([probabilities[name].argmax(-1).numpy() for name in order]),
    labels.numpy(),
    class_names,
    [titles[name] for name in order],
)
charts.show(
    draw_table(by_class, x="Class", hover="%{y} names %{z:.1%} of class %{x} right"),
    "Accuracy by class",
    "The student's row should be strong wherever any teacher's is.",
    lambda: by_class.reset_index(),
    key="by-class",
)
