"""Distill: the student and the sampler, the launch, and the run as it happens."""

import pandas as pd
import streamlit as st

from mtbkd_core import RunConfig, UserError
from mtbkd_core.catalog.registry import untrained
from mtbkd_core.config.choices import Algorithm, Device, Schedule, StudentKind
from mtbkd_core.figures.live import draw_traces
from mtbkd_core.runs.folder import State
from mtbkd_core.students.cnn import ConvolutionalStudent
from mtbkd_core.studies.batching import suggest_batch_size
from pages.ui import (
    charts,
    chosen_run,
    headline,
    link,
    live,
    run_words,
    setting_widgets,
    task_loading,
    task_words,
)
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import RUNS
from pages.ui.jobs.launch import cancel, cancel_button, launch

KINDS = {StudentKind.LINEAR: "Linear", StudentKind.MLP: "MLP", StudentKind.CNN: "CNN"}
SAMPLERS = {Algorithm.BAOAB: "BAOAB", Algorithm.SGLD: "SGLD", Algorithm.MCLMC: "MCLMC", Algorithm.HMC: "HMC"}
SCHEDULES = {Schedule.CONSTANT: "Constant", Schedule.DECAYING: "Decaying"}
DEVICES = {Device.AUTO: "Auto", Device.CPU: "CPU", Device.CUDA: "GPU"}


def distill() -> None:
    launch(RUNS, link.draft(), link.choose_run)


def suggest(config: RunConfig) -> None:
    if st.button(
        "Suggest a batch size",
        icon=":material/timer:",
        type="tertiary",
        help="Time one gradient of all examples and of a few minibatches on this machine, and set the batch size. It "
        "becomes part of the settings, so the run stays reproducible.",
    ):
        try:
            if untrained(config.data.task, config.data.teachers):
                raise UserError("The teachers are not trained yet; the page Teachers shows how far they are.")
            found = suggest_batch_size(config, task_loading.load(config))
        except UserError as error:
            st.error(str(error), icon=":material/error:")
            return
        if link.change([("sampler.batch_size", found.batch_size)]):
            st.session_state.suggested = (link.draft(), found.reason)
        st.rerun()
    chosen, reason = st.session_state.get("suggested", (None, ""))
    if chosen == config:
        st.caption(reason)


def summary(config: RunConfig) -> str:
    student, sampler, silent = config.student, config.sampler, config.n_unlabelled_used
    described = {
        StudentKind.LINEAR: "A linear student",
        StudentKind.MLP: f"An MLP student with {' and '.join(map(str, student.hidden))} hidden units",
        StudentKind.CNN: f"A convolutional student with {' and '.join(map(str, student.channels))} channels",
    }
    return (
        f"{described[student.kind]} learns "
        f"**{task_words.info(config).title}** from **{', '.join(task_words.titles(config))}**; "
        f"{sampler.chains} chains, {sampler.draws} draws each, sampled by {SAMPLERS[sampler.algorithm]}."
        + (f" Of {silent:,} {task_words.item(config)}s without labels the teachers alone speak." if silent else "")
    )


def draw_first_map(config: RunConfig, shape: tuple[int, int] | None) -> None:
    """The control, and what the map is then."""
    most = 64 if shape is None else min(64, *shape)
    setting_widgets.number("student.first_map", "First map", 2, most, 1, unit="pixels")
    if shape is not None and config.student.first_map <= most:
        (height, width), (rows, columns) = shape, ConvolutionalStudent.of(config.student, shape, 2).maps[0]
        st.caption(f"{height} x {width} pictures: a map of {rows} x {columns}")


def draw_settings(config: RunConfig) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        kinds = [kind for kind in KINDS if kind is not StudentKind.CNN or task_words.info(config).image_shape]
        # one that does not fit comes from a link; it is shown, and the run says why it cannot be
        offered = kinds if config.student.kind in kinds else [*kinds, config.student.kind]
        setting_widgets.choice("student.kind", "Student", offered, KINDS)
    with right:
        setting_widgets.slider("sampler.chains", "Chains", 4, 64, 4)
    with st.expander("Advanced", icon=":material/settings:"):
        student, sampler, machine = st.columns(3, gap="large")
        with student:
            st.markdown("**Student**")
            if config.student.kind is StudentKind.MLP:
                setting_widgets.text("student.hidden", "Hidden widths", "32, 32")
            if config.student.kind is StudentKind.CNN:
                setting_widgets.text("student.channels", "Channels", "8, 16")
                draw_first_map(config, task_words.info(config).image_shape)
            setting_widgets.number("student.weight_scale", "Weight scale", 0.01, 100.0, 0.05)
            setting_widgets.number("sampler.warm_start_steps", "Warm start", 0, 100_000, 50, unit="steps")
            setting_widgets.text("sampler.warm_start_batch_size", "Warm start's batch size", "as the sampler's")
            setting_widgets.number("sampler.burn_in", "Burn-in", 0, 1_000_000, 50, unit="steps")
        with sampler:
            st.markdown("**Sampler**")
            setting_widgets.choice("sampler.algorithm", "Algorithm", list(Algorithm), SAMPLERS)
            setting_widgets.number("sampler.draws", "Draws per chain", 4, 5000, 50)
            setting_widgets.number("sampler.thinning", "Thinning", 1, 1000, 1, unit="steps per draw")
            setting_widgets.text("sampler.step_size", "Step size", "tuned")
            if config.sampler.algorithm is Algorithm.SGLD:
                setting_widgets.choice("sampler.schedule", "Schedule", list(Schedule), SCHEDULES)
            if config.sampler.algorithm in (Algorithm.BAOAB, Algorithm.MCLMC):
                setting_widgets.number("sampler.friction", "Friction", 0.01, 1000.0, 0.05)
            if config.sampler.algorithm is Algorithm.HMC:
                setting_widgets.number("sampler.leapfrog_steps", "Leapfrog steps", 1, 1000, 1)
            if "sampler.batch_size" in config.sampler.algorithm.uses:
                setting_widgets.text("sampler.batch_size", "Batch size", "all examples")
                suggest(config)
            setting_widgets.number("sampler.temperature", "Posterior temperature", 0.01, 100.0, 0.1)
            if config.sampler.algorithm is not Algorithm.HMC:
                setting_widgets.switch("sampler.bias_check", "Check for bias")
        with machine:
            st.markdown("**Machine and chance**")
            setting_widgets.choice("device", "Device", list(Device), DEVICES)
            setting_widgets.number("seed", "Seed", 0, 2**31 - 1)
            setting_widgets.number("data.split_seed", "Split seed", 0, 2**31 - 1)


def draw_run(run: str) -> None:
    view = follow.read(RUNS, run)
    if view is None:
        return
    st.subheader("This run", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.caption(f"{run_words.describe(view.config)} · {view.id}", width="stretch")
        if not view.finished:
            cancel_button(RUNS, view)
    if not view.finished:
        live.watch(view)
        return
    if view.state is not State.DONE:
        follow.ending(RUNS, view, link.choose_run)
        return
    if view.config != link.draft():
        st.button(
            "Use its settings",
            icon=":material/replay:",
            help="Put this run's settings into the draft.",
            on_click=chosen_run.use_settings,
            args=(view,),
            type="tertiary",
        )
    try:
        result = chosen_run.result(view)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    headline.draw(result)
    headline.links()
    if view.reason:
        st.caption(f":material/info: {run_words.sentence(view.reason)}")
    st.caption(chosen_run.how_it_went(result))
    chosen_run.say_bias(result)
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


def draw_queue(chosen: str | None) -> None:
    others = [view for view in chosen_run.all_runs() if not view.finished and view.id != chosen]
    if not others:
        return
    st.subheader("Also under way", anchor=False)
    for view in others:
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            _, icon, _ = run_words.STATES[view.state]
            st.markdown(f"{icon} {view.state.value.capitalize()}: {run_words.describe(view.config)}", width="stretch")
            st.button("Show", key=f"show:{view.id}", help="Watch this run.", on_click=link.choose_run, args=(view.id,))
            st.button("Cancel", key=f"cancel:{view.id}", help="Stop this run.", on_click=cancel, args=(RUNS, view.id))


config = link.draft()
draw_settings(config)
st.space("small")
with st.container(horizontal=True, vertical_alignment="center", gap="medium", wrap=False):
    st.button(
        "Distill",
        type="primary",
        icon=":material/play_arrow:",
        help="Run these settings. A run with the same settings is found, not computed twice.",
        on_click=distill,
    )
    st.caption(summary(config), width="stretch")
st.space("small")
if st.session_state.run:
    draw_run(st.session_state.run)
else:
    st.info("Nothing has run yet. Press Distill, and watch the chains as they explore.", icon=":material/science:")
draw_queue(st.session_state.run)
