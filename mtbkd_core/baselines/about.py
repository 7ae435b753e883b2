"""What each method of the comparison is, for people: a title and one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mtbkd_core.students.base import LARGEST_LAPLACE


@dataclass(frozen=True)
class About:
    """A method's title, and in one line what it is."""

    title: str
    line: str


_METHODS = {
    "mt_bkd": About("MT-BKD", "The posterior over students under the mixture of all teachers; mean over its draws."),
    "no_teacher": About("No teacher", "The same posterior without the teachers: labels and weight prior alone."),
    "deep_ensemble": About(
        "Deep ensemble", "MT-BKD's own warm start: one network a chain, averaged before any is sampled."
    ),
    "mean_kd": About("Mean KD", "Classic distillation: one network, from the mean of the teachers' probabilities."),
    "mean_kd_tuned": About(
        "Mean KD, tuned", "Classic distillation with the weight and settings that validation examples liked best."
    ),
    "ebkd": About("EBKD", "Classic distillation in which a teacher counts the more, the more certain it is."),
    "ca_mkd": About(
        "CA-MKD", "Classic distillation in which a teacher counts the more, the better it knows the label."
    ),
    "mc_dropout": About("MC dropout", "Classic distillation with dropout that stays on: the mean of 100 passes."),
    "laplace": About("Laplace", "Classic distillation with a Gaussian posterior around the last layer."),
}

#: Methods that not every comparison has, and why one has not.
LEFT_OUT = {
    "mean_kd_tuned": "nobody has tuned it for this task",
    "laplace": f"the matrix of the student's last layer would take more than {LARGEST_LAPLACE >> 30} GiB",
}


def left_out(methods: Iterable[str]) -> list[str]:
    """A line for each method that is none of those that a whole comparison has, and why."""
    there = set(methods)
    return [f"{_METHODS[name].title}: left out, because {why}." for name, why in LEFT_OUT.items() if name not in there]


def about(method: str, teachers: Mapping[str, str]) -> About:
    """Title and line of a method by its name in the table.

    Args:
        method: as `mtbkd_core.studies` names it: `ebkd`, `ebkd_ensemble`, `teacher:<name>`.
        teachers: name -> title.
    """
    if method in _METHODS:
        return _METHODS[method]
    if method.startswith("teacher:"):
        name = method.removeprefix("teacher:")
        title = teachers.get(name, name)
        return About(f"Only {title}", f"Single-teacher BKD: the same posterior with {title} alone.")
    one = _METHODS.get(method.removesuffix("_ensemble"))
    if one is not None:
        line = "As many of these networks as there are chains, averaged: averaging alone is then no advantage."
        return About(f"{one.title}, ensemble", line)
    return About(method, "")
