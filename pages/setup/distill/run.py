"""The chosen run on the page Distill: as it happens, and what came of it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mtbkd_core import Result, UserError
from mtbkd_core.figures.live import draw_traces
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import RunView
from pages.results import before_after
from pages.ui import charts, chosen_run, headline, link, live, owner, run_words, sample_longer, so_far, strength_path
from pages.ui.chosen_run import Chosen
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import RUNS
from pages.ui.jobs.launch import cancel, cancel_button
from pages.ui.words import plain


def draw(run: str) -> None:
    """The run, whatever its state."""
    view = follow.read(RUNS, run)
    if view is None:
        return
    try:
        result = chosen_run.result(view) if view.state is State.DONE else None
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        other = view.config != link.draft()
        st.header("The chosen run" if other else "This run", anchor=False, width="content")
        kept = " · not the settings above" if other and view.finished else ""
        st.caption(f"{run_words.title(view, mixed=True)}{kept} · {view.id}", width="stretch")
        if result is not None and other:
            st.button(
                "Use its settings",
                icon=":material/replay:",
                help="Put this run's settings into the draft.",
                on_click=link.replace,
                args=(view.config,),
                type="tertiary",
            )
        if not view.finished:
            cancel_button(RUNS, view)
    if result is not None:
        _draw_result(view, result)
    elif view.finished:
        follow.ending(RUNS, view, link.choose_run)
    else:
        live.watch(view)
        so_far.follow(view.id, None)
        headline.links()


def draw_queue(chosen: str | None) -> None:
    """The other runs that are not finished."""
    others = [view for view in chosen_run.all_runs() if not view.finished and view.id != chosen]
    if not others:
        return
    st.header("Also under way", anchor=False)
    for view in others:
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            _, icon, _ = run_words.STATES[view.state]
            st.markdown(f"{icon} {view.state.value.capitalize()}: {run_words.title(view, mixed=True)}", width="stretch")
            st.button("Show", key=f"show:{view.id}", help="Watch this run.", on_click=link.choose_run, args=(view.id,))
            if owner.may_change(view):
                stop = f"cancel:{view.id}"
                st.button("Cancel", key=stop, help="Stop this run.", on_click=cancel, args=(RUNS, view.id))


def _draw_result(view: RunView, result: Result) -> None:
    headline.draw(result)
    before_after.of_the_run(Chosen(view, result))
    headline.links()
    if view.reason:
        st.caption(f":material/info: {plain(run_words.sentence(view.reason))}")
    sample_longer.draw(view, result)
    with charts.more("how it was sampled"):
        _draw_sampling(result)
    if result.strength is not None:
        with charts.more("how the strength was chosen"):
            strength_path.draw(result.strength)
    chosen_run.show_bias(result)


def draw_example() -> None:
    """The example that comes with the program, where there is no run."""
    if found := chosen_run.shipped():
        chosen_run.banner(found)
        headline.draw(found.result)
        headline.links()


def _draw_sampling(result: Result) -> None:
    st.caption(_sampling_line(result))
    traces = result.predictions.log_joint.float().numpy()
    charts.show(
        draw_traces(traces),
        "Log joint of the draws",
        "Good chains overlap and show no trend.",
        lambda: (
            pd.DataFrame(traces.T, columns=[f"chain {number}" for number in range(len(traces))])
            .rename_axis("draw")
            .reset_index()
        ),
        key="traces",
    )


def _sampling_line(result: Result) -> str:
    """Step size, gradients and seconds of a run, and whether its chains restarted; one line."""
    found = result.metrics.diagnostics
    tuned = "tuned" if result.config.sampler.step_size is None else "given"
    if found.energy_variance is not None:
        tuned += f", energy variance {found.energy_variance:.1e} per dimension"
    elif found.acceptance is not None:
        tuned += f"{' at an acceptance of' if tuned == 'tuned' else ', acceptance'} {found.acceptance:.2f}"
    if found.restarts:
        tuned += f"; a chain left the posterior: all restarted with a shorter step, {found.restarts} in all"
    if found.seconds_preconditioner is not None:
        tuned += f"; preconditioner: {found.preconditioner}, made in {found.seconds_preconditioner:.1f} s"
    checking = f"{found.seconds_bias_check:.1f} s bias check, " if found.seconds_bias_check is not None else ""
    return (
        f"Step size {found.step_size:.4f}, {tuned} · {found.gradients:,} gradients per chain · "
        f"{found.seconds_warm_start:.1f} s warm start, {found.seconds_sampling:.1f} s sampling, "
        f"{checking}{found.seconds_evaluation:.1f} s evaluation · on {result.environment['device']}"
    )
