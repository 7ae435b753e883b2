"""What the methods of a comparison are called, and what each is in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mtbkd_core.baselines.registry import BASELINES

MT_BKD, NO_TEACHER, WARM_START = "mt_bkd", "no_teacher", "warm_start"
TEACHERS_MEAN, TEACHERS_WEIGHTED, TEACHERS_TUNED = "teachers_mean", "teachers_weighted", "teachers_tuned"
#: The call that tunes, which gives no row.
TUNING = "tuning"
TEACHER, ENSEMBLE, SCALED = "teacher:", "_ensemble", "_scaled"


@dataclass(frozen=True)
class About:
    """A method's title, and what it is in one line."""

    title: str
    line: str


_POSTERIORS = {
    MT_BKD: About("MT-BKD", "The posterior over students under the mixture of all teachers; mean over its draws."),
    NO_TEACHER: About("No teacher", "The same posterior without the teachers: labels and weight prior alone."),
    WARM_START: About("Warm start", "MT-BKD's own warm start: one network a chain, averaged before sampling."),
}
_MEANS = {
    TEACHERS_MEAN: About(
        "Teachers' mean", "The mean of the teachers' probabilities: all teachers are run, no student."
    ),
    TEACHERS_WEIGHTED: About(
        "Teachers' weighted mean",
        "The teachers' mean under MT-BKD's entropy weights: all teachers are run, no student.",
    ),
    TEACHERS_TUNED: About(
        "Teachers' weighted mean, tuned",
        "The same with the weights that are best on the validation rows: all teachers are run, no student.",
    ),
}
#: Those that are no student.
MEANS = tuple(_MEANS)
#: Methods of earlier comparisons.
_FORMER = {
    "mean_kd_tuned": About("Mean KD, tuned", "Classic distillation with settings that were chosen for the task before.")
}
_TUNING = {TUNING: About("Choosing every method's settings", "On validation rows, with as many trials for each.")}
_ABOUT = _TUNING | _POSTERIORS | _MEANS | {each.name: About(each.title, each.line) for each in BASELINES} | _FORMER
_VARIANTS = {
    ENSEMBLE: About(
        "{}, ensemble", "As many of these networks as there are chains, averaged: averaging alone is then no advantage."
    ),
    SCALED: About(
        "{}, scaled", "The same network with its logits over a temperature that is best on the validation rows."
    ),
}


def about(method: str, teachers: Mapping[str, str]) -> About:
    """Title and line of a method by its name in the table.

    Args:
        method: `ebkd`, `ebkd_ensemble`, `teacher:<name>`, ...
        teachers: name -> title.
    """
    if method.startswith(TEACHER):
        name = method.removeprefix(TEACHER)
        title = teachers.get(name, name)
        return About(f"Only {title}", f"Single-teacher BKD: the same posterior with {title} alone.")
    for ending, variant in _VARIANTS.items():
        one = _ABOUT.get(method.removesuffix(ending))
        if one is not None and method not in _ABOUT and method.endswith(ending):
            return About(variant.title.format(one.title), variant.line)
    return _ABOUT.get(method, About(method, ""))


def left_out(methods: Iterable[str]) -> list[str]:
    """A line for each baseline that a whole comparison lacks, with the reason."""
    there = set(methods)
    return [
        f"{each.title}: left out, because {each.reason}."
        for each in BASELINES
        if each.reason and each.name not in there
    ]
