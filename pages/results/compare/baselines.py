"""MT-BKD against the baselines: the launch, and the comparison as it happens. Results: `baseline_results`."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import RunConfig, UserError
from mtbkd_core.runs.kinds.comparison import comparison_spec
from mtbkd_core.studies.methods import runs_in
from pages.results.compare import baseline_results
from pages.ui import chosen_run, link, run_words
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import COMPARISONS
from pages.ui.jobs.launch import launch


def draw() -> None:
    """The whole part of the page."""
    _launcher()
    view = follow.pick(COMPARISONS, help="Newest first. Each is described by what differs from the default settings.")
    if view is None:
        st.info(
            "Nothing is compared yet. Choose how many seeds and press Compare. Each seed is a whole replication, "
            "with a split, teachers and chains of its own.",
            icon=":material/balance:",
        )
        return
    follow.follow(COMPARISONS, view, baseline_results.draw_first_rows)
    baseline_results.draw(view)


def _launcher() -> None:
    config, source, seconds = chosen_run.basis()
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        seeds = st.slider(
            "Seeds",
            2,
            20,
            **link.bound("seeds", range(2, 21), 5),
            width=220,
            help="How often everything is repeated. Each seed draws the split, trains the teachers and starts the "
            "chains anew. More seeds make the intervals shorter; with fewer than ten, few differences from so many "
            "methods can be clear. What is computed already is not computed again.",
        )
        st.button(
            "Compare",
            type="primary",
            icon=":material/play_arrow:",
            help="Tune and run MT-BKD and every baseline with each seed. A comparison that exists is found, not "
            "computed twice. Other runs wait for a free worker meanwhile; a cancelled comparison can go on later.",
            on_click=launch,
            args=(COMPARISONS, comparison_spec(config, range(seeds))),
        )
        st.caption(f"With the settings of {source}: {run_words.describe(config)}.", width="stretch")
    if effort := _effort(config, seeds, seconds):
        st.caption(effort)


def _effort(config: RunConfig, seeds: int, seconds: float | None) -> str:
    """How long it takes, said before it is asked for; nothing of a task that is not there."""
    try:
        work = run_words.cost(runs_in(config, seeds), seconds)
    except UserError:
        return ""
    return (
        "All methods are tuned first on held-out labelled examples of the task or of your own data, inside this job "
        f"and with as many trials each. In all that is as much work as {work.removesuffix('.')}."
    )
