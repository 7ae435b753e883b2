"""Teachers that take minutes to train: they are trained by the engine, and a page that needs them waits for them."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import RunConfig, UserError, task_info
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.runs import trainings
from mtbkd_core.runs.store import State
from mtbkd_core.runs.trainings import TrainingView
from mtbkd_core.tasks import untrained
from pages.shared import jobs
from pages.shared.desks import TRAININGS

_SHOWN = ("accuracy", "nll", "ece")


def wait(config: RunConfig, *, every_teacher: bool = False) -> None:
    """Where teachers have to be trained first, offer that or show how far it is, and end the page."""
    try:
        if not untrained(config.task, None if every_teacher else config.teachers):
            return
        asked = trainings.ask(config.task)
        view = trainings.TABLE.find(asked)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
    if view is None or view.state is State.DONE:
        st.info("The teachers of this task are not trained yet.", icon=":material/school:")
        st.button(
            "Train the teachers",
            type="primary",
            icon=":material/model_training:",
            help="Once, on this machine: minutes each. It can be watched and stopped, and goes on where it was.",
            on_click=launch,
            args=(config.task,),
        )
    else:
        _draw_trained(view)
        jobs.follow(TRAININGS, view)
    st.stop()


def launch(task: str) -> None:
    """Have the engine train the teachers of a task; a problem is said in one line."""
    try:
        asked = trainings.ask(task)
        before = trainings.TABLE.find(asked)
        if before is not None and before.state is State.DONE:  # and what they said was deleted since
            trainings.TABLE.delete(before.id)
    except UserError as error:
        st.session_state.notice = str(error)
        return
    jobs.launch(TRAININGS, asked)


def _draw_trained(view: TrainingView) -> None:
    """Each teacher as far as it has come."""
    found = view.scores()
    with st.container(key="cards"):
        for teacher in task_info(view.config.task).teachers:
            with st.container(border=True, height="stretch"):
                st.markdown(f"**{teacher.title}**")
                st.caption(teacher.description)
                if row := found.get(teacher.name):
                    said = (f"{SCORES[name].text(row[name])} :small[:gray[{SCORES[name].short}]]" for name in _SHOWN)
                    st.markdown(" &ensp; ".join(said))
                else:
                    st.caption("Not trained yet.")
