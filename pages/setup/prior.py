"""Prior: how the teachers are mixed; every control is answered at once, without training."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st
import torch

from mtbkd_core import PRESETS, RunConfig, Task, build_config, default_config
from mtbkd_core.catalog.registry import own
from mtbkd_core.config.choices import WeightRule
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.evaluation.calibration import fit_temperatures
from mtbkd_core.evaluation.preview import effect, mixture_probabilities
from mtbkd_core.evaluation.prior_density import simplex_density, two_class_density
from mtbkd_core.evaluation.scores import Scores, scores
from mtbkd_core.evaluation.teacher_tables import shares_by_class
from mtbkd_core.figures import simplex, weights
from mtbkd_core.figures.two_classes import draw_two_classes
from mtbkd_core.prior import prior_logits, weights_under
from mtbkd_core.studies.plane_posterior import true_at
from pages.ui import charts, decision_maps, examples, link, navigation, setting_widgets, task_loading, task_words

RULES = {WeightRule.INVERSE_ENTROPY: "Inverse entropy", WeightRule.SOFTMIN: "Softmin", WeightRule.FIXED: "Fixed"}
#: setting -> (title, from, to, logarithmic)
RANGES = {
    "strength": ("Strength (alpha)", 0.0, 2.0, False),
    "concentration": ("Concentration (lambda)", 1.0, 100.0, False),
    "temperature": ("Temperature (T)", 0.5, 10.0, False),
    "softmin_temperature": ("Sharpness (beta), in nats", 0.05, 10.0, True),
}


def most_strength(task: str) -> float:
    """Where the slider ends: at twice what the task starts with, or 2."""
    return max(RANGES["strength"][2], 2 * default_config(task).prior.strength)


def prior_of(preset: str, config: RunConfig) -> PriorConfig:
    """A preset's prior for the task and teachers of a configuration."""
    return build_config([("data.teachers", config.data.teachers)], base=default_config(config.data.task, preset)).prior


def preset_of(config: RunConfig) -> str | None:
    """The preset that a configuration's prior is, if it is one."""
    return next((name for name in PRESETS if prior_of(name, config) == config.prior), None)


def take_preset() -> None:
    if name := st.session_state["set:preset"]:
        draft = link.draft()
        link.replace(draft.model_copy(update={"prior": prior_of(name, draft)}))


def take_fit() -> None:
    config = link.draft()
    task = task_loading.load(config)
    found = fit_temperatures(task.teacher_logits(config.data.teachers), task.y_train)
    if link.change([("prior.entropy_temperatures", found.values)]):
        st.session_state.fitted_at_limit = found.at_limit


def draw_fit(titles: list[str]) -> None:
    st.button(
        "Fit on the labelled data",
        icon=":material/tune:",
        help="Set each teacher's entropy temperature by temperature scaling: the one at which its probabilities have "
        "the lowest NLL on the student's labelled training set. Entropies of differently calibrated teachers become "
        "comparable, and with the switch above the teachers themselves are calibrated. Not for teachers that were "
        "trained on these labels: there they are right more often than elsewhere. Nothing of the test set is used.",
        on_click=take_fit,
    )
    at_limit = st.session_state.pop("fitted_at_limit", ())
    if beyond := [title for title, hit in zip(titles, at_limit, strict=False) if hit]:
        st.warning(
            f"{', '.join(beyond)}: the fit ended at the limit of what the setting allows; the NLL is lower still "
            "beyond it.",
            icon=":material/warning:",
        )


def as_they_come(prior: PriorConfig, titles: list[str]) -> list[str]:
    """Which teachers a calibration leaves as they are."""
    values = prior.entropy_temperatures or (1.0,) * len(titles)
    return [title for title, value in zip(titles, values, strict=True) if value == 1]


def draw_controls(config: RunConfig, titles: list[str]) -> None:
    if st.session_state.get("set:preset") != preset_of(config):
        st.session_state["set:preset"] = preset_of(config)
    start = (
        "what a task of your own starts with; nothing was settled on its data"
        if config.data.task in own()
        else "what was settled on validation data for this task"
    )
    st.segmented_control(
        "Preset",
        list(PRESETS),
        format_func=str.capitalize,
        key="set:preset",
        help=f"Default: {start}. "
        "Paper: what the authors' published code uses, a strength of 0.02, a concentration of 5, a temperature of 2, "
        "and teachers as they come; rule and base weights stay the task's. "
        "Neither is marked once a setting has been changed.",
        on_change=take_preset,
    )
    with st.container(border=True):
        st.markdown("**How hard the prior pulls**")
        setting_widgets.slider("prior.strength", "Strength", 0.0, most_strength(config.data.task), 0.01)
        setting_widgets.slider("prior.concentration", "Concentration", 1.0, 100.0, 1.0)
        setting_widgets.slider("prior.temperature", "Temperature", 0.5, 10.0, 0.1)
    with st.container(border=True):
        st.markdown("**Who counts how much**")
        setting_widgets.choice("prior.rule", "Rule", list(WeightRule), RULES)
        if config.prior.rule is WeightRule.SOFTMIN:
            setting_widgets.slider("prior.softmin_temperature", "Sharpness", 0.05, 10.0, 0.05, unit="nats")
        setting_widgets.per_teacher("prior.base_weights", "Base weight", titles, 0.0, 1.0, 0.05)
        setting_widgets.switch("prior.calibrated_teachers", "Calibrated teachers")
        if config.prior.calibrated_teachers and (plain := as_they_come(config.prior, titles)):
            st.caption(f"With an entropy temperature of 1, so heard as before: {', '.join(plain)}.")
        with st.expander("Entropy temperatures"):
            if config.prior.uses_entropy_temperatures:
                setting_widgets.per_teacher("prior.entropy_temperatures", "Entropy temperature", titles, 0.2, 5.0, 0.1)
                draw_fit(titles)
            else:
                st.caption("Fixed weights look at no entropy: without calibration these temperatures change nothing.")


@st.cache_data(show_spinner=False, max_entries=256)
def prior_alone(fingerprint: str, prior: str, _config: RunConfig, _task: Task) -> tuple[Scores, pd.DataFrame]:
    """Scores and weights of the teachers' mixture; `prior` is what they depend on, so that no other change lags."""
    logits = _task.teacher_logits(_config.data.teachers)
    shares = weights_under(logits, _config.prior)
    teachers = dict(zip(_config.data.teachers, task_words.titles(_config), strict=True))
    return (
        scores(
            mixture_probabilities(prior_logits(logits, _config.prior), shares, _config.prior.temperature), _task.y_train
        ),
        shares_by_class(shares.numpy(), _task.y_train.numpy(), _task.class_names, teachers),
    )


def draw_alone(config: RunConfig, task: Task, teachers: Mapping[str, str], shades: Mapping[str, str]) -> None:
    decisive = config.prior.model_dump_json(exclude={"strength", "concentration"})
    alone, by_class = prior_alone(task.fingerprint_of(config.data.teachers), decisive, config, task)
    item = task_words.item(config)
    about = (
        "Of the weighted mean of the teachers' tempered predictions, sum over k of w_k softmax(z_k / T), where the "
        "logits z_k of calibrated teachers are divided by their entropy temperatures, on the student's "
        f"{len(task.y_train)} labelled {item}s. No student is involved, and no test {item}."
    )
    st.markdown("**What the prior alone predicts**", help=about)
    columns = st.columns(4, gap="small")
    columns[0].metric("Accuracy", f"{alone['accuracy']:.1%}", help="Share of the labelled examples named right.")
    columns[1].metric(
        "NLL (nats)", f"{alone['nll']:.3f}", help="Mean negative log probability of the true class; lower is better."
    )
    columns[2].metric("ECE", f"{alone['ece']:.3f}", help="Expected calibration error over 15 bins; 0 is perfect.")
    pull = config.prior.strength * config.prior.concentration / config.prior.temperature
    columns[3].metric(
        "Pull scale",
        f"{pull:.3g}",
        help="alpha lambda / T, in nats per unit of logit: what a teacher's full disagreement weighs on the student's "
        "logits. A label's weighs 1.",
    )
    charts.show(
        weights.draw_shares_by_class(by_class, shades, y="Mean weight", height=290),
        "Weights by class",
        "Where a teacher's colour is tall, its entropy is low and it counts more. Thin lines: 10th to 90th percentile.",
        lambda: by_class,
        key="weights",
    )


def draw_effect(config: RunConfig, task: Task, teachers: Mapping[str, str], shades: Mapping[str, str]) -> None:
    options = RANGES | {"strength": ("Strength (alpha)", 0.0, most_strength(config.data.task), False)}
    if config.prior.rule is not WeightRule.SOFTMIN:
        del options["softmin_temperature"]
    for index, title in enumerate(teachers.values()):
        options[f"base_weights:{index}"] = (f"Base weight: {title}", 0.05, 1.0, False)
        if config.prior.uses_entropy_temperatures:
            options[f"entropy_temperatures:{index}"] = (f"Entropy temperature: {title}", 0.2, 5.0, False)
    picked = st.selectbox(
        "Effect of",
        list(options),
        format_func=lambda option: options[option][0],
        **link.bound("effect", list(options), "strength"),
        help="The setting that is varied; all others stay as they are.",
    )
    title, low, high, logarithmic = options[picked]
    name, _, which = picked.partition(":")
    value = getattr(config.prior, name)
    now = float((value[int(which)] if value is not None else 1.0) if which else value)
    low, high = low if logarithmic and now <= 0 else min(low, now), max(high, now)
    values = np.geomspace(low, high, 25) if logarithmic else np.linspace(low, high, 25)
    logits = task.teacher_logits(config.data.teachers)
    found = effect(config.prior, logits, task.y_train, name, values.tolist(), int(which) if which else None)
    table = pd.DataFrame(found.teachers.numpy(), columns=list(teachers))
    table.insert(0, "value", values)
    table["label"] = found.label
    charts.show(
        weights.draw_effect(table, teachers, shades, now=now, x=title, logarithmic=logarithmic),
        "How hard an untrained student is pulled",
        "Above the dashed line a teacher outweighs the label. Flat lines: this setting hardly matters here.",
        lambda: table,
        key="effect",
        help="Mean length of each teacher's pull on the logits of a student that gives every class the same "
        "probability, over the labelled examples.",
    )


def draw_example(config: RunConfig, task: Task, teachers: Mapping[str, str], shades: Mapping[str, str]) -> None:
    item = task_words.item(config)
    st.subheader(f"One {item}", anchor=False)
    left, right = st.columns([1, 1.75], gap="large")
    with left:
        index = examples.chooser(task)
        examples.show(task, index, size=144)
        if seen := decision_maps.sight(task):
            decision_maps.show_weights(seen, config, key="weight-map")
    logits = task.teacher_logits(config.data.teachers, "test")[:, index : index + 1]
    shares = weights_under(logits, config.prior)
    says = prior_logits(logits, config.prior)
    mixed = mixture_probabilities(says, shares, config.prior.temperature)[0]
    exact = len(mixed) == 3
    top = torch.arange(len(mixed)) if len(mixed) <= 3 else mixed.argsort(descending=True)[:3]
    classes = [task.class_names[int(which)] for which in top]
    targets = (says[:, 0] / config.prior.temperature).softmax(-1)[:, top].double().numpy()
    numbers = shares[:, 0].tolist()
    with right if seen else left:
        charts.show(
            weights.draw_shares_of_one(numbers, None, teachers, shades),
            f"Weights at this {item}",
            "Who the prior listens to here.",
            lambda: pd.DataFrame({"teacher": list(teachers.values()), "weight": numbers}),
            key="weights-here",
        )
    true = true_at(task, index, config.prior.temperature)
    if len(mixed) == 2:
        with right:
            draw_line(targets, numbers, classes, config, teachers, shades)
        return
    with right:
        grid = simplex_density(targets, shares[:, 0].double().numpy(), config.prior.concentration, points=45)
        charts.show(
            simplex.draw_simplex(
                grid, classes, teachers, shades, numbers, truth=None if true is None else true.numpy()
            ),
            f"The mixture prior among classes {', '.join(classes[:-1])} and {classes[-1]}",
            "Shaded: where the prior wants the student. Point: a teacher's mode. Outline: half its peak."
            + (" Star: the truth." if seen else ""),
            lambda: pd.DataFrame(
                {"teacher": list(teachers.values()), "weight": numbers}
                | {f"mode, class {label}": grid.modes[:, place] for place, label in enumerate(classes)}
            ),
            key="simplex",
            help="Every triple of probabilities is a point of the triangle, so this is the whole prior. The shading is "
            "on a square-root scale."
            if exact
            else "The three classes that the weighted mixture finds most probable, and their shares among themselves. "
            "For a Dirichlet over all classes these shares are again Dirichlet, with the same three parameters "
            "1 + lambda t, and independent of what the other classes have together; so the mixture keeps its weights. "
            "The shading is on a square-root scale.",
        )


def draw_line(
    targets: np.ndarray,
    numbers: list[float],
    classes: list[str],
    config: RunConfig,
    teachers: Mapping[str, str],
    shades: Mapping[str, str],
) -> None:
    """The mixture prior of two classes; `targets` [K, 2] are the teachers' tempered probabilities."""
    settings = {"concentration": config.prior.concentration, "strength": 1.0}
    table = two_class_density(targets[:, 0].tolist(), numbers, **settings, seen=(0, 0)).drop(columns="posterior")
    charts.show(
        draw_two_classes(table, list(teachers.values()), [shades[name] for name in teachers]),
        f"The mixture prior between {classes[0]} and {classes[1]}",
        f"Where the prior wants the student: to the right lies {classes[0]}.",
        lambda: table,
        key="line",
        help="Density of the student's tempered probability of this class. Filled: each teacher's part. Dashed: the "
        "mixture.",
    )


@st.fragment
def page() -> None:
    config = link.draft()
    link.write_link()
    link.show_notices()
    with st.container():  # its progress bar, at a first load, must not move what comes after it
        task = task_loading.load(config)
    teachers = dict(zip(config.data.teachers, task_words.titles(config), strict=True))
    shades = task_words.colours(config)
    left, right = st.columns([1, 1.75], gap="large")
    with left:
        draw_controls(config, list(teachers.values()))
    with right:
        draw_alone(config, task, teachers, shades)
        draw_effect(config, task, teachers, shades)
    draw_example(config, task, teachers, shades)


page()
st.space("small")
navigation.link("distill", "Next: distill")
