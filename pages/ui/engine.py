"""The one engine of this server, shared by all sessions; it starts in the background, so that no page waits for it."""

from __future__ import annotations

import threading

import streamlit as st

from mtbkd_core import RunConfig, UserError
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation import load_libraries
from mtbkd_core.runs.engine import Engine, EngineInfo, start_engine
from mtbkd_core.runs.kinds.base import A, Table, V
from mtbkd_core.runs.kinds.sampler_benchmark import RaceView
from mtbkd_core.runs.store import RunView


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


@st.cache_resource(show_spinner=False)
def load_the_rest() -> None:
    """Read the libraries that other pages need, in the background; once, and after the first page is drawn."""
    threading.Thread(target=load_libraries, daemon=True).start()


def end() -> None:
    """Stop the engine, if it is up; runs under way are then interrupted."""
    _engine.clear()


def info() -> EngineInfo | str:
    """What the engine says of itself, or why there is none, in one line."""
    try:
        return _engine().info()
    except UserError as error:
        return str(error)


def submit(config: RunConfig) -> RunView:
    """Hand a run to the engine; one that exists is found.

    Raises:
        UserError: there is no engine, or the run is refused.
    """
    return _engine().submit(config)


def cancel(run: str) -> None:
    """Ask a run to stop; errors as `submit`."""
    _engine().cancel(run)


def fill(table: Table[A, V], asked: A) -> V:
    """Hand a table to the engine; one that exists is found, one that ended early goes on. Errors as `submit`."""
    return _engine().fill(table, asked)


def cancel_table(table: Table[A, V], id: str) -> None:
    """Ask the computation of a table to stop; errors as `submit`."""
    _engine().cancel_table(table, id)


def race(config: RunConfig, seconds: float) -> RaceView:
    """Have samplers race on a posterior. Errors as `submit`."""
    return _engine().race(config, seconds)


def cancel_race(race: str) -> None:
    """Ask a race to stop; errors as `submit`."""
    _engine().cancel_race(race)
