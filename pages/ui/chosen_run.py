"""The run that is chosen, with its result; where there is none, the example that comes with the program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from mtbkd_core import Result, RunConfig, UserError
from mtbkd_core.evaluation.diagnostics import Verdict, verdict_sentence
from mtbkd_core.evaluation.readings import Summary
from mtbkd_core.result import read_metrics
from mtbkd_core.runs import examples, store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import run as runs
from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.snapshot import Moment
from pages.ui import charts, link, navigation, owner, sample_longer, so_far, task_words
from pages.ui.jobs.kinds import RUNS
from pages.ui.jobs.launch import launch
from pages.ui.run_words import STATES, former, sentence, task_title, title
from pages.ui.words import plain


@dataclass(frozen=True)
class Basis:
    """What new work of several runs starts from.

    Attributes:
        source: where the settings come from.
        seconds: that a run of them, or one that is much like them, took; None where that is not known.
        timed: which run that was.
    """

    config: RunConfig
    source: str
    seconds: float | None
    timed: str = "the chosen run"


def basis() -> Basis:
    """The chosen run's settings, or else the draft's."""
    if st.session_state.run:
        try:
            view = store.read(runs.KIND, st.session_state.run)
            seconds = result(view).metrics.seconds if view.state is State.DONE else None
            return Basis(view.config, "the chosen run", seconds)
        except UserError:  # what is wrong with the run is shown where the run itself is
            pass
    config = link.draft()
    shipped = examples.find(runs.KIND, config.data.task)
    seconds = None if shipped is None else _example(shipped.folder).metrics.seconds
    return Basis(config, "the set-up pages", seconds, "the example")


def all_runs(problems: list[str] | None = None) -> list[RunView]:
    """The runs that are listed, newest first; what cannot be read is added to `problems`, a line each."""
    lines = problems if problems is not None else []
    try:
        return owner.listed(store.list_jobs(runs.KIND, lines.append), st.session_state.get("run"))
    except UserError as error:
        lines.append(str(error))
        return []


@dataclass(frozen=True)
class Chosen:
    """The run that the results pages show.

    Attributes:
        result: the whole, or the posterior so far.
        moment: how far the run was, where it is not the whole.
        example: whether it comes with the program; it then has few of its draws.
    """

    view: RunView
    result: Result
    moment: Moment | None = None
    example: bool = False

    @property
    def whole(self) -> bool:
        """Whether all draws of a finished run are there."""
        return self.moment is None and not self.example

    @property
    def version(self) -> str:
        """What tells this result from another of the same run: what is worked out from it is kept under this name."""
        return f"{self.view.id}:{self.view.attempt}:{self.moment.number if self.moment else 'whole'}"

    @property
    def teachers(self) -> dict[str, str]:
        """The teachers, name -> title, in the run's order."""
        return task_words.titles_by_name(self.view.config)

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, as they were when the run was done; no task is loaded for them."""
        return list(self.result.environment["class_names"])


@st.cache_resource(show_spinner=False, max_entries=4)
def _result(run: str, attempt: int) -> Result:
    return runs.load_result(run)


@st.cache_resource(show_spinner=False, max_entries=4)
def _example(folder: Path) -> Result:
    return Result.load(folder)


def shipped() -> Chosen | None:
    """The example of the draft's task, or else the first; None where none can be shown."""
    view = examples.find(runs.KIND, link.draft().data.task) or examples.find(runs.KIND)
    return None if view is None else Chosen(view, _example(view.folder), example=True)


def result(view: RunView) -> Result:
    """The result of a run that is done, kept for the next page.

    Raises:
        UserError: a file of the result is torn.
    """
    return _result(view.id, view.attempt)


@st.cache_data(show_spinner=False, max_entries=64)
def _verdict(folder: Path, attempt: int) -> Verdict | None:
    return read_metrics(folder).diagnostics.judged


def verdict(view: RunView) -> Verdict | None:
    """The verdict on the chains of a run; None where there is none, or no result to read."""
    try:
        return _verdict(view.folder, view.attempt) if view.state is State.DONE else None
    except UserError:  # said where the run is shown
        return None


def chosen(*, example: bool = True) -> Chosen:
    """The chosen run with its result. Where none is chosen it is an example; else the page says what to do, and ends.

    Args:
        example: whether one may stand in.
    """
    run = st.session_state.run
    if run is None and example and (found := shipped()):
        return found
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
        found = so_far.newest(view)
        if found is not None:
            return Chosen(view, found.result, found.moment)
        if view.has_result:  # it goes on, and has not come to a snapshot yet
            return Chosen(view, result(view))
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        navigation.link("distill", "Distill again")
        st.stop()
    _, icon, meaning = STATES[view.state]
    reason = f" {plain(sentence(view.reason))}" if view.reason else ""
    if not view.finished:
        st.info(f"This run {meaning}{reason} Its posterior so far appears here in a moment.", icon=icon)
        so_far.follow(view.id, 0)
        navigation.link("distill", "Watch it on the Distill page")
        st.stop()
    st.info(f"This run {meaning}{reason} It has no results to show; choose another run in the sidebar.", icon=icon)
    navigation.link("distill", "See it on the Distill page")
    st.stop()


def finished() -> Chosen | None:
    """The chosen run where it is done; None where there is none, or its result cannot be read."""
    try:
        view = store.read(runs.KIND, st.session_state.run) if st.session_state.run else None
        return None if view is None or view.state is not State.DONE else Chosen(view, result(view))
    except UserError:  # said where the run itself is shown
        return None


def banner(shown: Chosen) -> None:
    """One line on the run that a page shows, the verdict on its chains, and what a check for bias found."""
    view = shown.view
    if shown.example:
        _example_banner(view)
        return
    # on a telephone it comes last, so that the first screen holds the picture
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", key="last-run-line"):
        st.caption(
            f"{STATES[view.state][1]} Run **{view.id}** · {plain(task_title(view.config.data.task))} · {title(view)} · "
            f"{view.created.astimezone():%d %B %Y, %H:%M}",
            help="Choose another one in the sidebar.",
            width="stretch",
        )
        if shown.whole and view.finished:
            with st.popover("Sample longer", icon=":material/resume:", type="tertiary"):
                sample_longer.draw(view, shown.result)
    with st.container(gap="xxsmall"):
        _draw_verdicts(shown)


def _draw_verdicts(shown: Chosen) -> None:
    view = shown.view
    if line := former(RUNS.kind, view):
        st.warning(line, icon=":material/history:")
    if not view.finished:
        so_far.follow(view.id, shown.moment.number if shown.moment else 0)
        return
    if shown.moment is not None:
        _, icon, meaning = STATES[view.state]
        st.warning(f"This run {meaning} What is shown is what it had by then.", icon=icon)
        st.caption(so_far.text(shown.moment, shown.result.metrics))
        navigation.link("distill", "Go on with it on the Distill page")
        return
    show_verdict(shown.result)
    show_bias(shown.result)


def _example_banner(view: RunView) -> None:
    """What the example is, and the button that measures one's own."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(
            f":material/inventory_2: **Example** · {plain(task_title(view.config.data.task))}: {title(view)}",
            help="It comes with the program, and stands here until there is a run of yours.",
            width="stretch",
        )
        st.button(
            "Distill it yourself",
            icon=":material/play_arrow:",
            help="Run the example's settings here. The page then shows that run, from its first draws on.",
            on_click=_distill,
            args=(view.config,),
        )
        navigation.link("distill", "Set up your own")


def _distill(config: RunConfig) -> None:
    def show(run: str) -> None:
        link.replace(config)
        link.choose_run(run)

    launch(RUNS, config, show)


def show_verdict(result: Result, *, worst: bool = True) -> None:
    """What the verdict on the chains means: a warning where they disagree, else a quiet line, with the worst R-hat."""
    found = result.metrics.diagnostics
    said = verdict_sentence(found, worst=worst)
    if found.judged is Verdict.NOT_CONVERGED:
        st.warning(said, icon=":material/warning:")
    elif said:
        st.caption(said)


def say(found: Summary, config: RunConfig | None = None) -> None:
    """What a page says first, and what stands out.

    Args:
        config: of a page with scores: what has to be known of its task is said, too.
    """
    if found.sentence:
        charts.say(f"**{plain(found.sentence)}**")
    for remark in found.remarks:
        flag(remark)
    if config is not None and (known := task_words.remark(config)):
        flag(known)


def flag(remark: str) -> None:
    """A sentence on what stands out."""
    charts.say(f":orange[:material/flag:] {plain(remark)}")


def show_bias(result: Result) -> None:
    """One line on the check for bias, where the run has had one: a warning if it found some."""
    found = result.metrics.diagnostics.bias_check
    if found is None:
        return
    if found.is_biased:
        st.warning(found.sentence, icon=":material/warning:")
    else:
        st.caption(found.sentence)


def newest_done(views: list[RunView]) -> RunView | None:
    """The newest run of one's own that has a result."""
    return next((view for view in views if view.state is State.DONE and owner.is_mine(view)), None)
