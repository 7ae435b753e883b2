"""Distill: the student and the sampler, the launch, and the run as it happens."""

import streamlit as st

from mtbkd_core import RunConfig, UserError, default_config
from mtbkd_core.catalog.registry import untrained
from mtbkd_core.config.choices import FeatureKind, StudentKind
from mtbkd_core.config.models import GOOD_PRECISION, LABELS
from mtbkd_core.config.parse import settings, value_of
from mtbkd_core.strength import MOST_SECONDS
from mtbkd_core.students.cnn import ConvolutionalStudent
from mtbkd_core.studies.batching import suggest_batch_size
from pages.setup.distill import run
from pages.ui import charts, link, setting_widgets, setting_words, task_words
from pages.ui.jobs import task_loading
from pages.ui.jobs.kinds import RUNS
from pages.ui.jobs.launch import launch
from pages.ui.words import plain


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
            st.error(plain(error), icon=":material/error:")
            return
        if link.change([("sampler.batch_size", found.batch_size)]):
            st.session_state.suggested = (link.draft(), found.reason)
        st.rerun()
    chosen, reason = st.session_state.get("suggested", (None, ""))
    if chosen == config:
        st.caption(reason)


def summary(config: RunConfig) -> str:
    """The student, its teachers and the sampler in a sentence."""
    sampler, unlabelled = config.sampler, config.n_unlabelled_used
    details = [config.student.kind.title]
    for name in sorted(config.student.kind.uses):
        value = value_of(config, name)
        shown = " and ".join(map(str, value)) if isinstance(value, tuple) else value
        details.append(f"{settings()[name].title.lower()}: {shown}")
    if config.student.features_used is not FeatureKind.NONE:
        details.append(f"on {config.student.n_features} features: {config.student.features.title.lower()}")
    teachers = ", ".join(map(plain, task_words.titles_by_name(config).values()))
    line = (
        f"The student ({'; '.join(details)}) learns **{plain(task_words.info(config).title)}** from **{teachers}**; "
        f"{sampler.chains} chains of {sampler.draws} draws each, sampled by {sampler.algorithm.title}."
    )
    if unlabelled:
        item = task_words.item(config)
        line += f" From {unlabelled:,} unlabelled {item}s it learns what the teachers predict."
    return line


def draw_first_map(config: RunConfig) -> None:
    """The control, and the size of the map that follows."""
    name, shape = "student.first_map", task_words.info(config).image_shape
    most = int(settings()[name].high) if shape is None else min(int(settings()[name].high), *shape)
    setting_widgets.control(name, high=most)
    if name in config.student.kind.uses and shape is not None and config.student.first_map <= most:
        (height, width), (rows, columns) = shape, ConvolutionalStudent.of(config.student, shape, 2).maps[0]
        st.caption(f"{height} x {width} pictures: a map of {rows} x {columns}")


def draw_end(config: RunConfig) -> None:
    """Whether a number of draws ends the sampling or a precision; of a precision also the number, and a budget."""
    draws, precise = "After its draws", f"At precision {GOOD_PRECISION:g}"
    key = setting_widgets.seeded("end", draws if config.sampler.until is None else precise)

    def take() -> None:
        link.change([("sampler.until", GOOD_PRECISION if st.session_state[key] == precise else None)])

    st.segmented_control(
        "Sampling ends",
        [draws, precise],
        required=True,
        wrap=True,
        key=key,
        help="Equal numbers of draws give equal results again. Or it goes on until the sampler's error is small enough "
        f"(a total variation of {GOOD_PRECISION:g}, unless you set another) or a budget is spent.",
        on_change=take,
    )
    if config.sampler.until is not None:
        with st.container(horizontal=True, gap="medium"):
            setting_widgets.text("sampler.until", placeholder=f"{GOOD_PRECISION:g}")
            setting_widgets.text("sampler.budget_seconds")


def draw_strength(config: RunConfig) -> None:
    """Whether teachers count as much as is set, or as the run finds by cross-validation before it samples."""
    usual = default_config(config.data.task).prior.labels
    as_set = f"{usual if config.prior.strength is None else config.prior.labels:.3g} labels"
    chosen = "From the data"
    key = setting_widgets.seeded("worth", chosen if config.prior.strength is None else as_set)

    def take() -> None:
        auto = st.session_state[key] == chosen
        link.change([("prior.strength", "auto") if auto else (LABELS, usual)])

    st.segmented_control(
        "Teachers count for",
        [as_set, chosen],
        required=True,
        wrap=True,
        key=key,
        help="What one statement of a teacher is worth, set on the page Prior. Or the run first scores several numbers "
        f"on held-out labels: that takes up to {MOST_SECONDS:.0f} s of one processor more, and is right only where no "
        "teacher was trained on the student's labels.",
        on_change=take,
    )


def draw_settings(config: RunConfig) -> None:
    left, middle, right = st.columns(3, gap="large")
    pictures = task_words.info(config).image_shape is not None
    with left:
        # a kind that does not fit comes from a link; it is shown, and the run says why it cannot be
        kinds = [kind for kind in StudentKind if pictures or not kind.needs_pictures or kind is config.student.kind]
        setting_widgets.choice("student.kind", options=kinds)
    with middle:
        features = [
            each for each in FeatureKind if pictures or not each.needs_pictures or each is config.student.features
        ]
        setting_widgets.control("student.features", options=features)
        draw_strength(config)
    with right:
        setting_widgets.slider("sampler.chains")
        draw_end(config)
    with st.expander("Advanced", icon=":material/settings:"):
        student, sampler, machine = st.columns(3, gap="large")
        with student:
            st.markdown("**Student**")
            setting_widgets.control("student.n_features")
            setting_widgets.control("student.hidden")
            setting_widgets.control("student.channels")
            draw_first_map(config)
            for name in ("student.weight_scale", "sampler.warm_start_steps", "sampler.warm_start_batch_size"):
                setting_widgets.control(name)
            setting_widgets.control("sampler.burn_in")
        with sampler:
            st.markdown("**Sampler**")
            for name in (
                "algorithm",
                *(("draws", "budget_seconds") if config.sampler.until is None else ()),
                "budget_gradients",
                "thinning",
                "preconditioner",
                "step_size",
                "schedule",
                "friction",
                "leapfrog_steps",
            ):
                setting_widgets.control(f"sampler.{name}")
            if "sampler.batch_size" in config.sampler.algorithm.uses:
                setting_widgets.control("sampler.batch_size")
                suggest(config)
            setting_widgets.control("sampler.temperature")
            setting_widgets.control("sampler.bias_check")
        with machine:
            st.markdown("**Device and seeds**")
            for name in ("device", "seed", "data.split_seed"):
                setting_widgets.control(name)


config = link.draft()
with st.container(horizontal=True, vertical_alignment="center", gap="medium", wrap=False):
    st.button(
        "Distill",
        type="primary",
        icon=":material/play_arrow:",
        help="Run these settings. A run with the same settings is found, not computed twice.",
        on_click=distill,
    )
    for preset, changes in task_words.info(config).presets.items():
        st.button(
            f"{preset.capitalize()} settings",
            key=f"preset:{preset}",
            type="tertiary",
            help="Slower, with smaller errors: "
            + ", ".join(f"{settings()[name].title.lower()} {value}" for name, value in changes.items())
            + ".",
            on_click=link.change,
            args=(tuple(changes.items()),),
        )
    title, differs = plain(task_words.info(config).title), plain(setting_words.describe(config, most=None))
    st.caption(f"**{title}** · {differs}", help=summary(config), width="stretch")
if not st.session_state.run:
    st.caption("There is no run of yours yet. Press Distill, and watch the chains explore.")
with charts.more("student and sampler"):
    draw_settings(config)
if st.session_state.run:
    run.draw(st.session_state.run)
else:
    run.draw_example()
run.draw_queue(st.session_state.run)
