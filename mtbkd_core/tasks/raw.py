"""Raw inputs, before standardisation, as an exported student and a file of new inputs have them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mtbkd_core.proteins.descriptors import names
from mtbkd_core.tasks.base import Task


def raw_inputs(task: Task) -> Tensor:
    """[M, F], raw inputs that stand for the test examples; those that were cut are at the cut."""
    return task.x_test.float() if task.standardisation is None else task.standardisation.raw(task.x_test)


def as_inputs(task: Task, raw: Tensor) -> Tensor:
    """The task's inputs [M, F] of raw ones [M, F]."""
    return raw if task.standardisation is None else task.standardisation.apply(raw)


def describe_inputs(task: Task) -> dict[str, Any]:
    """What the columns of "x" are, for config.json: a line, and names or a picture's shape where there are any."""
    columns = task.x_train.shape[1]
    if task.image_shape is not None:
        height, width = task.image_shape
        line = f"pixels of a picture of {height} x {width}, row by row, divided by the largest value that one can have"
        return {"meaning": line, "image_shape": [height, width]}
    if task.proteins is not None and columns == len(names()):
        line = "descriptors of the amino acid sequence, as mtbkd_core.proteins.descriptors.describe works them out"
        return {"meaning": f"{line}, before standardisation", "names": list(names())}
    standardised = "before standardisation, which is part of the file" if task.standardisation else "as they are"
    return {"meaning": f"the {columns} input features of the task in their order, {standardised}"}
