"""One setting over several values: the launch, the sweep as it happens, and what it found."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import RunConfig, UserError
from mtbkd_core.config.parse import full_name, settings
from mtbkd_core.evaluation.diagnostics import disagreement
from mtbkd_core.evaluation.means import ONE_SEED_LINE, SEEDS_LINE
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from mtbkd_core.figures.sweep import draw_sweep
from mtbkd_core.runs.kinds.sweep import SweepSpec, SweepView, sweep_spec
from mtbkd_core.studies.sweep import proposed_values, sweep_title, sweep_values, sweepable
from mtbkd_core.studies.tables import seed_table, sweep_table, value_title
from pages.results.compare import score_table
from pages.ui import charts, chosen_run, link, run_words, setting_words
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import SWEEPS
from pages.ui.jobs.launch import launch
from pages.ui.words import plain

_AT_FIRST = ["nll", "ece"]
_SEEDS = range(1, 11)


def draw() -> None:
    """The whole part of the page."""
    try:
        _launcher()
    except UserError as error:  # as where the chosen run's task was forgotten
        st.error(plain(error), icon=":material/error:")
    view = follow.pick(
        SWEEPS, help="Newest first. Each is described by the setting, its values, and the settings it starts from."
    )
    if view is not None:
        follow.follow(SWEEPS, view)
    elif (view := follow.example(SWEEPS)) is None:
        st.info("Nothing is swept over yet. Choose a setting and press Sweep.", icon=":material/tune:")
        return
    _draw_results(view)


def _launcher() -> None:
    basis = chosen_run.basis()
    config = basis.config
    offered = sweepable(config)
    with st.container(border=True):
        left, middle, right = st.columns([2, 4, 2], gap="medium")
        with left:
            setting = st.selectbox(
                "Setting",
                offered,
                format_func=sweep_title,
                **link.bound("setting", offered, "prior.strength", read=full_name),
                help="The one setting that changes; all others stay as they are.",
            )
        with middle:
            begin = ", ".join(proposed_values(config, setting))
            text = st.text_input(
                "Values",
                begin,
                key=f"set:values:{setting}:{begin}",
                help=f"{settings()[setting].help} Values stand between commas; each is a run of its own.",
            )
        with right:
            over_seeds = setting == "seed"
            seeds = st.slider(
                "Seeds",
                _SEEDS[0],
                _SEEDS[-1],
                **link.bound("repeats", _SEEDS, 1),
                disabled=over_seeds,
                help="How often each value is run: with another split, other teachers and other chains each time. The "
                "first is the settings' own. With several, the errors are of their spread.",
            )
        problem, spec = _spec(config, setting, text, 1 if over_seeds else seeds)
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.button(
                "Sweep",
                type="primary",
                icon=":material/play_arrow:",
                help="Run every value. What a run or a sweep has computed already is not computed again; a cancelled "
                "sweep can go on later.",
                disabled=spec is None,
                on_click=launch,
                args=(SWEEPS, spec),
            )
            if spec is not None:
                cost = run_words.cost(len(spec.parts()), basis.seconds, basis.timed)
                st.caption(
                    f"{cost} With the settings of {basis.source} ({plain(setting_words.described(config))}).",
                    width="stretch",
                )
                points, wanted = spec.points(), config.data.n_unlabelled
                if fewer := [value for value, each in points.items() if each.data.n_unlabelled < wanted]:
                    st.caption(f"At {', '.join(fewer)}, fewer unlabelled examples are left than the settings ask for.")
        if problem:
            st.error(plain(problem), icon=":material/error:")


def _spec(config: RunConfig, setting: str, text: str, seeds: int) -> tuple[str | None, SweepSpec | None]:
    """What is wrong with the text, or its sweep."""
    try:
        return None, sweep_spec(config, setting, sweep_values(config, setting, text), seeds)
    except UserError as error:
        return str(error), None


def _draw_results(view: SweepView) -> None:
    table = sweep_table(view.scores(), view.current)
    if table.empty:
        return
    title = sweep_title(view.spec.setting)
    st.caption(follow.summary(SWEEPS, view, title))
    if found := disagreement({f"at {row.title}": row.r_hat for row in table.itertuples()}):
        st.warning(
            f"{plain(found)}: these marks are hollow. Sample longer before you trust them.", icon=":material/warning:"
        )
    if len(table) > 1:
        _draw_charts(view, title)
    if not table["current"].any():
        st.caption(f"The current value, {value_title(view.current)}, has no run yet.")
    st.space("small")
    score_table.draw(
        table,
        title,
        help="Of the posterior mean, on the test examples.",
        caption=SEEDS_LINE
        if view.spec.seeds > 1
        else f"{ONE_SEED_LINE} Where values share the test set, their differences are surer than ± says.",
        key="sweep-scores",
        file="sweep-scores.csv",
    )


def _draw_charts(view: SweepView, title: str) -> None:
    shown = st.pills(
        "Scores",
        list(COMPARED),
        selection_mode="multi",
        format_func=lambda score: SCORES[score].short,
        **link.bound("scores", list(COMPARED), _AT_FIRST, many=True),
        help="\n".join(f"- **{SCORES[score].short}**: {SCORES[score].help}" for score in COMPARED),
    )
    scores = view.scores()
    for first in range(0, len(shown), 2):
        for score, column in zip(shown[first : first + 2], st.columns(2, gap="large"), strict=False):
            with column:
                better = "Higher" if SCORES[score].higher_is_better else "Lower"
                charts.show(
                    draw_sweep(scores, score, view.current, x=title),
                    f"{SCORES[score].title} against {title[:1].lower()}{title[1:]}",
                    f"{better} is better. Vertical lines: 95 % intervals. The diamond is where the settings stand now.",
                    lambda: seed_table(scores),
                    key=f"sweep-{score}",
                    help=SCORES[score].help,
                )
