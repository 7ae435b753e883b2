"""MT-BKD against the baselines: the launch, and the comparison as it happens. Results: `baseline_results`."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.runs.kinds.comparison import comparison_spec
from mtbkd_core.studies.methods import runs_in
from pages.results.compare import baseline_results
from pages.ui import chosen_run, link, run_words, setting_words
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import COMPARISONS
from pages.ui.jobs.launch import launch
from pages.ui.words import plain


def draw() -> None:
    """The whole part of the page: what was found, and below it the next one."""
    view = follow.pick(COMPARISONS, help="Newest first. Each is described by what differs from the default settings.")
    if view is None:
        baseline_results.draw_shipped()
    else:
        follow.follow(COMPARISONS, view, baseline_results.draw_first_rows)
        baseline_results.draw(view)
    _launcher()


def _launcher() -> None:
    basis = chosen_run.basis()
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
            help="Tune and run MT-BKD and every baseline with each seed: first on held-out labelled examples of the "
            "task or of your own data, inside this job and with as many trials each. A comparison that exists is "
            "found, not computed twice. Other runs wait meanwhile; a cancelled comparison can go on later.",
            on_click=launch,
            args=(COMPARISONS, comparison_spec(basis.config, range(seeds))),
        )
        start = f"With the settings of {basis.source} ({plain(setting_words.described(basis.config))})."
        st.caption("  \n".join([start, *_effort(basis, seeds)]), width="stretch")


def _effort(basis: chosen_run.Basis, seeds: int) -> list[str]:
    """How long it takes, said before it is asked for; nothing of a task that is not there."""
    try:
        work = run_words.cost(runs_in(basis.config, seeds), basis.seconds, basis.timed)
    except UserError:
        return []
    return [f"All methods are tuned first. In all that is as much work as {work.removesuffix('.')}."]
