"""Why this sampler: all of them on one posterior for the same time, compared with a longer exact run."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from mtbkd_core import default_config, task_info
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.figures.sampler_benchmark import draw_effective, draw_errors, score_table, trace_table
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.sampler_benchmark import SamplerBenchmarkView, sampler_benchmark_spec
from mtbkd_core.studies.sampler_benchmark import CHAINS, COMPARED, reference_seconds
from mtbkd_core.studies.sampler_trace import SamplerTraces, judge
from pages.ui import charts, link
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import SAMPLER_BENCHMARKS
from pages.ui.jobs.launch import launch

TASKS = ("digits", "synthetic")
TITLES = {algorithm.value: algorithm.title for algorithm in Algorithm}


def launcher() -> str:
    """The controls; which posterior is chosen."""
    with (
        st.container(border=True, key="last-launcher"),
        st.container(horizontal=True, vertical_alignment="center", gap="medium"),
    ):
        task = st.segmented_control(
            "Posterior",
            TASKS,
            **link.bound("posterior", TASKS, TASKS[0]),
            required=True,
            format_func=lambda name: task_info(name).title,
            help="The posterior of this task's default settings is sampled.",
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
        spec = sampler_benchmark_spec(default_config(task), float(seconds))
        st.button(
            "Measure",
            type="primary",
            icon=":material/flag:",
            help="Run the reference, then let the samplers take turns on one processor. Each press measures again.",
            on_click=launch,
            args=(SAMPLER_BENCHMARKS, spec),
        )
        st.caption(
            f"About {spec.expected_seconds:.0f} s: {reference_seconds(seconds):.0f} for the reference, then {seconds} "
            f"for each of {len(COMPARED)} samplers. {CHAINS} chains each, from one start.",
            width="stretch",
        )
    return str(task)


def draw_trace(view: SamplerBenchmarkView) -> None:
    table = trace_table(view.outcome)
    reference = view.outcome.reference
    charts.show(
        draw_errors(table, TITLES, level=reference.error if reference else None, seconds=view.spec.seconds),
        "Error of the predictive mean",
        "Lower is better. Read across: how long each sampler takes to one and the same error.",
        lambda: table,
        key="errors",
        help="Mean total variation distance, over test inputs, to the reference's predictive mean. A line begins with "
        "the first draw after warm start, choice of the step size and burn-in.",
    )


def draw_so_far(view: SamplerBenchmarkView) -> None:
    if view.outcome.points:
        draw_trace(view)


def draw_finished(view: SamplerBenchmarkView) -> None:
    outcome = view.outcome
    scores = score_table(outcome)
    charts.say(verdict(outcome))
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
    with charts.more("in numbers"):
        draw_numbers(outcome, scores)


def draw_numbers(outcome: SamplerTraces, scores: pd.DataFrame) -> None:
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
    st.dataframe(shown, hide_index=True, key="sampler-scores")
    if outcome.reference is not None:
        st.caption(
            f"The reference: {CHAINS} chains of Hamiltonian Monte Carlo for {outcome.reference.seconds:.0f} s, from a "
            f"start of their own. It is a sample too: its own error is about {outcome.reference.error:.4f}, and what "
            "lies nearer than that cannot be distinguished. One benchmark is one seed on one machine at one moment. "
            "When a chain leaves the posterior its sampler begins again with a shorter step; its clock does not stop."
        )


def shown_as(form: str) -> Callable[[float], str]:
    """Writes a number in that form, and a dash where there is none."""
    return lambda number: "–" if pd.isna(number) else form.format(number)


def verdict(outcome: SamplerTraces) -> str:
    """What the benchmark shows, in one line."""
    found = judge(outcome)
    if found is None:
        return "**No sampler got through its burn-in.** Give them more seconds."
    first, last = TITLES[found.ranking[0]], TITLES[found.ranking[-1]]
    level = " and ".join(TITLES[name] for name in found.level)
    line = f"**{first} is nearest to the reference**" + (
        f", and {level} cannot be distinguished from it." if level else "."
    )
    if found.ranking[-1] not in (found.ranking[0], *found.level):
        line += f" {last} is {found.times_farther:.1f} times as far from it"
        effective = found.times_effective
        line += (
            f"; {first} makes {effective:.1f} times as many effective draws a second as {last}." if effective else "."
        )
    return line


posterior = launcher()
shown = follow.pick(
    SAMPLER_BENCHMARKS,
    help="Newest first. Each is a measurement on this machine.",
    only=lambda view: view.config.data.task == posterior,
) or follow.example(SAMPLER_BENCHMARKS, posterior)
if shown is None:
    st.info("There is no benchmark on this posterior to show. Press Measure.", icon=":material/flag:")
elif shown.state is State.DONE:
    draw_finished(shown)
else:
    follow.follow(SAMPLER_BENCHMARKS, shown, draw_so_far)
with charts.more("what each sampler does"):
    columns = st.columns(2, gap="large")
    default = default_config(posterior).sampler.algorithm
    for place, algorithm in enumerate(Algorithm):
        line = algorithm.help
        if algorithm is default:
            line += " The default on this posterior."
        columns[place % 2].markdown(f"**{algorithm.title}**  \n:small[:gray[{line}]]")
