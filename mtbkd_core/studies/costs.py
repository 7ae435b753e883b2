"""What students and teachers cost: number and size of parameters, and time for predictions. Times are measured now."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from mtbkd_core.proteins.descriptors import describe
from mtbkd_core.result import Result
from mtbkd_core.tasks.base import Task
from mtbkd_core.teachers.base import Cost

#: Examples that are timed, and how many at a time: as for the teachers. How often a single one is.
_TIMED, _BATCH, _ALONE = 256, 64, 9


def student_costs(result: Result, task: Task) -> dict[str, Cost]:
    """Cost of "one" student drawn from the posterior, and of the "posterior": the mean of those that are scored.

    Where inputs are descriptors of proteins, working them out from the sequence is part of the time, as are the
    student's features, if it has some.
    """
    student, draws = result.student, result.reported.flatten(0, 1)
    one, many = describing(task)

    def cost(theta: Tensor) -> Cost:
        found = measured(lambda x: student.probabilities(theta, result.student_inputs(x)).mean(0), task.x_test)
        return Cost(theta.numel(), 4 * theta.numel(), found[1] + many, found[0] + one)

    return {"one": cost(draws[-1:]), "posterior": cost(draws)}


@torch.no_grad()
def teacher_cost(task: Task, name: str) -> Cost | None:
    """Cost of a teacher: as it was measured when it was made, or of a network like it; None where it is not known."""
    teacher = task.teachers[name]
    if teacher.cost is not None or teacher.network is None:
        return teacher.cost
    network = teacher.network()
    count = sum(values.numel() for values in network.parameters())
    alone, each = measured(network, task.x_test)
    return Cost(count, 4 * count, each, alone)


def describing(task: Task) -> tuple[float, float]:
    """Milliseconds to make the raw inputs of one protein by itself, and of each in a batch; 0 for other tasks."""
    if task.proteins is None:
        return 0.0, 0.0
    sequences = task.proteins.sequences["test"][:_TIMED]
    return _times(lambda rows: describe(sequences[rows]), len(sequences))


def measured(answer: Callable[[Tensor], object], x: Tensor) -> tuple[float, float]:
    """Milliseconds for one input by itself, and for each in a batch of 64, of inputs [M, F]."""
    return _times(lambda rows: answer(x[rows]), min(len(x), _TIMED))


def _times(call: Callable[[slice], object], count: int) -> tuple[float, float]:
    batches = [slice(start, start + _BATCH) for start in range(0, count, _BATCH)]
    call(batches[0])
    alone = [_milliseconds(call, slice(row, row + 1)) for row in range(min(count, _ALONE))]
    each = [_milliseconds(call, rows) / (min(rows.stop, count) - rows.start) for rows in batches]
    # medians: other programs may run beside
    return statistics.median(alone), statistics.median(each)


def _milliseconds(call: Callable[[slice], object], rows: slice) -> float:
    began = time.perf_counter()
    call(rows)
    return 1000 * (time.perf_counter() - began)
