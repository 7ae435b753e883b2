"""The run that is chosen: its result, and what to say where there is none."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from mtbkd_core import Result, RunConfig, Task, UserError
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, chains_agree
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import run as runs
from mtbkd_core.runs.kinds.run import RunView
from pages.ui import link, navigation, task_loading, task_words
from pages.ui.run_words import STATES, describe, sentence


def basis() -> tuple[RunConfig, str, float | None]:
    """What new work of several runs starts from: the chosen run's settings, or else the draft's.

    Returns:
        the settings, whose they are, and how many seconds a run of them took, if that is known.
    """
    if st.session_state.run:
        try:
            view = store.read(runs.KIND, st.session_state.run)
            seconds = result(view).metrics.seconds if view.state is State.DONE else None
            return view.config, "the chosen run", seconds
        except UserError:  # what is wrong with the run is said where the run itself is shown
            pass
    return link.draft(), "the set-up pages", None


def all_runs(problems: list[str] | None = None) -> list[RunView]:
    """Every readable run, newest first; what cannot be read is added to `problems`, a line each."""
    said = problems if problems is not None else []
    try:
        return store.list_jobs(runs.KIND, said.append)
    except UserError as error:
        said.append(str(error))
        return []


@dataclass(frozen=True)
class Chosen:
    """The run that the results pages show."""

    view: RunView
    result: Result

    @property
    def titles(self) -> list[str]:
        """The teachers' titles, in the run's order."""
        return task_words.titles(self.view.config)

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, as they were when the run was done; no task is loaded for them."""
        return list(self.result.environment["class_names"])


@st.cache_resource(show_spinner=False, max_entries=4)
def _result(run: str, attempt: int) -> Result:
    return runs.load_result(run)


def result(view: RunView) -> Result:
    """The result of a run that is done, kept for the next page.

    Raises:
        UserError: a file of the result is torn.
    """
    return _result(view.id, view.attempt)


def chosen() -> Chosen:
    """The chosen run with its result. Where there is none, the page says what to do next, and ends."""
    run = st.session_state.run
    if run is None:
        st.info("There is no run to show yet. Distill a student first.", icon=":material/science:")
        with st.container(horizontal=True):
            navigation.link("distill", "Go to Distill")
            navigation.link("overview", "Or start with the demo")
        st.stop()
    try:
        view = store.read(runs.KIND, run)
        if view.state is State.DONE:
            return Chosen(view, result(view))
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        navigation.link("distill", "Distill anew")
        st.stop()
    _, icon, meaning = STATES[view.state]
    reason = f" {sentence(view.reason)}" if view.reason else ""
    st.info(f"This run {meaning}{reason} It has no results to show; choose another run in the sidebar.", icon=icon)
    navigation.link("distill", "See it on the Distill page")
    st.stop()


def task_of(shown: Chosen) -> Task:
    """The chosen run's task. Where it is another by now that is said; where the labels are others the page ends."""
    config = shown.view.config
    task = task_loading.load(config)
    if not shown.result.has_labels_of(task):
        st.warning(
            "The data of this task is another than when this run was made, so its examples cannot be shown beside it. "
            "Its scores are on the page Reliability.",
            icon=":material/difference:",
        )
        navigation.link("distill", "Distill anew")
        st.stop()
    if task.fingerprint_of(config.data.teachers) != shown.result.environment.get("fingerprint"):
        st.warning(
            "The data or the teachers of this task are others than when this run was made: numbers are the run's, "
            "single examples are today's.",
            icon=":material/difference:",
        )
    return task


def agrees(result: Result) -> bool:
    """Whether the run's chains agree well enough for its intervals to be trusted."""
    return chains_agree(result.metrics.diagnostics.r_hat)


def banner(shown: Chosen) -> None:
    """One line on which run a page shows, a warning where its chains disagree, and what a check for bias has found."""
    view = shown.view
    st.caption(
        f":material/check_circle: Run **{view.id}** · {describe(view.config)} · "
        f"{view.created.astimezone():%d %B %Y, %H:%M}. Choose another one in the sidebar."
    )
    if not agrees(shown.result):
        r_hat = shown.result.metrics.diagnostics.r_hat
        found = "cannot be worked out" if r_hat is None else f"is {r_hat:.3f}, above {R_HAT_LIMIT}"
        st.warning(
            f"The chains disagree (R-hat {found}): sample longer before you trust what stands here.",
            icon=":material/warning:",
        )
    say_bias(shown.result)


def say_bias(result: Result) -> None:
    """One line on the check for bias, where the run has had one: a warning if it found some."""
    found = result.metrics.diagnostics.bias_check
    if found is None:
        return
    if found.is_biased:
        st.warning(found.sentence, icon=":material/warning:")
    else:
        st.caption(found.sentence)


def how_it_went(result: Result) -> str:
    """Step size, steps and seconds of a run, and whether its chains had to begin again; one line."""
    told = result.metrics.diagnostics
    tuned = "tuned" if result.config.sampler.step_size is None else "given"
    if told.energy_variance is not None:
        tuned += f", energy variance {told.energy_variance:.1e} per dimension"
    elif told.acceptance is not None:
        tuned += (
            f" at an acceptance of {told.acceptance:.2f}" if tuned == "tuned" else f", acceptance {told.acceptance:.2f}"
        )
    times = ("once", "twice")[told.restarts - 1] if 0 < told.restarts < 3 else f"{told.restarts} times"
    again = f"; a chain left the posterior, and all began again {times} with a shorter step" if told.restarts else ""
    checking = f"{told.seconds_bias_check:.1f} s bias check, " if told.seconds_bias_check is not None else ""
    return (
        f"Step size {told.step_size:.4f}, {tuned}{again} · {told.gradients:,} gradients a chain · "
        f"{told.seconds_warm_start:.1f} s warm start, {told.seconds_sampling:.1f} s sampling, "
        f"{checking}"
        f"{told.seconds_evaluation:.1f} s evaluation · on {result.environment['device']}"
    )


def newest_done(views: list[RunView]) -> RunView | None:
    """The newest run that has a result."""
    return next((view for view in views if view.state is State.DONE), None)


def use_settings(view: RunView) -> None:
    """Put a run's settings into the draft."""
    link.replace(view.config)
