"""The task at hand, loaded once for all sessions; where teachers have to be trained first, that is offered as a job."""

from __future__ import annotations

from threading import Lock

import streamlit as st

from mtbkd_core import RunConfig, Task, UserError, load_task, task_info
from mtbkd_core.catalog.registry import can_fetch, fetches, missing_data, trains
from mtbkd_core.common.progress import OnProgress, Progress
from mtbkd_core.config.models import DataConfig
from pages.ui import navigation
from pages.ui.chosen_run import Chosen
from pages.ui.jobs import training
from pages.ui.words import plain

#: What a task is loaded with, and the stamp of its data.
Key = tuple[DataConfig, str]


class TaskShelf:
    """Loaded tasks."""

    def __init__(self) -> None:
        self._tasks: dict[Key, Task] = {}
        self._lock = Lock()

    def find(self, key: Key) -> Task | None:
        """A task that is loaded."""
        return self._tasks.get(key)

    def load(self, key: Key, on_progress: OnProgress) -> Task:
        """A task; one is loaded at a time, so that nothing is trained twice.

        Raises:
            UserError: an unknown task or teacher, or a home folder that cannot be written.
        """
        with self._lock:
            if key not in self._tasks:
                self._tasks[key] = load_task(key[0], on_progress=on_progress)
        return self._tasks[key]


@st.cache_resource(show_spinner=False)
def shelf() -> TaskShelf:
    """The server's loaded tasks."""
    return TaskShelf()


def load(config: RunConfig, *, every_teacher: bool = False) -> Task:
    """The task of a configuration with its teachers, or with all; a problem is one line, and ends the page."""
    key = _key(config.data, every_teacher)
    if task := shelf().find(key):
        return task
    if problem := missing_data(config.data.task):
        _offer_download(config.data.task, problem)
    if trains(config.data.task):
        training.wait(config, every_teacher=every_teacher)
    place = st.empty()
    bar = place.progress(0.0, text="Getting the teachers ready…")

    def show(progress: Progress) -> None:
        bar.progress(progress.fraction, text=progress.message or "Training teachers…")

    try:
        return shelf().load(key, show)
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        st.stop()
    finally:
        place.empty()


def load_for(chosen: Chosen) -> Task:
    """The chosen run's task. Where its data have changed since, a warning says so; with other labels the page ends."""
    config = chosen.view.config
    task = load(config)
    if not chosen.result.has_labels_of(task):
        st.warning(
            "Today's data have other labels than this run's, so its examples cannot be shown beside it. "
            "Its scores are on the page Reliability.",
            icon=":material/difference:",
        )
        navigation.link("distill", "Distill again")
        st.stop()
    if task.fingerprint_of(config.data.teachers) != chosen.result.environment.get("fingerprint"):
        st.caption(":material/difference: Scores are of the run's data, single examples are of today's.")
    return task


def _key(data: DataConfig, every_teacher: bool) -> Key:
    info = task_info(data.task)
    teachers = tuple(teacher.name for teacher in info.teachers) if every_teacher else data.teachers
    return data.model_copy(update={"teachers": teachers, "n_unlabelled": 0}), info.stamp


def _offer_download(task: str, problem: str) -> None:
    """Show which data is missing, offer to fetch it where that is possible, and end the page."""
    st.warning(plain(problem), icon=":material/cloud_download:")
    if can_fetch(task) and st.button(
        "Download the images",
        type="primary",
        help="Fetches them once into your data folder and checks each file's sha256.",
    ):
        bar = st.progress(0.0, text="Downloading…")
        try:
            fetches(task).fetch(lambda progress: bar.progress(progress.fraction, text=progress.message))
        except UserError as error:
            st.error(plain(error), icon=":material/error:")
            st.stop()
        st.rerun()
    st.stop()
