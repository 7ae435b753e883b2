"""The task at hand, loaded once for all sessions; training teachers shows its progress."""

from __future__ import annotations

from threading import Lock

import streamlit as st

from mtbkd_core import RunConfig, Task, UserError, load_task, task_info
from mtbkd_core.catalog.registry import can_fetch, fetches, missing_data, trains
from mtbkd_core.common.progress import OnProgress, Progress


class TaskShelf:
    """Loaded tasks by name, stamp of their data, teachers, split and number of labelled examples."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, str, tuple[str, ...] | None, int, int | None], Task] = {}
        self._lock = Lock()

    def get(
        self,
        name: str,
        teachers: tuple[str, ...] | None,
        split_seed: int,
        n_train: int | None,
        on_progress: OnProgress | None,
    ) -> Task:
        """The task, from the shelf or loaded; one at a time, so that nothing is trained twice.

        Raises:
            UserError: an unknown task or teacher, or a home folder that cannot be written.
        """
        key = (name, task_info(name).stamp, teachers, split_seed, n_train)
        if key not in self._tasks:
            with self._lock:
                if key not in self._tasks:
                    self._tasks[key] = load_task(
                        name, teachers=teachers, split_seed=split_seed, n_train=n_train, on_progress=on_progress
                    )
        return self._tasks[key]

    def holds(self, name: str, teachers: tuple[str, ...] | None, split_seed: int, n_train: int | None) -> bool:
        """Whether `get` answers at once."""
        return (name, task_info(name).stamp, teachers, split_seed, n_train) in self._tasks


@st.cache_resource(show_spinner=False)
def shelf() -> TaskShelf:
    """The server's loaded tasks."""
    return TaskShelf()


def load(config: RunConfig, *, every_teacher: bool = False) -> Task:
    """The task of a configuration with its teachers, or with all, showing progress while they are trained.

    A problem is said in one line and ends the page.
    """
    teachers = None if every_teacher else config.data.teachers
    key = (config.data.task, teachers, config.data.split_seed, config.data.n_labelled)
    if shelf().holds(*key):
        return shelf().get(*key, None)
    if problem := missing_data(config.data.task):
        _offer_download(config.data.task, problem)
    if trains(config.data.task):
        from pages.ui.jobs import training  # it speaks of tasks itself

        training.wait(config, every_teacher=every_teacher)
    place = st.empty()
    bar = place.progress(0.0, text="Getting the teachers ready…")

    def show(progress: Progress) -> None:
        bar.progress(progress.fraction, text=progress.message or "Training teachers…")

    try:
        return shelf().get(*key, show)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
    finally:
        place.empty()


def _offer_download(task: str, problem: str) -> None:
    """Say which data is missing, offer to fetch it where that is possible, and end the page."""
    st.warning(problem, icon=":material/cloud_download:")
    if can_fetch(task) and st.button(
        "Download the images",
        type="primary",
        help="Fetches them once into your data folder and checks each file's sha256.",
    ):
        bar = st.progress(0.0, text="Downloading…")
        try:
            fetches(task).fetch(lambda progress: bar.progress(progress.fraction, text=progress.message))
        except UserError as error:
            st.error(str(error), icon=":material/error:")
            st.stop()
        st.rerun()
    st.stop()
