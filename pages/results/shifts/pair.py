"""Before and after on the page on shifts: detection of foreign inputs, and what a corruption does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation import changes
from mtbkd_core.evaluation.predictive import Predictive
from mtbkd_core.evaluation.score_text import interval_text
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.evaluation.shift import OUT_OF_DISTRIBUTION, SHIFT_SCORES
from pages.results.before_after import of_pair, show_changes
from pages.ui import beside, charts, task_words
from pages.ui.chosen_run import Chosen
from pages.ui.pinned import AFTER, BEFORE, Pair

_COLUMNS = [BEFORE, AFTER, f"{AFTER} minus {BEFORE}"]


@of_pair
def of_shifts(pair: Pair) -> None:
    """How well each kind of foreign input is noticed, before and after."""
    before, after = (each.result.metrics.shifts for each in pair.shown.values())
    info = task_words.info(pair.after.view.config)
    titles = {shift.name: shift.title for shift in info.shifts if shift.name in before and shift.name in after}
    if not titles:
        st.caption("No out-of-distribution inputs were measured in both runs.")
        return
    found = changes.separation_changes(before, after, titles, OUT_OF_DISTRIBUTION)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**AUROC of {SHIFT_SCORES[OUT_OF_DISTRIBUTION].title.lower()}**")
        rows = [
            [row.title, f"{row.before:.3f}", f"{row.after:.3f}", f"{row.change:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"]
            for row in found.itertuples()
        ]
        st.dataframe(
            pd.DataFrame(rows, columns=["Inputs", *_COLUMNS]),
            hide_index=True,
            key="before-separation",
        )
    with right:
        show_changes(
            found,
            "Change of AUROC",
            "noticed less",
            "noticed more",
            "Whiskers: 95 % intervals under so many inputs.",
            key="before-shifts",
        )


@of_pair
def of_corruption(
    pair: Pair,
    at: str,
    curve: Callable[[Chosen], pd.DataFrame],
    predict: Callable[[Chosen], Predictive],
    draw: Callable[[pd.DataFrame, float], Any],
) -> None:
    """Accuracy and deviance against the severity of a corruption, before and after, and their change at one severity.

    Args:
        at: the corruption and the severity, in words.
        curve: a run's table for `draw`, which also takes the top of the axis of deviance.
        predict: a run's predictions of the first test examples, corrupted.
    """
    if not beside.share_test_examples(pair.shown):
        return
    curves = {name: curve(each) for name, each in pair.shown.items()}
    top = max(float(table["deviance"].max()) for table in curves.values())
    for column, (name, table) in zip(st.columns(2, gap="large"), curves.items(), strict=True):
        with column:
            charts.show(
                draw(table, top),
                f"{name}: accuracy and deviance",
                "As accuracy falls, deviance should rise.",
                lambda table=table: table,  # type: ignore[misc]
                key=f"before-severity-{name}",
            )
    before, after = (predict(each) for each in pair.shown.values())
    labels = pair.after.result.predictions.test.labels[: len(after.mean)].long()
    rows = [
        [
            row.title,
            *(SCORES[row.name].text(value) for value in (row.before, row.after)),
            interval_text(row.name, row.change, row.low, row.high),
        ]
        for row in changes.corruption_changes(before, after, labels).itertuples(index=False)
    ]
    st.markdown(f"**{at}**")
    st.dataframe(pd.DataFrame(rows, columns=["Score", *_COLUMNS]), hide_index=True, key="before-severity")
    st.caption(
        f"On the same {len(labels)} changed test examples; 95 % intervals under so many of them, shares in points."
    )
