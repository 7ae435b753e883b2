"""Maps of a task whose inputs are points of a plane: kept per run and per task, and a click on one chooses a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from mtbkd_core import RunConfig, Task
from mtbkd_core.figures import decision_map as figures
from mtbkd_core.studies.plane_posterior import (
    Plane,
    distance,
    heaviest,
    least_uncertain,
    plane_of,
    posterior_on,
    truth_of,
)
from pages.ui import charts, chosen_run, link, task_words

#: Points to a side of every map.
POINTS = 61
#: Test points that a click can choose.
_CHOOSABLE = 600


@dataclass(frozen=True)
class Sight:
    """A task's plane: the grid, the true probabilities [G, G, C] on it, and the labelled points."""

    task: Task
    plane: Plane
    truth: np.ndarray
    points: pd.DataFrame

    @property
    def axis(self) -> np.ndarray:
        """[G], the values of either input."""
        return self.plane.axis.numpy()


@st.cache_resource(show_spinner=False, max_entries=16)
def _sight(fingerprint: str, _task: Task) -> Sight:
    truth = truth_of(_task)
    plane = plane_of(truth, POINTS)
    true = np.moveaxis(plane.square(truth.probabilities(plane.inputs).t()).numpy(), 0, -1)
    points = figures.point_table(_task.x_train.numpy(), _task.y_train.numpy(), _task.class_names)
    return Sight(_task, plane, true, points)


def sight(task: Task) -> Sight | None:
    """The task's plane; None where its inputs are no points of a plane."""
    return None if task.truth is None else _sight(task.fingerprint, task)


@dataclass(frozen=True)
class Maps:
    """A run on its plane: mean [G, G, C], epistemic [G, G], and who rules where with which share, [G, G] each."""

    mean: np.ndarray
    epistemic: np.ndarray
    who: np.ndarray
    share: np.ndarray


@st.cache_resource(show_spinner="Asking the students at every point of the plane…", max_entries=8)
def _maps(run: str, attempt: int, _chosen: chosen_run.Chosen, _seen: Sight) -> Maps:
    plane = _seen.plane
    found = posterior_on(_chosen.result, _seen.task, plane.inputs)
    share, who = found.responsibilities.max(0)
    mean, *flat = (plane.square(values).numpy() for values in (found.mean.t(), found.epistemic, who, share))
    return Maps(np.moveaxis(mean, 0, -1), *flat)


def maps(chosen: chosen_run.Chosen, seen: Sight) -> Maps:
    """What a run's posterior says on the plane, kept for the next page."""
    return _maps(chosen.view.id, chosen.view.attempt, chosen, seen)


def show(
    figure: go.Figure,
    seen: Sight,
    title: str,
    look_for: str,
    table: Callable[[], pd.DataFrame],
    *,
    key: str,
    help: str | None = None,
) -> None:
    """Draw a map; a click chooses the nearest of the test points that lie under it, for every page."""
    figures.add_choosable(figure, seen.task.x_test[:_CHOOSABLE].numpy())
    charts.show(figure, title, look_for, table, key=key, help=help, on_click=link.choose_example)


def here(seen: Sight) -> np.ndarray:
    """[2], the chosen test point, for a map to mark."""
    return seen.task.x_test[min(st.session_state.example, len(seen.task.y_test) - 1)].numpy()


def show_truth(seen: Sight, *, key: str) -> None:
    """The true probabilities and the labelled points."""
    names = seen.task.class_names
    show(
        figures.draw_decisions(seen.axis, seen.truth, names, points=seen.points, chosen=here(seen)),
        seen,
        "The truth",
        "Letters: the labels. Faint along a border: there even the truth is undecided.",
        lambda: figures.map_table(seen.axis, **figures.probability_columns("truth", seen.truth, names)),
        key=key,
        help="The most probable class at every point, and its true probability. The star is the chosen point.",
    )


def show_teacher(seen: Sight, config: RunConfig, *, key: str) -> None:
    """What one teacher says everywhere; which one is picked here."""
    titles = dict(zip(config.data.teachers, task_words.titles(config), strict=True))
    names = seen.task.class_names
    name = st.selectbox(
        "Teacher",
        list(titles),
        format_func=titles.get,
        key=key,
        width=230,
        help="Whose probabilities are drawn on the plane.",
    )
    logits = truth_of(seen.task).teacher_logits([name], seen.plane.inputs)[0]
    says = np.moveaxis(seen.plane.square(logits.softmax(-1).t()).numpy(), 0, -1)
    show(
        figures.draw_decisions(seen.axis, says, names, chosen=here(seen)),
        seen,
        f"What it says: {titles[name]}",
        "Faint: it does not know. Compare its borders with the truth's. A click chooses a point.",
        lambda: figures.map_table(seen.axis, **figures.probability_columns(name, says, names)),
        key=f"{key}-map",
    )


def show_certainty(seen: Sight, config: RunConfig, *, key: str) -> None:
    """Which teacher is least uncertain where."""
    who, certainty = least_uncertain(truth_of(seen.task).teacher_logits(config.data.teachers, seen.plane.inputs))
    _show_rule(
        seen,
        config,
        seen.plane.square(who).numpy(),
        seen.plane.square(certainty).numpy(),
        "Who is surest where",
        "certainty",
        "Strong colour: that teacher is sure. Sure is not right: compare with the truth.",
        "Certainty: 1 minus the entropy over its highest value.",
        key,
    )


def show_weights(seen: Sight, config: RunConfig, *, key: str) -> None:
    """Which teacher has the most weight in the prior where."""
    who, weight = heaviest(truth_of(seen.task).teacher_logits(config.data.teachers, seen.plane.inputs), config.prior)
    _show_rule(
        seen,
        config,
        seen.plane.square(who).numpy(),
        seen.plane.square(weight).numpy(),
        "Who has the most weight where",
        "weight",
        "The colour is the heaviest teacher's, and the stronger the more weight it has. A click chooses a point.",
        "The weights of the mixture prior, before any label is seen.",
        key,
    )


def show_posterior(seen: Sight, chosen: chosen_run.Chosen) -> None:
    """The student's mean beside the truth, and what it does not know beside how far it is off."""
    found, names = maps(chosen, seen), seen.task.class_names
    left, right = st.columns(2, gap="large")
    with left:
        show(
            figures.draw_decisions(seen.axis, found.mean, names, chosen=here(seen)),
            seen,
            "What the student says",
            "The posterior mean. Its borders should lie where the truth's do.",
            lambda: figures.map_table(seen.axis, **figures.probability_columns("mean", found.mean, names)),
            key="mean-map",
        )
    with right:
        show_truth(seen, key="truth-map")
    left, right = st.columns(2, gap="large")
    with left:
        show(
            figures.draw_quantity(
                seen.axis,
                found.epistemic,
                "Epistemic (nats)",
                probabilities=found.mean,
                points=seen.points,
                chosen=here(seen),
            ),
            seen,
            "What it does not know",
            "Strong where students that fit the data differ: beyond the labels, and along the student's borders.",
            lambda: figures.map_table(seen.axis, epistemic=found.epistemic),
            key="epistemic-map",
            help="Epistemic uncertainty: mutual information of label and student. Circles: the labelled points.",
        )
    with right:
        off = distance(found.mean, seen.truth)
        show(
            figures.draw_quantity(
                seen.axis, off, "Distance", probabilities=seen.truth, points=seen.points, chosen=here(seen)
            ),
            seen,
            "How far it is off",
            "Where this is strong, the student ought to say so: compare with what it does not know.",
            lambda: figures.map_table(seen.axis, distance=off),
            key="distance-map",
            help="Total variation between the posterior mean and the truth: half the sum of the absolute differences.",
        )


def show_responsibilities(seen: Sight, chosen: chosen_run.Chosen, *, key: str) -> None:
    """Which teacher explains the student where."""
    found = maps(chosen, seen)
    _show_rule(
        seen,
        chosen.view.config,
        found.who,
        found.share,
        "Who rules where",
        "responsibility",
        "The colour is the teacher that explains the student best, and the stronger the more it does.",
        "The largest of the teachers' responsibilities at every point, a posterior mean.",
        key,
    )


def _show_rule(
    seen: Sight,
    config: RunConfig,
    who: np.ndarray,
    share: np.ndarray,
    title: str,
    what: str,
    look_for: str,
    help: str,
    key: str,
) -> None:
    teachers = dict(zip(config.data.teachers, task_words.titles(config), strict=True))
    titles = np.array(list(teachers.values()))
    show(
        figures.draw_leading_teacher(
            seen.axis,
            who,
            share,
            teachers,
            task_words.colours(config),
            what,
            probabilities=seen.truth,
            chosen=here(seen),
        ),
        seen,
        title,
        look_for,
        lambda: figures.map_table(seen.axis, teacher=titles[who], **{what: share}),
        key=key,
        help=f"{help} Lines: where the true class changes.",
    )
