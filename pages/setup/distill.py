"""Distill: the student and the sampler, the launch, and the run as it happens."""

import pandas as pd
import streamlit as st

from mtbkd_core import RunConfig, UserError
from mtbkd_core.batching import suggest_batch_size
from mtbkd_core.config import FULL_BATCH, Algorithm, Device, Schedule, StudentKind
from mtbkd_core.figures.live import draw_traces
from mtbkd_core.runs import store
from mtbkd_core.runs.store import State
from mtbkd_core.student_cnn import ConvolutionalStudent
from mtbkd_core.tasks import untrained
from pages.shared import charts, controls, engine, headline, link, live, progress, runs, tasks

KINDS = {StudentKind.LINEAR: "Linear", StudentKind.MLP: "MLP", StudentKind.CNN: "CNN"}
SAMPLERS = {Algorithm.BAOAB: "BAOAB", Algorithm.SGLD: "SGLD", Algorithm.MCLMC: "MCLMC", Algorithm.HMC: "HMC"}
SCHEDULES = {Schedule.CONSTANT: "Constant", Schedule.DECAYING: "Decaying"}
DEVICES = {Device.AUTO: "Auto", Device.CPU: "CPU", Device.CUDA: "GPU"}


def launch() -> None:
    try:
        link.choose_run(engine.submit(link.draft()).id)
    except UserError as error:
        st.session_state.notice = str(error)


def suggest(config: RunConfig) -> None:
    if st.button(
        "Suggest a batch size",
        icon=":material/timer:",
        type="tertiary",
        help="Time one gradient of all examples and of a few minibatches on this machine, and set the batch size. It "
        "becomes part of the settings, so the run stays reproducible.",
    ):
        try:
            if untrained(config.task, config.teachers):
                raise UserError("The teachers are not trained yet; the page Teachers shows how far they are.")
            found = suggest_batch_size(config, tasks.load(config))
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
    student, sampler, silent = config.student, config.sampler, config.n_heard
    described = {
        StudentKind.LINEAR: "A linear student",
        StudentKind.MLP: f"An MLP student with {' and '.join(map(str, student.hidden))} hidden units",
        StudentKind.CNN: f"A convolutional student with {' and '.join(map(str, student.channels))} channels",
    }
    return (
        f"{described[student.kind]} learns "
        f"**{tasks.info(config).title}** from **{', '.join(tasks.titles(config))}**; "
        f"{sampler.chains} chains, {sampler.draws} draws each, sampled by {SAMPLERS[sampler.algorithm]}."
        + (f" Of {silent:,} {tasks.item(config)}s without labels the teachers alone speak." if silent else "")
    )


def draw_first_map(config: RunConfig, shape: tuple[int, int] | None) -> None:
    """The control, and what the map is then."""
    most = 64 if shape is None else min(64, *shape)
    controls.number("student.first_map", "First map", 2, most, 1, unit="pixels")
    if shape is not None and config.student.first_map <= most:
        (height, width), (rows, columns) = shape, ConvolutionalStudent.of(config.student, shape, 2).maps[0]
        st.caption(f"{height} x {width} pictures: a map of {rows} x {columns}")


def draw_settings(config: RunConfig) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        kinds = [kind for kind in KINDS if kind is not StudentKind.CNN or tasks.info(config).image_shape]
        # one that does not fit comes from a link; it is shown, and the run says why it cannot be
        offered = kinds if config.student.kind in kinds else [*kinds, config.student.kind]
        controls.choice("student.kind", "Student", offered, KINDS)
    with right:
        controls.slider("sampler.chains", "Chains", 4, 64, 4)
    with st.expander("Advanced", icon=":material/settings:"):
        student, sampler, machine = st.columns(3, gap="large")
        with student:
            st.markdown("**Student**")
            if config.student.kind is StudentKind.MLP:
                controls.text("student.hidden", "Hidden widths", "32, 32")
            if config.student.kind is StudentKind.CNN:
                controls.text("student.channels", "Channels", "8, 16")
                draw_first_map(config, tasks.info(config).image_shape)
            controls.number("student.weight_scale", "Weight scale", 0.01, 100.0, 0.05)
            controls.number("sampler.warm_start_steps", "Warm start", 0, 100_000, 50, unit="steps")
            controls.text("sampler.warm_start_batch_size", "Warm start's batch size", "as the sampler's")
            controls.number("sampler.burn_in", "Burn-in", 0, 1_000_000, 50, unit="steps")
        with sampler:
            st.markdown("**Sampler**")
            controls.choice("sampler.algorithm", "Algorithm", list(Algorithm), SAMPLERS)
            controls.number("sampler.draws", "Draws per chain", 4, 5000, 50)
            controls.number("sampler.thinning", "Thinning", 1, 1000, 1, unit="steps per draw")
            controls.text("sampler.step_size", "Step size", "tuned")
            if config.sampler.algorithm is Algorithm.SGLD:
                controls.choice("sampler.schedule", "Schedule", list(Schedule), SCHEDULES)
            if config.sampler.algorithm in (Algorithm.BAOAB, Algorithm.MCLMC):
                controls.number("sampler.friction", "Friction", 0.01, 1000.0, 0.05)
            if config.sampler.algorithm is Algorithm.HMC:
                controls.number("sampler.leapfrog_steps", "Leapfrog steps", 1, 1000, 1)
            if config.sampler.algorithm not in FULL_BATCH:
                controls.text("sampler.batch_size", "Batch size", "all examples")
                suggest(config)
            controls.number("sampler.temperature", "Posterior temperature", 0.01, 100.0, 0.1)
            if config.sampler.algorithm is not Algorithm.HMC:
                controls.switch("sampler.bias_check", "Check for bias")
        with machine:
            st.markdown("**Machine and chance**")
            controls.choice("device", "Device", list(Device), DEVICES)
            controls.number("seed", "Seed", 0, 2**31 - 1)
            controls.number("split_seed", "Split seed", 0, 2**31 - 1)


def draw_run(run: str) -> None:
    try:
        view = store.read(run)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.subheader("This run", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.caption(f"{runs.describe(view.config)} · {view.id}", width="stretch")
        if not view.finished:
            progress.cancel_button(view)
    if not view.finished:
        live.watch(view)
        return
    if view.state is not State.DONE:
        progress.ending(view)
        return
    if view.config != link.draft():
        st.button(
            "Use its settings",
            icon=":material/replay:",
            help="Put this run's settings into the draft.",
            on_click=runs.use_settings,
            args=(view,),
            type="tertiary",
        )
    try:
        result = runs.result(view)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    headline.draw(result)
    headline.links()
    if view.reason:
        st.caption(f":material/info: {runs.sentence(view.reason)}")
    st.caption(runs.how_it_went(result))
    runs.say_bias(result)
    traces = result.predictions["trace.log_joint"].float().numpy()
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
    others = [view for view in runs.all_runs() if not view.finished and view.id != chosen]
    if not others:
        return
    st.subheader("Also under way", anchor=False)
    for view in others:
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            _, icon, _ = runs.STATES[view.state]
            st.markdown(f"{icon} {view.state.value.capitalize()}: {runs.describe(view.config)}", width="stretch")
            st.button("Show", key=f"show:{view.id}", help="Watch this run.", on_click=link.choose_run, args=(view.id,))
            st.button(
                "Cancel", key=f"cancel:{view.id}", help="Stop this run.", on_click=progress.cancel, args=(view.id,)
            )


config = link.draft()
draw_settings(config)
st.space("small")
with st.container(horizontal=True, vertical_alignment="center", gap="medium", wrap=False):
    st.button(
        "Distill",
        type="primary",
        icon=":material/play_arrow:",
        help="Run these settings. A run with the same settings is found, not computed twice.",
        on_click=launch,
    )
    st.caption(summary(config), width="stretch")
st.space("small")
if st.session_state.run:
    draw_run(st.session_state.run)
else:
    st.info("Nothing has run yet. Press Distill, and watch the chains as they explore.", icon=":material/science:")
draw_queue(st.session_state.run)
