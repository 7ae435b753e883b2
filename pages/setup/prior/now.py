"""What the chosen run's student would say under the draft's prior: its draws, reweighted; nothing is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from mtbkd_core import RunConfig, Task
from mtbkd_core.evaluation.diagnostics import chains_agree
from mtbkd_core.evaluation.errors import Difference
from mtbkd_core.evaluation.reweighting import Reweighted, Trust, Weights
from mtbkd_core.evaluation.score_text import plain_interval
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.figures.change import draw_two_answers
from mtbkd_core.studies.decision_maps import DecisionPlane
from mtbkd_core.studies.reweighting import DrawnStudents, can_be_reweighted, change_of_epistemic, score_differences
from pages.ui import charts, chosen_run, examples, headline, link, paired_maps
from pages.ui.chosen_run import Chosen
from pages.ui.jobs.kinds import RUNS
from pages.ui.jobs.launch import launch

_HELP = (
    "The draws of the chosen run, reweighted by what the change of the prior makes of their log joint: no student is "
    "sampled anew. It holds for the run's data, teachers and student. **Pareto k** says whether these draws can tell: "
    "below 0.5 they can, above 0.7 they cannot (Vehtari et al., 2024)."
)
_LIGHTS = {
    Trust.RELIABLE: ("green", ":material/check_circle:", "the draws can tell"),
    Trust.ROUGH: ("orange", ":material/error:", "roughly"),
    Trust.UNRELIABLE: ("red", ":material/block:", "too far from this run: its draws cannot tell"),
}


@dataclass(frozen=True)
class _Reweighted:
    """What the students say under another prior, and how that differs from the run."""

    weights: Weights
    said: Reweighted
    scores: dict[str, Difference]
    epistemic: Difference


@dataclass(frozen=True)
class Answer:
    """What a run's students say under the draft's prior; `moved`: whether that is another one than the run's."""

    chosen: Chosen
    drawn: DrawnStudents
    found: _Reweighted
    moved: bool


@st.cache_resource(show_spinner="Asking the run's draws…", max_entries=2)
def _drawn(version: str, _chosen: Chosen, _task: Task) -> DrawnStudents:
    return DrawnStudents.of(_chosen.result, _task)


@st.cache_resource(show_spinner=False, max_entries=16)
def _answer(version: str, prior: str, _drawn: DrawnStudents, _config: RunConfig) -> _Reweighted:
    weights = _drawn.weights(_config.prior)
    said = weights.of(_drawn.on_test)
    return _Reweighted(weights, said, score_differences(said, _drawn.task.y_test), change_of_epistemic(said))


@st.cache_resource(show_spinner=False, max_entries=2)
def _on_plane(version: str, _drawn: DrawnStudents, _seen: DecisionPlane) -> Any:
    return _drawn.said(_seen.plane.inputs)


def draw(config: RunConfig, task: Task) -> Answer | None:
    """The light and the button. None where no finished run is on the draft's task, or its draws cannot tell."""
    chosen = chosen_run.finished()
    if chosen is None or chosen.view.config.data.task != config.data.task:
        return None
    line = st.container(horizontal=True, vertical_alignment="center", gap="small")
    line.markdown("**What the student would say now**", help=_HELP, width="content")
    if not can_be_reweighted(chosen.view.config, config) or not chosen.result.has_labels_of(task):
        st.caption(
            "The strength is still to be chosen from the data."
            if config.prior.strength is None
            else "The chosen run learned from other data or teachers, so its draws say nothing of these settings."
        )
        _draw_button(chosen, Trust.UNRELIABLE)
        return None
    drawn = _drawn(chosen.version, chosen, task)
    found = _answer(chosen.version, config.prior.model_dump_json(), drawn, config)
    (pareto_k,) = found.weights.pareto_k
    trust = Trust.of(pareto_k)
    colour, icon, word = _LIGHTS[trust]
    if trust is Trust.RELIABLE and not chains_agree(chosen.result.metrics.diagnostics.worst):
        colour, icon, word = "orange", ":material/error:", "but this run's chains disagree, so a new run may differ"
    with line:
        st.markdown(f":{colour}-badge[{icon} Pareto k {pareto_k:.2f}: {word}]", width="content")
        _draw_button(chosen, trust)
    if trust is Trust.UNRELIABLE:
        return None
    return Answer(chosen, drawn, found, config.prior != chosen.result.config.prior)


def _draw_button(chosen: Chosen, trust: Trust) -> None:
    """Sample a run under the draft; this one is pinned as before."""

    def show(run: str) -> None:
        link.pin(chosen.view.id)
        link.choose_run(run)
        st.session_state.to_distill = True

    st.button(
        "Sample it",
        icon=":material/play_arrow:",
        type="primary" if trust is Trust.UNRELIABLE else "tertiary",
        help="Distill these settings. The chosen run stays pinned as before, so that both stand side by side.",
        on_click=lambda: launch(RUNS, link.draft(), show),
    )


def draw_scores(answer: Answer) -> None:
    """The scores now, and their changes; without a change where the settings are the run's own."""
    run, found = answer.chosen.result.metrics.student, answer.found
    rows = ["| Student | Now | Change |", "|---|---|---|"]
    for name, change in (found.scores | {"epistemic": found.epistemic}).items():
        score, value = SCORES[name], run[name]
        now = None if value is None or change.difference is None else value + change.difference
        rows.append(f"| {score.short} | {score.text(now)} | {_change(name, change) if answer.moved else '–'} |")
    st.markdown("\n".join(rows))
    (effective,) = found.weights.effective
    st.caption(
        "Grey: no clear change."
        if answer.moved
        else "These are the chosen run's settings. Move a control to see what changes.",
        help="On the test examples. Changes from the chosen run with 95 % intervals, shares in points, NLL and "
        "epistemic uncertainty in nats. "
        f"The weighted draws are worth {effective:.0f} of {found.weights.values[0].numel()}.",
    )


def _change(name: str, found: Difference) -> str:
    """A change in the colour of what it says; of the epistemic uncertainty neither way is better."""
    if found.difference == found.low == found.high == 0:
        return ":gray[none]"
    if SCORES[name].higher_is_better is not None:
        return headline.shaded(name, found)
    text = plain_interval(name, found)
    return text if found.is_clear else f":gray[{text}]"


def draw_maps(answer: Answer, seen: DecisionPlane) -> None:
    """The student's predictions on a plane now, and where they moved."""
    said = answer.found.weights.of(_on_plane(answer.chosen.version, answer.drawn, seen))
    before, now = seen.said(said.own), seen.said(said.means[0])
    left, right = st.columns(2, gap="medium")
    with left:
        paired_maps.show_predictions(
            seen, now, "Its predictions now", "Faint: it is undecided. Nothing was sampled for this map.", key="now-map"
        )
    with right:
        paired_maps.show_moved(seen, before, now, paired_maps.PREDICTIONS, key="now-moved")


def draw_example(answer: Answer, task: Task) -> None:
    """The probabilities of the chosen example in the run and now."""
    said = answer.found.said
    index, names = examples.chosen(task), list(task.class_names)
    before, now = (each[index, :-1].numpy() for each in (said.own, said.means[0]))
    label = names[int(task.y_test[index])]
    charts.show(
        draw_two_answers(before, now, names, label=label),
        f"Test {examples.item(task)} {index}, before and now",
        "Outline: the run. Filled: under these settings.",
        lambda: pd.DataFrame({"class": names, "run": before, "now": now}),
        key="now-example",
        help=f"Posterior mean probabilities of the chosen {examples.item(task)}.",
    )
