"""What is watched: one of the task's own streams, or a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from mtbkd_core import Task, UserError
from mtbkd_core.imports.new_inputs import read_new_inputs
from mtbkd_core.imports.preview import Preview, preview
from mtbkd_core.imports.uploads import Upload, in_folder
from mtbkd_core.review import streams
from mtbkd_core.review.watch import WatchReport, watch
from pages.ui import chosen_run, link, task_words
from pages.ui.words import plain

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

#: Stands for a file among the streams.
_FILE = "file"
#: Sizes of a batch.
_BATCHES = (10, 25, 50, 100, 250, 1_000)
_KINDS = (
    "CSV, Parquet, Excel or arrays. Columns: the task's raw inputs, by name or in order, or sequences; labels and a "
    "time if there are any. The file stays on this machine."
)


@dataclass(frozen=True)
class Watched:
    """A watch and what it is of.

    Attributes:
        x: the inputs, in their order.
        names: what the file calls them.
        example: whether it is one of the task's own streams.
    """

    report: WatchReport
    x: Any
    names: Sequence[str] | None
    example: bool


def choose(chosen: chosen_run.Chosen, task: Task) -> Watched | None:
    """The controls and the watch that they ask for; None where a file is still to be chosen, or cannot be read."""
    config = chosen.view.config
    own = streams.offered(task, task_words.info(config).shifts, task_words.item(config))
    left, right = st.columns([2, 1])
    with left:
        name = st.selectbox(
            "New inputs",
            [*own, _FILE],
            format_func=lambda each: "A file of my own" if each == _FILE else f"Example: {own[each][0]}",
            **link.bound("inputs", [*own, _FILE], next(iter(own))),
            help="A file: what the student has been given since it was made. The examples show what a watch finds.",
        )
    with right:
        batch = st.selectbox(
            "Batch",
            _BATCHES,
            **link.bound("batch", _BATCHES, 50),
            help="Inputs that are described together below. More: fewer points, with smaller errors. The alarm does "
            "not depend on it.",
        )
    if name != _FILE:
        st.caption(f":material/science: An example, made of the task's own inputs. {own[name][1]}")
        found = streams.stream(task, name, config.data.split_seed)
        return Watched(_watch(chosen.version, name, batch, chosen, found), found.x, None, True)
    return _of_file(chosen, task, batch)


def draw_alone() -> None:
    """The controls while there is no run that could watch."""
    left, right = st.columns([2, 1])
    left.selectbox("New inputs", ["A file of my own"], disabled=True, help="What the student is given once it is made.")
    right.selectbox("Batch", _BATCHES, index=2, disabled=True, help="Inputs that are described together.")
    st.file_uploader("File of new inputs", disabled=True, key="watch:none", help=_KINDS)


@st.cache_data(show_spinner="Looking at the inputs…", max_entries=16)
def _watch(version: str, name: str, batch: int, _chosen: chosen_run.Chosen, _stream: streams.Stream) -> WatchReport:
    return watch(_chosen.result, _stream.x, _stream.labels, batch=batch, reference=_stream.reference)


def _of_file(chosen: chosen_run.Chosen, task: Task, batch: int) -> Watched | None:
    file = st.file_uploader(
        "File of new inputs",
        key="watch:file",
        help=_KINDS,
    )
    if file is None:
        st.caption("The same as a command, for a scheduler: `python -m mtbkd_core watch RUN --inputs FILE`.")
        return None
    try:
        seen = _look(file)
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        return None
    labels, time = _columns(file, seen)
    key = (chosen.version, file.file_id, labels, time, batch)
    if st.session_state.get("watch:seen", ((),))[0] != key:
        try:
            with st.spinner("Looking at the inputs…"), in_folder({"inputs": _upload(file)}) as paths:
                new = read_new_inputs(paths["inputs"], task, labels=labels, time=time)
                report = watch(chosen.result, new.x, new.labels, new.times, batch)
        except UserError as error:
            for line in error.problems:
                st.error(plain(line), icon=":material/error:")
            return None
        names = new.names or [f"row {row + 1}" for row in new.rows]
        st.session_state["watch:seen"] = (key, Watched(report, new.x, names, False), new.notes)
    _, found, notes = st.session_state["watch:seen"]
    for line in notes:
        st.caption(plain(line))
    return found  # type: ignore[no-any-return]


def _columns(file: UploadedFile, seen: Preview) -> tuple[str | None, str | None]:
    """The columns of labels and of time, where there are any."""
    left, right = st.columns(2)
    names = [name for name in seen.names if name]
    labels = left.selectbox(
        "Column of labels",
        names,
        index=names.index(seen.label) if seen.label else None,
        placeholder="There is none",
        key=f"watch:labels:{file.file_id}",
        help="The true class, as far as it is known; an empty cell is one that is not known yet.",
    )
    time = right.selectbox(
        "Column of time",
        [name for name in names if name != labels],
        index=None,
        placeholder="The file's own order",
        key=f"watch:time:{file.file_id}",
        help="The rows are put in its order, and those of the same time are one batch.",
    )
    return labels, time


def _upload(file: UploadedFile) -> Upload:
    return Upload(file.name, file.getvalue())


def _look(file: UploadedFile) -> Preview:
    if st.session_state.get("watch:looked", ("",))[0] != file.file_id:
        with in_folder({"inputs": _upload(file)}) as paths:
            st.session_state["watch:looked"] = (file.file_id, preview(paths["inputs"]))
    seen: Preview = st.session_state["watch:looked"][1]
    return seen
