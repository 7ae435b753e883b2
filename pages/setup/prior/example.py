"""The prior at one example: its weights and density, beside what a chosen run's student would say under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from mtbkd_core import RunConfig, Task
from mtbkd_core.evaluation import readings
from mtbkd_core.evaluation.prior_alone import PriorAtExample, leading_classes, prior_at
from mtbkd_core.evaluation.prior_density import simplex_density, two_class_density
from mtbkd_core.figures import simplex, weights
from mtbkd_core.figures.two_classes import draw_two_classes
from mtbkd_core.studies.plane_posterior import true_at
from pages.setup.prior import now
from pages.ui import charts, chosen_run, decision_maps, examples, task_words

_EXACT = (
    "Every triple of probabilities is a point of the triangle, so this is the whole prior. The shading is on a "
    "square-root scale."
)
_RESTRICTED = (
    "The three most probable classes under the weighted mixture, and their shares among themselves. For a Dirichlet "
    "over all classes these shares are again Dirichlet, with the same three parameters 1 + lambda t, and independent "
    "of what the other classes have together; so the mixture keeps its weights. The shading is on a square-root scale."
)


def draw(config: RunConfig, task: Task) -> None:
    """The sentence, what the chosen run's student would say now, and the prior at the chosen example."""
    item, index = task_words.item(config), examples.chosen(task)
    logits, together = (of(config.data.teachers, "test") for of in (task.teacher_logits, task.together))
    here = prior_at(logits[:, index], config.prior, None if together is None else together[:, index])
    labels = None if config.prior.strength is None else config.prior.labels
    titles = list(task_words.titles_by_name(config).values())
    chosen_run.say(readings.of_prior(here.weights, titles, item, labels))
    answer = now.draw(config, task)
    left, right = st.columns([1.3, 2] if answer is None else [1.2, 1], gap="medium")
    with left:
        if answer is None:
            _draw_example(task, index)
        else:
            now.draw_scores(answer)
    with right:
        if len(task.class_names) == 2:
            _draw_line(here, config, task)
        else:
            _draw_simplex(here, config, task, index)
    seen = decision_maps.plane(task)
    if answer is not None:
        if seen:
            now.draw_maps(answer, seen)
        left, right = st.columns([1, 2.2], gap="medium")
        with left:
            _draw_example(task, index)
        with right:
            if seen:
                _draw_weights(here, config, item)
            else:
                now.draw_example(answer, task)
    if answer is None or not seen:
        _draw_weights(here, config, item)
    if seen:
        decision_maps.show_weights(seen, config, key="weight-map")


def _draw_example(task: Task, index: int) -> None:
    examples.chooser(task)
    examples.show(task, index, size=112)


def _draw_weights(here: PriorAtExample, config: RunConfig, item: str) -> None:
    teachers, numbers = task_words.titles_by_name(config), here.weights.tolist()
    charts.show(
        weights.draw_shares_of_one(numbers, None, teachers, task_words.colours(config)),
        f"Weights at this {item}",
        "How much each teacher counts in the prior here.",
        lambda: pd.DataFrame({"teacher": list(teachers.values()), "weight": numbers}),
        key="weights-here",
    )


def _draw_simplex(here: PriorAtExample, config: RunConfig, task: Task, index: int) -> None:
    top = leading_classes(here.mean)
    classes = [task.class_names[which] for which in top]
    every = task_words.titles_by_name(config)
    here, teachers = here.knowing(top, every)
    _say_who_is_left_out(every, teachers, classes)
    if not teachers:
        return
    numbers = here.weights.tolist()
    truth = true_at(task, index, config.prior.temperature)
    grid = simplex_density(here.targets[:, top], here.weights, config.prior.concentration, points=45)
    charts.show(
        simplex.draw_simplex(
            grid,
            classes,
            teachers,
            task_words.colours(config),
            numbers,
            truth=None if truth is None else truth.numpy(),
        ),
        f"The mixture prior among classes {', '.join(classes[:-1])} and {classes[-1]}",
        "Shaded: predictions that the prior favours. Point: a teacher's mode. Outline: half its peak."
        + ("" if truth is None else " Star: the truth."),
        lambda: pd.DataFrame(
            {"teacher": list(teachers.values()), "weight": numbers}
            | {f"mode, class {label}": grid.modes[:, place] for place, label in enumerate(classes)}
        ),
        key="simplex",
        help=_EXACT if len(here.mean) == len(top) else _RESTRICTED,
    )


def _say_who_is_left_out(every: Mapping[str, str], drawn: Mapping[str, str], classes: Sequence[str]) -> None:
    if left_out := [title for name, title in every.items() if name not in drawn]:
        of = f"{', '.join(classes[:-1])} and {classes[-1]}"
        st.caption(f"Not drawn, for here it does not know all of {of}: {', '.join(left_out)}.")


def _draw_line(here: PriorAtExample, config: RunConfig, task: Task) -> None:
    """The mixture prior of two classes."""
    every, shades = task_words.titles_by_name(config), task_words.colours(config)
    first, second = task.class_names
    here, teachers = here.knowing([0, 1], every)
    _say_who_is_left_out(every, teachers, task.class_names)
    if not teachers:
        return
    table = two_class_density(
        here.targets[:, 0].tolist(),
        here.weights.tolist(),
        concentration=config.prior.concentration,
        strength=1.0,
        seen=(0, 0),
    ).drop(columns="posterior")
    charts.show(
        draw_two_classes(table, list(teachers.values()), [shades[name] for name in teachers]),
        f"The mixture prior between {first} and {second}",
        f"A high curve: predictions that the prior favours. Further to the right, {first} is more probable.",
        lambda: table,
        key="line",
        help="Density of the student's tempered probability of this class. Filled: each teacher's part. Dashed: the "
        "mixture.",
    )
