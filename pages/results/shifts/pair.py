"""Before and after on the page on shifts: detection of out-of-distribution inputs, and what a corruption does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation import changes
from mtbkd_core.evaluation.corruptions import Corruption
from mtbkd_core.evaluation.severities import MEASURED, AtSeverity, of_severity_changes, severity_changes
from mtbkd_core.evaluation.shift import OUT_OF_DISTRIBUTION, SHIFT_SCORES
from mtbkd_core.figures.shifts import draw_severity_change
from pages.results.before_after import of_pair, show_changes
from pages.ui import charts, task_words
from pages.ui.chosen_run import Chosen
from pages.ui.pinned import AFTER, BEFORE, Pair


@of_pair
def of_shifts(pair: Pair) -> None:
    """How well each kind of out-of-distribution input is noticed, before and after."""
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
            pd.DataFrame(rows, columns=["Inputs", BEFORE, AFTER, f"{AFTER} minus {BEFORE}"]),
            hide_index=True,
            key="before-separation",
        )
    with right:
        show_changes(
            found,
            "Change of AUROC",
            "noticed less",
            "noticed more",
            "Whiskers: 95 % intervals under the error from so many inputs.",
            key="before-shifts",
        )


@of_pair
def of_corruption(
    pair: Pair, measure: Callable[[Chosen], Sequence[AtSeverity]], kind: Corruption, severity: float, made_of: str
) -> None:
    """Accuracy and deviance of both runs over the severities of a corruption, and their difference with its error.

    Args:
        measure: a run at the severities.
        severity: the chosen one.
        made_of: a sentence on the inputs and the students.
    """
    one, other = (measure(each) for each in pair.shown.values())
    found = severity_changes(one, other, paired=True)
    charts.say(f"**{of_severity_changes(found)}**")
    for column, (name, title) in zip(st.columns(2, gap="medium"), MEASURED.items(), strict=True):
        with column:
            charts.show(
                draw_severity_change(found, name, title, severity=severity, unit=kind.unit),
                f"{kind.title}: {title.lower()}",
                "Above: dashed before, solid after. Below: after minus before; grey: no clear difference.",
                lambda: found,
                key=f"severity-{name}",
                help="Vertical lines: intervals under the errors of both samplers and of this test set; those "
                f"of all severities hold together with 95 %. The dotted line is the chosen severity. {made_of}",
            )
