"""Compare: MT-BKD against its rivals, a setting over its values, runs side by side, and a run to take away."""

import json

import streamlit as st

from mtbkd_core.report.html import build_report
from pages.results.compare import baselines, side_by_side, sweep
from pages.ui import chosen_run, link

VIEWS = {
    "rivals": ("Against the rivals", "MT-BKD and all its rivals, on the same student, data and seeds."),
    "sweep": ("Sweep a setting", "What one setting does, over several of its values and with several seeds."),
    "runs": ("Runs side by side", "What differs in the settings of finished runs, and what came of it."),
    "report": ("Take away", "The chosen run as files to read, to send and to keep."),
}


def draw_report() -> None:
    chosen = chosen_run.chosen()
    chosen_run.banner(chosen)
    result, view = chosen.result, chosen.view
    page, numbers = st.columns(2, gap="large")
    with page, st.container(border=True):
        st.markdown("**Report**")
        st.caption(
            "Settings, scores, reliability, influence by class, uncertainty, convergence and environment, with charts "
            "that answer to the pointer. One HTML file of about 5 MB that loads nothing from anywhere."
        )
        st.download_button(
            "Download the report",
            data=lambda: build_report(result, run=view.id, created=view.created).encode(),
            file_name=f"mtbkd-{view.id}.html",
            mime="text/html",
            key="report",
            type="primary",
            icon=":material/description:",
            help="A report on the run that is chosen in the sidebar. Any browser opens it.",
            on_click="ignore",
        )
    with numbers, st.container(border=True):
        st.markdown("**Numbers**")
        st.caption(
            "Every score of the student, the warm start and the teachers, and how well the chains agree: the file "
            "that all pages read, as it lies in the run's folder."
        )
        st.download_button(
            "Download metrics.json",
            data=lambda: json.dumps(result.metrics.dump(), indent=2, allow_nan=False).encode(),
            file_name=f"mtbkd-{view.id}-metrics.json",
            mime="application/json",
            key="metrics",
            icon=":material/data_object:",
            help="The scores of the run that is chosen in the sidebar.",
            on_click="ignore",
        )


shown = st.segmented_control(
    "Show",
    list(VIEWS),
    required=True,
    format_func=lambda name: VIEWS[name][0],
    **link.bound("view", list(VIEWS), "rivals"),
    label_visibility="collapsed",
    help="\n".join(f"- **{title}**: {line}" for title, line in VIEWS.values()),
)
st.caption(VIEWS[shown][1])
match shown:
    case "rivals":
        baselines.draw()
    case "sweep":
        sweep.draw()
    case "runs":
        side_by_side.draw()
    case "report":
        draw_report()
