"""Causes of what fails: teachers with less of which a failing class would be more probable where it is true.

A responsibility is a share of a density; this is about causes, by reweighting the run's own draws
(`studies.sensitivity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtbkd_core.result import Result
from mtbkd_core.review.outcome import Outcome
from mtbkd_core.review.verdict import ClassFound
from mtbkd_core.studies.sensitivity import class_changes, run_sensitivity
from mtbkd_core.tasks.base import Task


@dataclass(frozen=True)
class Cause:
    """A teacher that holds a failing class down.

    Attributes:
        class_name, teacher: names.
        factor: by which the teacher's base weight would be multiplied.
        change: of the class's mean probability on the test examples that have it.
        error: the sampler's standard error of that.
    """

    class_name: str
    teacher: str
    factor: float
    change: float
    error: float


def causes(result: Result, task: Task, classes: Sequence[ClassFound]) -> tuple[Cause, ...]:
    """The causes of classes that fail, where the draws can tell them from the sampler's error.

    Args:
        task: the run's, with its teachers.
        classes: those of a verdict.
    """
    failing = [each.name for each in classes if each.verdict is Outcome.FAIL]
    found = run_sensitivity(result, task) if failing else {}
    if not found:
        return ()
    labels, names = result.predictions.test.labels.long(), [str(name) for name in result.environment["class_names"]]
    return tuple(
        Cause(name, row.teacher, row.factor, row.change, row.sampler)
        for name in failing
        for row in class_changes(found, labels, names.index(name)).itertuples()
        if row.factor < 1 and row.clear and row.change > 0
    )
