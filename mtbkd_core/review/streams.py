"""Streams of inputs to try a watch on, made of a task's own test examples and shifts.

Each is held against the half of the test set that it does not come from. The first ones are as that half is; then what
it is about begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.evaluation.corruptions import corrupt
from mtbkd_core.evaluation.sets import halves
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.source import ShiftInfo

#: Inputs before a drift begins, and of a stream at most.
BEFORE, MOST = 100, 400
#: Steps in which a drift grows.
_STEPS = 10
#: At last: degrees that pictures are turned, how far points move, and the noise of inputs in their standard deviations.
_TURNED, _MOVED, _NOISE = 90.0, 2.0, 2.0


@dataclass(frozen=True)
class Stream:
    """Inputs in their order.

    Attributes:
        x: [M, F].
        labels: [M], -1 where there is none.
        reference: rows of the test set that they are held against.
    """

    x: Tensor
    labels: Tensor
    reference: Tensor


def offered(task: Task, shifts: Sequence[ShiftInfo], item: str) -> dict[str, tuple[str, str]]:
    """Name of each stream of a task -> its title, and what it is.

    Args:
        shifts: those of the task.
        item: what one input is called.
    """
    first = f"the first {BEFORE} are test {item}s"
    found = {shift.name: (f"{shift.title}", f"{shift.description} T{first[1:]}.") for shift in shifts}
    if task.image_shape is not None:
        found["turned"] = (
            f"Test {item}s, turned",
            f"Turned further and further, to a right angle; {first}, unchanged.",
        )
    elif task.truth is not None:
        found["moved"] = ("Points that move", f"To the right, further and further, with labels of the truth; {first}.")
    elif not shifts:
        found["noise"] = (f"Test {item}s with noise", f"Each input has noise that grows; {first}, unchanged.")
    return found | {
        "test": (f"Test {item}s", f"Half of the test {item}s, held against the other half: nothing changes.")
    }


def stream(task: Task, name: str, split_seed: int) -> Stream:
    """One of the streams that are `offered`.

    Args:
        split_seed: of the halves.
    Raises:
        KeyError: none of them.
    """
    reference, rows = halves(len(task.y_test), split_seed)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(split_seed))
    rows = rows[order][:MOST]
    x, labels = task.x_test[rows], task.y_test[rows]
    if name == "test":
        return Stream(x, labels, reference)
    if name in task.shifts:
        before, others = min(BEFORE, len(x) // 2), task.shifts[name][: MOST - BEFORE]
        without = torch.full((len(others),), -1)
        return Stream(torch.cat([x[:before], others]), torch.cat([labels[:before], without]), reference)
    drifted = {"turned": _turned, "moved": _moved, "noise": _noisy}[name]
    before = min(BEFORE, len(x) // 2)
    parts = [(x[:before], labels[:before])]
    steps = x[before:].tensor_split(_STEPS), labels[before:].tensor_split(_STEPS)
    parts += [drifted(task, *part, step + 1) for step, part in enumerate(zip(*steps, strict=True))]
    return Stream(torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts]), reference)


def _turned(task: Task, x: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
    assert task.image_shape is not None
    return corrupt(x, task.image_shape, "rotation", _TURNED * step / _STEPS), labels


def _moved(task: Task, x: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
    assert task.truth is not None
    there = x + torch.tensor([_MOVED * step / _STEPS, 0.0])
    truth, generator = task.truth.probabilities(there), torch.Generator().manual_seed(step)
    return there, torch.multinomial(truth, 1, generator=generator)[:, 0] if len(there) else labels


def _noisy(task: Task, x: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(step))
    return x + _NOISE * step / _STEPS * task.x_train.std(0) * noise, labels
