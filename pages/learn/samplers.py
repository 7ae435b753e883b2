"""Why this sampler: all of them race on one posterior, and a longer exact run judges them."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from mtbkd_core import UserError, default_config, task_info
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.figures.sampler_benchmark import draw_effective, draw_errors, score_table, trace_table
from mtbkd_core.runs.kinds import sampler_benchmark
from mtbkd_core.runs.kinds.sampler_benchmark import RaceView
from mtbkd_core.runs.store import State
from mtbkd_core.studies.sampler_benchmark import CHAINS, COMPARED, reference_seconds
from mtbkd_core.studies.sampler_trace import SamplerTraces, judge
from pages.ui import charts, engine, link, run_words
from pages.ui.jobs import follow, progress

TASKS = ("digits", "synthetic")
TITLES = {algorithm.value: algorithm.value.upper() for algorithm in Algorithm}
LINES = {
    Algorithm.BAOAB: "Langevin dynamics with momentum: it goes on where it was going, and so gets far.",
    Algorithm.MCLMC: "Constant speed; the gradient only turns it. It needs all examples.",
    Algorithm.HMC: "Long trajectories, accepted or refused: exact at any step, and dearer. The reference is one.",
    Algorithm.SGLD: "A gradient step and fresh noise, again and again: a random walk, which is slow to get anywhere.",
}


def launch(task: str, seconds: float) -> None:
    try:
        link.keep("race", engine.race(default_config(task), seconds).id)
    except UserError as error:
        st.session_state.notice = str(error)


def cancel(race: str) -> None:
    try:
        engine.cancel_race(race)
    except UserError as error:
        st.session_state.notice = str(error)


def launcher() -> str:
    """The controls; which posterior is chosen."""
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        task = st.segmented_control(
            "Posterior",
            TASKS,
            **link.bound("posterior", TASKS, TASKS[0]),
            required=True,
            format_func=lambda name: task_info(name).title,
            help="Whose posterior is sampled: that of the task's default settings.",
        )
        seconds = st.slider(
            "Seconds a sampler",
            1,
            10,
            **link.bound("seconds", range(1, 11), 3),
            width=220,
            help="Of each sampler's own work after the warm start, choosing its step size included. "
            "The reference takes six times as long, and at least ten seconds.",
        )
        st.button(
            "Race",
            type="primary",
            icon=":material/flag:",
            help="Run the reference, then let the samplers take turns on one processor. Racing again measures again.",
            on_click=launch,
            args=(task, float(seconds)),
        )
        whole = reference_seconds(seconds) + len(COMPARED) * seconds
        st.caption(
            f"About {whole:.0f} s: {reference_seconds(seconds):.0f} for the reference, then {seconds} for each of "
            f"{len(COMPARED)} samplers. {CHAINS} chains each, from one start.",
            width="stretch",
        )
    return str(task)


def chosen(task: str) -> RaceView | None:
    """The race of the link where it is of this posterior, else the newest that is; what cannot be shown is said."""
    problems: list[str] = []
    try:
        same = [view.id for view in sampler_benchmark.list_races(problems.append) if view.config.data.task == task]
    except UserError as error:
        problems.append(str(error))
        same = []
    for problem in problems:
        st.caption(f":material/broken_image: {problem}")
    asked = link.kept("race")
    for name in dict.fromkeys([asked, *same] if asked else same):
        view = follow.read(follow.RACES, name)
        if view is not None and view.config.data.task == task:
            link.keep("race", name)
            return view
    link.keep("race", None)
    return None


def live(race: str) -> None:
    view = follow.read(follow.RACES, race)
    if view is None:
        return
    if view.finished:
        st.rerun()
    text = follow.RACES.how_far(view) if view.progress else ""
    progress.meter(view, text, lambda: cancel_button(view))
    if view.outcome.points:
        draw_trace(view)


def cancel_button(view: RaceView) -> None:
    st.button(
        "Cancel",
        key="cancel-race",
        icon=":material/stop_circle:",
        help="Stop at the next step.",
        disabled=view.stopping,
        on_click=cancel,
        args=(view.id,),
    )


def draw_trace(view: RaceView) -> None:
    table = trace_table(view.outcome)
    reference = view.outcome.reference
    charts.show(
        draw_errors(table, TITLES, level=reference.error if reference else None, seconds=view.seconds),
        "Error of the predictive mean",
        "Lower is better. Read across: how long each sampler takes to one and the same error.",
        lambda: table,
        key="race",
        help="Mean total variation distance, over test inputs, to the reference's predictive mean. A line begins with "
        "the first draw after warm start, choice of the step size and burn-in.",
    )


def draw_finished(view: RaceView) -> None:
    outcome = view.outcome
    scores = score_table(outcome)
    st.markdown(verdict(outcome))
    left, right = st.columns([1.3, 1], gap="large")
    with left:
        draw_trace(view)
    with right:
        charts.show(
            draw_effective(scores, TITLES),
            "Effective draws a second",
            "Right is better. Draws that resemble the one before count for little.",
            lambda: scores,
            key="effective",
            help="Of each test input's log probability of its label: the median input, and the 5th percentile, which "
            "is what the hard ones get. A step that is too long scores well here, and shows as a log joint that is "
            "away from the reference's.",
        )
    for row in scores.dropna(subset=["problem"]).itertuples():
        st.warning(f"{TITLES[row.sampler]} dropped out: {row.problem}.", icon=":material/warning:")
    shown = pd.DataFrame(
        {
            "Sampler": scores["sampler"].map(TITLES),
            "Error": scores["error"].map(shown_as("{:.4f}")),
            "Effective draws a second": scores["ess_median"].map(shown_as("{:.0f}")),
            "5th percentile": scores["ess_p5"].map(shown_as("{:.0f}")),
            "Log joint, off by (nats)": scores["away"].map(shown_as("{:+.1f}")),
            "Step size": scores["step_size"].map(shown_as("{:.2g}")),
            "Began again": scores["restarts"].map(shown_as("{:.0f}")),
        }
    )
    st.dataframe(shown, hide_index=True, key="race-scores")
    if outcome.reference is not None:
        st.caption(
            f"The reference: {CHAINS} chains of Hamiltonian Monte Carlo for {outcome.reference.seconds:.0f} s, from a "
            f"start of their own. It is a sample too: its own error is about {outcome.reference.error:.4f}, and what "
            "lies near that cannot be told apart. One race is one seed on one machine at one moment. "
            "When a chain leaves the posterior its sampler begins again with a shorter step, its clock running on."
        )


def shown_as(form: str) -> Callable[[float], str]:
    """Writes a number in that form, and a dash for one that there is not."""
    return lambda number: "–" if pd.isna(number) else form.format(number)


def verdict(outcome: SamplerTraces) -> str:
    """What the race says, in one line."""
    found = judge(outcome)
    if found is None:
        return "**Nobody arrived.** Give the samplers more seconds."
    first, last = TITLES[found.ranking[0]], TITLES[found.ranking[-1]]
    level = " and ".join(TITLES[name] for name in found.level)
    line = f"**{first} is nearest to the reference**" + (f", and {level} cannot be told from it." if level else ".")
    if found.ranking[-1] not in (found.ranking[0], *found.level):
        line += f" {last} is {found.times_farther:.1f} times as far"
        effective = found.times_effective
        line += f", with {first} making {effective:.1f} times as many effective draws a second." if effective else "."
    return line


def ending(view: RaceView) -> None:
    _, icon, meaning = run_words.STATES[view.state]
    reason = f" {run_words.sentence(view.reason)}" if view.reason else ""
    (st.info if view.state is State.CANCELLED else st.error)(f"This race {meaning}{reason} Race again.", icon=icon)


posterior = launcher()
race = chosen(posterior)
if race is None:
    st.info("There is no race on this posterior to show. Press Race.", icon=":material/flag:")
elif not race.finished:
    st.fragment(live, run_every=0.5)(race.id)
elif race.state is State.DONE:
    draw_finished(race)
else:
    ending(race)
st.space("small")
columns = st.columns(2, gap="large")
default = default_config(posterior).sampler.algorithm
for place, (algorithm, line) in enumerate(LINES.items()):
    if algorithm is default:
        # BAOAB is the default elsewhere
        why = "" if algorithm is Algorithm.BAOAB else ", where BAOAB often has to begin again with a shorter step"
        line += f" The default on this posterior{why}."
    columns[place % 2].markdown(f"**{TITLES[algorithm]}**  \n:small[:gray[{line}]]")
