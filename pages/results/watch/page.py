"""Watch: are new inputs still like those that the student was tested on?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mtbkd_core import Task
from mtbkd_core.evaluation.sets import LEVEL
from mtbkd_core.figures.watch import (
    answer_table,
    batch_table,
    compared,
    draw_answers,
    draw_batches,
    draw_evidence,
    evidence_table,
)
from mtbkd_core.review.watch import Labelled, Share
from pages.results.watch import new_inputs
from pages.results.watch.new_inputs import Watched
from pages.ui import charts, chosen_run, examples, link
from pages.ui.jobs import task_loading
from pages.ui.words import plain


def lead(watched: Watched) -> None:
    """The verdict in a sentence, and the evidence over time."""
    report = watched.report
    if report.alarm:
        st.markdown(f"## :material/notification_important: :red[Alarm] · {plain(report.reason)}.")
    else:
        st.markdown(
            f"## :material/check_circle: No alarm · nothing in {report.seen:,} inputs says that they differ from the "
            "test set."
        )
    charts.show(
        draw_evidence(report),
        "Evidence of drift",
        "A line that climbs to the dashed one: deviance, epistemic uncertainty, size of the sets or the answers are no "
        "longer those of the test set.",
        lambda: evidence_table(report),
        key="evidence",
        help="A conformal test martingale: each input's scores are ranked among all before it, the test set's first, "
        "and a bet against even ranks is kept. Where nothing changes it reaches the line with a chance of at most "
        "5 %, however often and long one looks.",
    )


def batches(watched: Watched) -> None:
    """What is watched, over time."""
    report = watched.report
    titles = compared(report)
    what = st.segmented_control(
        "Compare",
        list(titles),
        format_func=titles.get,
        required=True,
        **link.bound("by", list(titles), next(iter(titles))),
        help="What the batches and the test set are compared by. Deviance is for errors; epistemic uncertainty is for "
        "inputs unlike the training data.",
    )
    charts.show(
        draw_batches(report, what),
        f"{titles[what]} by batch",
        "Points off the dashed line by more than their bars: a batch unlike the test set.",
        lambda: batch_table(report, what),
        key="batches",
        help="Bars: 95 % intervals from the number of inputs in the batch.",
    )


def answers(watched: Watched, class_names: list[str]) -> None:
    """How often each class is answered."""
    charts.show(
        draw_answers(watched.report, class_names),
        "Answers by class",
        "Bars of different heights: a class is answered more or less often than on the test set.",
        lambda: answer_table(watched.report, class_names),
        key="answers",
    )


def labels(so_far: Labelled | None, before: Labelled | None) -> None:
    """Accuracy, coverage and calibration where labels are known."""
    st.markdown("**Labels so far**")
    if so_far is None or before is None:
        st.caption("None of the new inputs has a label: accuracy, coverage and calibration are not known.")
        return
    columns = [_known(so_far), _known(before)]
    heads = [f"{so_far.count:,} new inputs", f"{before.count:,} test examples"]
    table = pd.DataFrame({"": list(columns[0])} | dict(zip(heads, ([*each.values()] for each in columns), strict=True)))
    st.dataframe(table, hide_index=True)
    st.caption("Shares with exact 95 % intervals. Labels take no part in the alarm.")


def _known(found: Labelled) -> dict[str, str]:
    def text(share: Share) -> str:
        return f"{share.found:.1%} ({share.low:.1%} to {share.high:.1%})"

    exact = "" if found.exact_ece is None else f"; {found.exact_ece:.1%} if exactly calibrated"
    return {
        "Accuracy": text(found.accuracy),
        f"Coverage of {LEVEL:.0%} credible sets": text(found.coverage),
        "ECE": f"{found.ece:.1%}{exact}",
    }


def strangest(task: Task, watched: Watched, class_names: list[str]) -> None:
    """The inputs that differ most."""
    st.markdown("**Inputs that differ most**")
    st.caption("By epistemic uncertainty, the largest first: look at these before anything is retrained.")
    found = watched.report.strangest
    names = [f"input {each.place + 1:,}" if watched.names is None else watched.names[each.place] for each in found]
    if task.image_shape is not None:
        with st.container(horizontal=True, gap="small"):
            for name, each in zip(names, found, strict=True):
                picture = examples.picture(task, watched.x[each.place], 72)
                st.image(picture, width=72, caption=plain(f"{name}: {class_names[each.predicted]}"), alt=name)
    table = pd.DataFrame(
        {
            "Input": names,
            "Answer": [class_names[each.predicted] for each in found],
            "Epistemic (nats)": [f"{each.epistemic:.3g}" for each in found],
            "Deviance (nats)": [f"{each.deviance:.3g}" for each in found],
            "Above": [f"{each.above:.1%} of the test set" for each in found],
        }
    )
    st.dataframe(table, hide_index=True)


if st.session_state.run is None:
    new_inputs.draw_alone()
chosen = chosen_run.chosen(example=False)
chosen_run.banner(chosen)
task = task_loading.load_for(chosen)
watched = new_inputs.choose(chosen, task)
if watched is not None:
    lead(watched)
    batches(watched)
    with charts.more("answers by class, labels so far"):
        answers(watched, chosen.class_names)
        labels(watched.report.so_far, watched.report.before)
    with charts.more("inputs that differ most"):
        strangest(task, watched, chosen.class_names)
