"""The one engine of this server, shared by all sessions; it starts in the background, so that no page waits for it."""

from __future__ import annotations

import threading
from contextlib import suppress

import streamlit as st

from mtbkd_core import RunConfig, UserError
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation import load_libraries
from mtbkd_core.extension import More
from mtbkd_core.runs.engine import Engine, start_engine
from mtbkd_core.runs.engine_info import EngineInfo
from mtbkd_core.runs.job import JobKind, S, V
from pages.ui import owner


@st.cache_resource(show_spinner=False, on_release=Engine.close)
def _engine() -> Engine:
    limit_threads()  # the pages' own sums are small, and the browser may need the other processors
    engine = start_engine()
    engine.prepare(RunConfig().data.task)  # the demo's teachers are trained while the first page is read
    return engine


def begin() -> str | None:
    """Start the engine if it is not up; why it cannot start, in one line, or None."""
    try:
        _engine()
        return None
    except UserError as error:
        return str(error)


def restart() -> None:
    """Start the engine anew if it has ended; `info` says why it cannot start."""
    with suppress(UserError):
        _engine().start()


def load_the_rest() -> None:
    """Read the libraries that pages need later, in the background: many visitors may come together."""
    threading.Thread(target=load_libraries, daemon=True).start()


def end() -> None:
    """Stop the engine, if it is up; jobs under way are then interrupted."""
    _engine.clear()


def info() -> EngineInfo | str:
    """How the engine is, or why there is none, in one line."""
    try:
        return _engine().info()
    except UserError as error:
        return str(error)


def submit(kind: JobKind[S, V], spec: S) -> V:
    """Hand a job to the engine; one that exists is found, one that ended early goes on.

    Raises:
        UserError: there is no engine, or the job is refused.
    """
    return _engine().submit(kind, spec, by=owner.me())


def extend(kind: JobKind[S, V], id: str, more: More) -> V:
    """Have a job that is done go on; errors as `submit`."""
    return _engine().extend(kind, id, more, by=owner.me())


def cancel(kind: JobKind[S, V], id: str) -> None:
    """Ask a job to stop; errors as `submit`."""
    _engine().cancel(kind, id, by=owner.me())
