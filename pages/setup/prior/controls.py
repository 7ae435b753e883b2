"""The controls of the prior: a preset, its strength, and how the teachers are weighted."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mtbkd_core import PRESETS, RunConfig, Task, build_config, default_config
from mtbkd_core.catalog.registry import own
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.teachers.temperatures import fit_temperatures
from pages.setup.prior import strength
from pages.ui import link, setting_widgets, task_words
from pages.ui.jobs import task_loading
from pages.ui.words import plain


def draw(config: RunConfig, task: Task) -> None:
    """All controls."""
    titles = list(task_words.titles_by_name(config).values())
    _draw_preset(config)
    with st.container(border=True):
        strength.draw(config, task)
    with st.container(border=True):
        st.markdown("**Weights of the teachers**")
        setting_widgets.choice("prior.rule")
        if "prior.softmin_temperature" in config.prior.rule.uses:
            setting_widgets.slider("prior.softmin_temperature")
        setting_widgets.per_teacher("prior.base_weights", titles)
        setting_widgets.switch("prior.calibrated_teachers")
        if config.prior.calibrated_teachers and (unchanged := _uncalibrated(config.prior, titles)):
            listed = plain(", ".join(unchanged))
            st.caption(f"Calibration changes nothing at an entropy temperature of 1: {listed}.")
        with st.expander("Entropy temperatures"):
            if config.prior.uses_entropy_temperatures:
                setting_widgets.per_teacher("prior.entropy_temperatures", titles)
                _draw_fit(titles)
            else:
                st.caption("Fixed weights do not depend on entropies: without calibration, these change nothing.")


def _prior_of(preset: str, config: RunConfig) -> PriorConfig:
    """A preset's prior for the task and teachers of a configuration."""
    return build_config([("data.teachers", config.data.teachers)], base=default_config(config.data.task, preset)).prior


def _draw_preset(config: RunConfig) -> None:
    present = next((name for name in PRESETS if _prior_of(name, config) == config.prior), None)
    if st.session_state.get("set:preset") != present:
        st.session_state["set:preset"] = present
    start = (
        "general values for a task of your own, not tuned on its data"
        if config.data.task in own()
        else "values that were chosen for this task, on validation data and so that chains agree"
    )
    st.segmented_control(
        "Preset",
        list(PRESETS),
        format_func=str.capitalize,
        key="set:preset",
        help=f"Default: {start}. Paper: the values of the authors' published code, a strength of 0.02, a concentration "
        "of 5, a temperature of 2, and no calibration; rule and base weights stay the task's. Once a setting differs, "
        "no preset is selected.",
        on_change=_take_preset,
    )


def _take_preset() -> None:
    if name := st.session_state["set:preset"]:
        draft = link.draft()
        link.replace(draft.model_copy(update={"prior": _prior_of(name, draft)}))


def _uncalibrated(prior: PriorConfig, titles: Sequence[str]) -> list[str]:
    """The teachers that a calibration does not change."""
    values = prior.entropy_temperatures or [1.0 for _ in titles]
    return [title for title, value in zip(titles, values, strict=True) if value == 1]


def _draw_fit(titles: Sequence[str]) -> None:
    st.button(
        "Fit on the labelled data",
        icon=":material/tune:",
        help="Set each teacher's entropy temperature by temperature scaling: the one at which its probabilities have "
        "the lowest NLL on the student's labelled training set. Entropies of differently calibrated teachers become "
        "comparable, and with the switch above the teachers themselves are calibrated. Do not fit teachers that were "
        "trained on these labels: they are right more often on them than on other examples. The test set is not used.",
        on_click=_take_fit,
    )
    at_limit = st.session_state.pop("fitted_at_limit", ())
    if beyond := [title for title, hit in zip(titles, at_limit, strict=False) if hit]:
        st.warning(
            f"{plain(', '.join(beyond))}: the fit ended at the largest or smallest allowed value; the NLL is lower "
            "still beyond it.",
            icon=":material/warning:",
        )


def _take_fit() -> None:
    config = link.draft()
    task = task_loading.load(config)
    found = fit_temperatures(task.teacher_logits(config.data.teachers), task.y_train)
    if link.change([("prior.entropy_temperatures", found.values)]):
        st.session_state.fitted_at_limit = found.at_limit
