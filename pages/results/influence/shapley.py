"""Shapley study: what each teacher of the shown run contributes, beside the measures that the run itself gives."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.evaluation.diagnostics import disagreement
from mtbkd_core.evaluation.score_text import change_text
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from mtbkd_core.figures.shapley import draw_influence, draw_shapley
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds.shapley import ShapleySpec, ShapleyView, shapley_spec
from mtbkd_core.studies.tables import contributes_most, shapley_table
from pages.ui import charts, link, run_words, task_words
from pages.ui.chosen_run import Chosen
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import SHAPLEY_STUDIES
from pages.ui.jobs.launch import launch
from pages.ui.words import plain

_SEEDS = range(1, 6)
_HELP = (
    "Every subset of the teachers distills a student of its own; with no teacher, it learns from the labels alone. The "
    "**Shapley value** is what the score changes by when a teacher joins, mean over all orders in which they could "
    "join. The values add up to the score with all teachers minus that with none. **Leave one out**: what the teacher "
    "changes when it joins all the others; if two know the same, removing either changes little. **Solo**: what it "
    "changes when it is the only teacher."
)


def draw(shown: Chosen, influence: Callable[[], pd.DataFrame]) -> None:
    """The whole part of the page; `influence` gives the run's own `influence_table`."""
    st.caption("What a score changes by when a teacher joins the others. It is shown once it is computed.", help=_HELP)
    spec = _launcher(shown)
    if spec is None:
        return
    try:
        view = store.find(SHAPLEY_STUDIES.kind, spec)
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        return
    if view is None:
        return
    follow.follow(SHAPLEY_STUDIES, view)
    if view.contributions("nll"):
        _draw_results(view, influence())


def _launcher(shown: Chosen) -> ShapleySpec | None:
    """The study that the button launches; None where there can be none, with an error that says why."""
    config = shown.view.config
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        seeds = st.slider(
            "Seeds",
            _SEEDS[0],
            _SEEDS[-1],
            **link.bound("replicates", _SEEDS, 1),
            width=160,
            help="How often it is repeated, with another split, other teachers and other chains each time. The first "
            "is the run's own. With several, the intervals are of their spread.",
        )
        try:
            spec = shapley_spec(config, seeds)
        except UserError as error:
            st.error(plain(error), icon=":material/error:")
            return None
        st.button(
            "Compute",
            icon=":material/calculate:",
            help="Distill a student from every subset of the teachers. What is computed already is not computed again.",
            on_click=launch,
            args=(SHAPLEY_STUDIES, spec),
        )
        cost = run_words.cost(len(spec.parts()), shown.result.metrics.seconds)
        teachers = f"{len(config.data.teachers)} teacher{'s' * (len(config.data.teachers) != 1)}"
        st.caption(f"Distills from every subset of the run's {teachers} with each seed: {cost}")
    return spec


def _draw_results(view: ShapleyView, cheap: pd.DataFrame) -> None:
    # a score that some subset lacks, such as the AUROC of one that makes no error, has no values
    offered = [name for name in COMPARED if view.contributions(name)]
    score = st.segmented_control(
        "Score",
        offered,
        required=True,
        format_func=lambda name: SCORES[name].short,
        **link.bound("score", offered, "nll"),
        help="\n".join(f"- **{SCORES[name].short}**: {SCORES[name].help}" for name in offered),
    )
    info = SCORES[score]
    found = view.contributions(score)
    table = shapley_table(found, cheap, view.sampler_errors(score))
    st.caption(follow.summary(SHAPLEY_STUDIES, view))
    r_hat = view.worst_r_hat()
    if apart := disagreement({} if r_hat is None else {"the worst of these runs": r_hat}):
        st.warning(f"{apart}: sample longer before you trust small differences.", icon=":material/warning:")
    st.markdown(_in_words(table, score))
    shades = task_words.colours(view.config)
    left, right = st.columns(2, gap="large")
    unit = "percentage points" if info.share else info.unit or "the score's own unit"
    side = "Right" if info.higher_is_better else "Left"
    with left:
        charts.show(
            draw_shapley(table, score, shades),
            f"Contribution to the student's {info.short}",
            f"{side} of zero the teacher helps: with it the {info.short} is "
            f"{'higher' if info.higher_is_better else 'lower'}. Unit: {unit}." + f" {_whiskers(len(found))}",
            lambda: table,
            key="shapley",
            help=_HELP,
        )
    with right:
        charts.show(
            draw_influence(cheap, shades),
            "Responsibility and pull in the run itself",
            "Shares and pulls of one run: not what a teacher adds.",
            lambda: cheap,
            key="own-influence",
            help="Means over the labelled examples: the responsibility, and the pull on the true class's logit. A "
            "teacher may have a large share of a student that would do as well without it.",
        )


def _in_words(table: pd.DataFrame, score: str) -> str:
    """Which teacher is first by which measure, in one line."""
    info = SCORES[score]
    by_title = table.set_index("title")
    first, explains, pulls = (
        plain(each or "")
        for each in (contributes_most(table, score), by_title["responsibility"].idxmax(), by_title["pull"].idxmax())
    )
    most = f"**{first}** contributes most" if first else "no teacher clearly contributes most"
    change = change_text(score, by_title["shapley"].sum(), 0)
    return (
        f"By Shapley value {most}; by responsibility **{explains}** comes first, by pull on the truth **{pulls}**. "
        f"All teachers together change the {info.short} by {change}."
    )


def _whiskers(seeds: int) -> str:
    if seeds > 1:
        return "Whiskers: 95 % intervals of the mean over the seeds; grey: zero is within."
    return (
        "Whiskers: 95 % intervals by the sampler's error alone; the test set, which all subsets share, and what "
        "another seed would give are not in them. Grey: zero is within."
    )
