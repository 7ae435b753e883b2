"""The posterior so far of a run that is under way: its numbers twice a second, its charts once a second at most.

A page draws the newest snapshot as it would a result. Beside it a fragment looks for a newer one; only when there is
one is the page drawn again, and charts keep what the reader has chosen in them.
"""

from __future__ import annotations

import time

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.evaluation.diagnostics import verdict_sentence
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.scores import HEADLINE, SCORES
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds import run as runs
from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.snapshot import Moment, Snapshot
from pages.ui.run_words import plural

#: Seconds between two looks at the numbers, and between two drawings of the charts at least.
_NUMBERS, _CHARTS = 0.5, 1.0


@st.cache_resource(show_spinner=False, max_entries=4)
def _snapshot(run: str, attempt: int, number: int, _view: RunView) -> Snapshot | None:
    return runs.load_snapshot(_view)


def newest(view: RunView) -> Snapshot | None:
    """The newest snapshot of a run; None where there is none."""
    found = view.moment
    return None if found is None else _snapshot(view.id, view.attempt, found[0].number, view)


def text(moment: Moment, metrics: Metrics) -> str:
    """How far a snapshot's run was, and its headline scores with their errors, in a line."""
    if moment.is_warm_start:
        what = "the warm start's ensemble, before any sampling"
    else:
        what = f"{plural(moment.draws, 'draw')} a chain after {moment.seconds:.0f} s"
    scores = [f"{SCORES[name].short} {metrics.student.text(name)}" for name in HEADLINE]
    if moment.precision is not None:
        scores.append(f"sampler's error of the mean {moment.precision:.4f}")
    return " · ".join([f"**So far**: {what}", *scores])


def follow(run: str, shown: int | None) -> None:
    """The numbers of a run under way, refreshed.

    Args:
        shown: number of the snapshot that the page draws, 0 for none yet: the page is drawn again when there is a newer
            one, and when the run ends. None: the page draws none.
    """
    st.fragment(_numbers, run_every=_NUMBERS)(run, shown, time.monotonic())


def _numbers(run: str, shown: int | None, drawn: float) -> None:
    try:
        view = store.read(runs.KIND, run)
    except UserError:  # deleted, or its task was forgotten: the page, drawn again, says so
        st.rerun()
    found, due = view.moment, time.monotonic() - drawn >= _CHARTS
    if shown is not None and due and (view.finished or (found is not None and found[0].number != shown)):
        st.rerun()
    if found is None:
        return
    moment, metrics = found
    st.caption(f":material/progress_activity: {text(moment, metrics)}")
    if said := verdict_sentence(metrics.diagnostics):
        st.caption(f"So far: {said}")
