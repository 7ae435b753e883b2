"""Teachers that take minutes to train: they are trained by the engine, and a page that needs them waits for them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mtbkd_core import RunConfig, UserError, task_info
from mtbkd_core.catalog.registry import untrained
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import training
from mtbkd_core.runs.kinds.training import TrainingView, training_spec
from pages.ui import task_words
from pages.ui.jobs import follow
from pages.ui.jobs import launch as jobs
from pages.ui.jobs.kinds import TRAININGS
from pages.ui.words import plain


def wait(config: RunConfig, *, every_teacher: bool = False) -> None:
    """Where teachers have to be trained first, offer that or show how far it is, and end the page."""
    try:
        with st.spinner("Looking for the teachers' predictions…"):
            missing = untrained(config.data.task, None if every_teacher else config.data.teachers)
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        st.stop()
    if not missing:
        return
    view = _find(config.data.task)
    if view is None or view.state is State.DONE:
        st.info("The teachers of this task are not trained yet.", icon=":material/school:")
        st.button(
            "Train the teachers",
            type="primary",
            icon=":material/model_training:",
            help="Once, on this machine: minutes each. It can be watched and stopped, and goes on where it was.",
            on_click=launch,
            args=(config.data.task,),
        )
    else:
        _draw_trained(view, missing)
        follow.follow(TRAININGS, view)
    st.stop()


def _find(task: str) -> TrainingView | None:
    """The training of a task's teachers; a problem is shown, and the training can be launched anew."""
    try:
        return store.find(training.KIND, training_spec(task))
    except UserError as error:
        st.warning(plain(error), icon=":material/broken_image:")
        return None


def launch(task: str) -> None:
    """Have the engine train the teachers of a task."""
    try:
        spec = training_spec(task)
    except UserError as error:
        st.session_state.notice = str(error)
        return
    jobs.launch(TRAININGS, spec)


def _draw_trained(view: TrainingView, missing: Sequence[str]) -> None:
    """Each teacher as far as it has come."""
    found = view.scores()
    with st.container(key="cards"):
        for teacher in task_info(view.config.data.task).teachers:
            with st.container(border=True, height="stretch"):
                st.markdown(f"**{plain(teacher.title)}**")
                st.caption(plain(teacher.description))
                if teacher.name in found and teacher.name not in missing:
                    st.markdown(task_words.score_line(found[teacher.name]))
                else:
                    st.caption("Not trained yet.")
