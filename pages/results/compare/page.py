"""Compare: MT-BKD with baselines, a setting over its values, runs side by side, and files of a run."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from pages.results import report
from pages.results.compare import baselines, side_by_side, sweep, take_away
from pages.ui import chosen_run, link


@dataclass(frozen=True)
class View:
    """A part of the page."""

    title: str
    line: str
    draw: Callable[[], None]


def draw_report() -> None:
    chosen = chosen_run.chosen()
    chosen_run.banner(chosen)
    result, view = chosen.result, chosen.view
    page, numbers = st.columns(2, gap="large")
    with page, st.container(border=True):
        report.offer(chosen)
    with numbers, st.container(border=True):
        st.markdown("**Numbers**")
        st.caption(
            "Every score of the student, the warm start and the teachers, and the convergence of the chains: the file "
            "in the run's folder, which all pages read."
        )
        st.download_button(
            "Download metrics.json",
            data=lambda: json.dumps(result.metrics.dump(), indent=2, allow_nan=False).encode(),
            file_name=f"mtbkd-{view.id}-metrics.json",
            mime="application/json",
            key="metrics",
            icon=":material/data_object:",
            help="The scores of this run.",
            on_click="ignore",
        )
    if not chosen.example:  # it has too few draws for a student to take away
        with st.container(border=True):
            take_away.draw(chosen)


VIEWS = {
    "baselines": View(
        "With baselines",
        "MT-BKD and all baselines, with the same student, data and seeds.",
        baselines.draw,
    ),
    "sweep": View("Sweep a setting", "One setting over several of its values, with several seeds.", sweep.draw),
    "runs": View("Runs side by side", "Settings and scores of finished runs.", side_by_side.draw),
    "report": View("Download", "The chosen run as files to read, to send and to keep.", draw_report),
}
shown = st.segmented_control(
    "Show",
    list(VIEWS),
    required=True,
    format_func=lambda name: VIEWS[name].title,
    **link.bound("view", list(VIEWS), "baselines", read=lambda given: "baselines" if given == "rivals" else given),
    label_visibility="collapsed",
    help="\n".join(f"- **{view.title}**: {view.line}" for view in VIEWS.values()),
)
if shown != "baselines":  # the page's own line says it
    st.caption(VIEWS[shown].line)
VIEWS[shown].draw()
