"""A run as it happens, in the browser: its bar and its curves, drawn from the run's folder.

A component asks the server for the `story` of the run several times a second, beside Streamlit: a fragment that is run
anew as often takes a processor of its own for the browser's work and the server's, and the sampler pays for it. Once
the run has ended the component reports it, and the page is drawn once more.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.figures.live import MOST_LINES, svg_lines
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds import run as runs
from mtbkd_core.runs.kinds.run import RunView
from pages.ui import navigation, run_words, task_words
from pages.ui.glossary import hovered
from pages.ui.jobs import progress
from pages.ui.jobs.kinds import RUNS

#: Between two questions.
_MILLISECONDS = 200

_FILES = Path(__file__).parent
_component = st.components.v2.component(
    "mtbkd_live_run",
    html="<div class='live-run'></div>",
    css=(_FILES / "live.css").read_text(),
    js=(_FILES / "live.js").read_text(),
    isolate_styles=False,
)


def watch(view: RunView) -> None:
    """The live view of a run until it ends; then the whole page is drawn once more."""
    _component(
        key=f"live:{view.id}",
        data={"run": view.id, "address": f"{navigation.LIVE_RUN}/{view.id}", "every": _MILLISECONDS},
        on_ended_change=lambda: None,
    )


def story(run: str) -> dict[str, Any]:
    """What the component draws: whether the run has ended, how far it is, what is being done, and its curves.

    Returns:
        `ended`; unless it has: `fraction` from 0 to 1, `text`, `reason` (why it is tried again, or None), and `panels`,
        each with `title` and `caption` (HTML), `curve` (an SVG) and `legend` (pairs of colour and name).
    """
    try:
        view = store.read(runs.KIND, run)
        if view.finished:
            return {"ended": True}
        return {
            "ended": False,
            "fraction": progress.fraction(view),
            "text": progress.text(RUNS, view),
            "reason": run_words.sentence(view.reason) if view.reason else None,
            "panels": [_chains(view), _shares(view)],
        }
    except UserError:  # no such run, or its task was forgotten
        return {"ended": True}  # the page, drawn once more, says what is wrong


def _chains(view: RunView) -> dict[str, Any]:
    reports = [report for report in view.progress if report.log_joint]
    chains = list(zip(*(report.log_joint or () for report in reports), strict=False))
    left_out = f" {MOST_LINES} of {len(chains)} chains are drawn." if len(chains) > MOST_LINES else ""
    lines = {str(number): values for number, values in enumerate(chains)}
    steps = [report.fraction for report in reports]
    title = "Log joint of each chain"
    return {
        "title": hovered(title),
        "caption": hovered(
            "Chains at different heights have not found the same posterior; one height alone does not show that "
            f"they have.{left_out}"
        ),
        "curve": svg_lines(lines, steps, dict.fromkeys(lines, "currentColor"), title=title),
        "legend": [],
    }


def _shares(view: RunView) -> dict[str, Any]:
    reports = [report for report in view.progress if report.teacher_share]
    teachers, shades = view.config.data.teachers, task_words.colours(view.config)
    columns = zip(*(report.teacher_share or () for report in reports), strict=False)
    lines = dict(zip(teachers, columns, strict=False))
    steps = [report.fraction for report in reports]
    title = "Share of each teacher"
    known = task_words.titles_by_name(view.config)
    return {
        "title": hovered(title),
        "caption": hovered(
            "Mean responsibility over chains and examples: each teacher's share of the mixture at what students say."
        ),
        "curve": svg_lines(lines, steps, shades, title=title, low=0, high=1),
        "legend": [(shades[name], escape(known[name])) for name in teachers],
    }
