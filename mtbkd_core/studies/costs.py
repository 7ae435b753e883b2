"""Costs of a student: number and size of its parameters, and time for one prediction."""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import Tensor

from mtbkd_core.evaluation.evaluate import reported
from mtbkd_core.proteins.descriptors import describe
from mtbkd_core.result import Result
from mtbkd_core.tasks.base import Task
from mtbkd_core.teachers.base import Cost

#: Examples that are timed, and how many at a time: as for the teachers.
_TIMED, _BATCH = 256, 64


def student_costs(result: Result, task: Task) -> dict[str, Cost]:
    """Cost of "one" student drawn from the posterior, and of the "posterior": the mean of those that are scored.

    Where inputs are descriptors of proteins, working them out from the sequence is part of the time, as are the
    student's features, if it has some. The time is
    measured at each call, and differs a little each time.
    """
    student, draws = result.student, reported(result.draws).flatten(0, 1)
    x = task.x_test[:_TIMED]
    describing = 0.0
    if task.proteins is not None:
        sequences = task.proteins.sequences["test"][:_TIMED]
        describing = _milliseconds(lambda start: describe(sequences[start : start + _BATCH]), len(x))

    def cost(theta: Tensor) -> Cost:
        def answer(start: int) -> Tensor:
            return student.probabilities(theta, result.student_inputs(x[start : start + _BATCH])).mean(0)

        spent = _milliseconds(answer, len(x))
        return Cost(theta.numel(), 4 * theta.numel(), spent + describing)

    return {"one": cost(draws[-1:]), "posterior": cost(draws)}


def _milliseconds(predict: Callable[[int], object], count: int) -> float:
    """Milliseconds an example; `predict` takes the place at which a batch begins."""
    predict(0)
    began = time.perf_counter()
    for start in range(0, count, _BATCH):
        predict(start)
    return 1000 * (time.perf_counter() - began) / count
