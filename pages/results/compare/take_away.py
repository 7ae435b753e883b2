"""A student to take away: how many draws, what they cost, and the files."""

import streamlit as st

from mtbkd_core import Task, UserError
from mtbkd_core.export.draws import Sizes, measure_sizes
from mtbkd_core.export.extra import check_libraries
from mtbkd_core.export.package import check_task, make_package
from pages.ui import chosen_run, offered
from pages.ui.jobs import task_loading
from pages.ui.words import plain

_SINGLE = "single"


@st.cache_resource(show_spinner="Measuring the student with fewer draws", max_entries=8)
def _sizes(run: str, _chosen: chosen_run.Chosen, _task: Task) -> Sizes:
    return measure_sizes(_chosen.result, _task)


def draw(chosen: chosen_run.Chosen) -> None:
    """A choice of draws with accuracy, NLL and size, and the button."""
    st.markdown("**Student to take away**")
    st.caption(
        "An ONNX file that needs neither this program nor torch, from raw inputs to probabilities, intervals, "
        "uncertainty and sets; a model card; and the configuration. One zip file."
    )
    try:
        check_libraries()
    except UserError as error:
        st.info(plain(error), icon=":material/extension:")
        return
    task = task_loading.load(chosen.view.config)
    try:
        check_task(chosen.result, task)
    except UserError as error:
        st.warning(plain(error), icon=":material/warning:")
        return
    sizes = _sizes(chosen.view.id, chosen, task)
    words = {str(row.draws): row.words for row in sizes.rows} | {_SINGLE: "One network, without intervals"}
    shown = st.selectbox(
        "Draws",
        list(words),
        index=list(words).index(str(sizes.proposed)),
        format_func=words.__getitem__,
        key="take-away-draws",
        help=f"The fewest whose NLL is that of all within the sampler's error: {sizes.proposed}. More draws make the "
        "file larger and its scores steadier. One network is distilled from the posterior, which takes some seconds.",
    )
    draws = None if shown == _SINGLE else int(shown)

    def content() -> bytes:
        made = make_package(
            chosen.result, task=task, run=chosen.view.id, draws=draws, single=shown == _SINGLE, sizes=sizes
        )
        return made.zipped()

    offered.offer(
        chosen,
        "Download the student",
        content,
        "-student.zip",
        "application/zip",
        key="take-away",
        icon=":material/deployed_code:",
        help="The student of the run that is chosen in the sidebar, as it was measured above.",
    )
