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
from pages.ui import charts, chosen_run, decision_maps, examples, headline, link, paired_maps, run_words
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
class _Answer:
    """What the students say under another prior, and how that differs from the run."""

    weights: Weights
    said: Reweighted
    scores: dict[str, Difference]
    epistemic: Difference


@st.cache_resource(show_spinner="Asking the run's draws…", max_entries=2)
def _drawn(version: str, _chosen: Chosen, _task: Task) -> DrawnStudents:
    return DrawnStudents.of(_chosen.result, _task)


@st.cache_resource(show_spinner=False, max_entries=16)
def _answer(version: str, prior: str, _drawn: DrawnStudents, _config: RunConfig) -> _Answer:
    weights = _drawn.weights(_config.prior)
    said = weights.of(_drawn.on_test)
    return _Answer(weights, said, score_differences(said, _drawn.task.y_test), change_of_epistemic(said))


@st.cache_resource(show_spinner=False, max_entries=2)
def _on_plane(version: str, _drawn: DrawnStudents, _seen: DecisionPlane) -> Any:
    return _drawn.said(_seen.plane.inputs)


def draw(config: RunConfig, task: Task) -> None:
    """The light, the scores, and a picture; nothing where no finished run is on the draft's task."""
    chosen = chosen_run.finished()
    if chosen is None or chosen.view.config.data.task != config.data.task:
        return
    st.markdown("**What the sampled student would say now**", help=_HELP)
    if not can_be_reweighted(chosen.view.config, config) or not chosen.result.has_labels_of(task):
        st.caption(
            "The strength is still to be chosen from the data."
            if config.prior.strength is None
            else "The chosen run learned from other data or teachers, so its draws say nothing of these settings."
        )
        _draw_button(chosen, Trust.UNRELIABLE)
        return
    drawn = _drawn(chosen.version, chosen, task)
    if config.prior == chosen.result.config.prior:
        st.caption(f"These are the settings of run {run_words.title(chosen.view)}: move a control.")
    found = _answer(chosen.version, config.prior.model_dump_json(), drawn, config)
    (pareto_k,) = found.weights.pareto_k
    trust = Trust.of(pareto_k)
    colour, icon, word = _LIGHTS[trust]
    if trust is Trust.RELIABLE and not chains_agree(chosen.result.metrics.diagnostics.worst):
        colour, icon, word = "orange", ":material/error:", "but this run's chains disagree, so a new run may differ"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":{colour}-badge[{icon} Pareto k {pareto_k:.2f}: {word}]", width="content")
        _draw_button(chosen, trust)
    if trust is Trust.UNRELIABLE:
        return
    _draw_scores(chosen, found)
    if seen := decision_maps.plane(task):
        _draw_maps(chosen, found.weights, drawn, seen)
    else:
        _draw_example(found.said, task)


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


def _draw_scores(chosen: Chosen, found: _Answer) -> None:
    run = chosen.result.metrics.student
    rows = ["| Student | This run | Now | Change |", "|---|---|---|---|"]
    for name, change in (found.scores | {"epistemic": found.epistemic}).items():
        score, value = SCORES[name], run[name]
        now = None if value is None or change.difference is None else value + change.difference
        text = headline.shaded(name, change) if name in found.scores else f":gray[{plain_interval(name, change)}]"
        rows.append(f"| {score.with_unit} | {score.text(value)} | {score.text(now)} | {text} |")
    st.markdown("\n".join(rows))
    (effective,) = found.weights.effective
    st.caption(
        "On the test examples. Changes with 95 % intervals, shares in points; grey: no clear change. The weighted "
        f"draws are worth {effective:.0f} of {found.weights.values[0].numel()}."
    )


def _draw_maps(chosen: Chosen, weights: Weights, drawn: DrawnStudents, seen: DecisionPlane) -> None:
    said = weights.of(_on_plane(chosen.version, drawn, seen))
    before, now = seen.said(said.own), seen.said(said.means[0])
    left, right = st.columns(2, gap="medium")
    with left:
        paired_maps.show_predictions(
            seen, now, "Its predictions now", "Faint: it is undecided. Nothing was sampled for this map.", key="now-map"
        )
    with right:
        paired_maps.show_moved(seen, before, now, paired_maps.PREDICTIONS, key="now-moved")


def _draw_example(said: Reweighted, task: Task) -> None:
    index, names = examples.chosen(task), list(task.class_names)
    before, now = (each[index, :-1].numpy() for each in (said.own, said.means[0]))
    label = names[int(task.y_test[index])]
    charts.show(
        draw_two_answers(before, now, names, label=label),
        f"Test {examples.item(task)} {index}, before and now",
        "Outline: the run. Filled: under these settings.",
        lambda: pd.DataFrame({"class": names, "run": before, "now": now}),
        key="now-example",
        help=f"Posterior mean probabilities of the chosen {examples.item(task)}, which is chosen below.",
    )
