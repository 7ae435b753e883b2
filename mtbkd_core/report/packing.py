"""What the modules of a report's page are given: inputs, features and answers, as numbers in base 64."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.config.choices import PATCH
from mtbkd_core.evaluation.sets import LEVEL, halves
from mtbkd_core.figures.theme import MUTED, teacher_colours
from mtbkd_core.result import Result
from mtbkd_core.review.answering import Answering
from mtbkd_core.students.base import Student
from mtbkd_core.students.cnn import ConvolutionalStudent
from mtbkd_core.students.features import CONTRAST, ZONES, Features, KernelFeatures, PatchFeatures
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.inputs import FURTHEST
from mtbkd_core.tasks.raw import describe_inputs, raw_inputs

#: Test examples that a report holds.
EXAMPLES = 200
#: Whole levels that a pixel's value may have.
_LEVELS = (255, 16)


def examples_held(count: int) -> Tensor:
    """Rows of a test set of `count` that a report holds: at most `EXAMPLES`, evenly spread."""
    return torch.linspace(0, count - 1, min(count, EXAMPLES)).round().long()


def features_held(features: Features | None) -> Features | None:
    """Features as a report holds them: the largest tensor of patches is rounded to half precision."""
    if isinstance(features, PatchFeatures):
        return replace(features, components=features.components.half().float())
    return features  # those of a kernel magnify what is rounded


def given(result: Result, task: Task | None, answers: Answering) -> dict[str, Any]:
    """What the page knows beside the student itself.

    Args:
        task: the run's, with the run's data; None: no inputs are held.
        answers: the threshold that the page starts with.
    """
    test = result.predictions.test
    measured = halves(len(test.labels), result.config.data.split_seed)[1]
    wrong = test.mean.argmax(1) != test.labels
    rows = examples_held(len(test.labels))
    return {
        "classes": list(map(str, result.environment["class_names"])),
        "level": LEVEL,
        "teachers": _teachers(result, task),
        "tested": {
            "deviance": packed(test.deviance[measured].float()),
            "wrong": packed(wrong[measured].to(torch.uint8)),
            "threshold": answers.threshold,
            "note": _threshold_note(answers),
        },
        "examples": {
            "rows": rows.tolist(),
            "labels": test.labels[rows].tolist(),
            "teachers": packed(test.teachers[:, rows].half()),
            "shares": packed(test.responsibilities[:, rows].half()),
        },
        "inputs": None if task is None else _inputs(task, rows),
        "standardisation": None if task is None else _standardisation(task),
        "features": None if task is None else _features(features_held(result.features)),
    }


def forward_pass(student: Student) -> dict[str, Any]:
    """What the page's forward pass has to know of a student beside its parameters."""
    convolutions = None
    if isinstance(student, ConvolutionalStudent):
        convolutions = {"shape": student.image_shape, "channels": student.channels, "kernels": student.kernels}
    return {"sizes": student.sizes, "convolutions": convolutions}


def stored(result: Result) -> dict[str, Any]:
    """The run's own answers to the examples, for a page without draws."""
    test = result.predictions.test
    rows = examples_held(len(test.labels))
    names = ("mean", "low", "high", "deviance", "epistemic")
    found = {name: packed(getattr(test, name)[rows].float()) for name in names}
    return found | {"set": packed(test.prediction_set[rows].to(torch.uint8))}


def packed(values: Tensor) -> dict[str, str]:
    """Numbers as `bytes.js` reads them."""
    array = np.ascontiguousarray(values.cpu().numpy())
    little = array.astype(array.dtype.newbyteorder("<"))
    return {"type": array.dtype.name, "data": base64.b64encode(little.tobytes()).decode()}


def _threshold_note(answers: Answering) -> str:
    before = (
        "No threshold keeps the limit on wrong answers"
        if answers.threshold is None
        else "The verdict's threshold was set on the other half of the test examples"
    )
    return (
        f"Counted on {answers.count:,} test examples, with the answers of all draws. {before}; one that you move here "
        "is chosen with its result in sight, which makes it look better than it is."
    )


def _teachers(result: Result, task: Task | None) -> list[dict[str, str]]:
    known = {} if task is None else task.teachers
    colours = teacher_colours(list(known) or result.config.data.teachers)
    titles = {name: known[name].title if name in known else name for name in result.config.data.teachers}
    return [{"title": title, "colour": colours.get(name, MUTED)} for name, title in titles.items()]


def _inputs(task: Task, rows: Tensor) -> dict[str, Any]:
    """The raw inputs of the examples: pixels as whole levels where they are, other values as float32."""
    raw = raw_inputs(task)[rows]
    names = describe_inputs(task).get("names")
    found = {"width": raw.shape[1], "shape": task.image_shape, "levels": 0, "names": names}
    for levels in _LEVELS if task.image_shape is not None else ():
        whole = (raw * levels).round()
        if torch.equal(whole / levels, raw):
            return found | {"levels": levels, "x": packed(whole.to(torch.uint8))}
    return found | {"x": packed(raw.float())}


def _standardisation(task: Task) -> dict[str, Any] | None:
    if task.standardisation is None:
        return None
    reach = task.standardisation.reach
    return {
        "mean": packed(task.standardisation.mean),
        "scale": packed(task.standardisation.scale),
        "reach": None if reach is None else packed(reach),
        "furthest": FURTHEST,
    }


def _features(features: Features | None) -> dict[str, Any] | None:
    if isinstance(features, PatchFeatures):
        exact = {name: features.tensors()[name] for name in ("mean", "whitening", "centres", "offset")}
        plain = {"patch": PATCH, "stride": features.stride, "zones": ZONES, "contrast": CONTRAST}
        return {
            "kind": "patches",
            "shape": features.shape.tolist(),
            "scale": packed(features.scale.reshape(1)),
            "components": packed(features.components.half()),
            **plain,
            **{name: packed(value) for name, value in exact.items()},
        }
    if isinstance(features, KernelFeatures):
        return {"kind": "kernel", **{name: packed(value) for name, value in features.tensors().items()}}
    return None
