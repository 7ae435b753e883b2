"""What a student sees of a task: its inputs, or fixed features of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import lru_cache

import torch
from torch import Tensor

from mtbkd_core.config.choices import FeatureKind
from mtbkd_core.config.models import RunConfig, StudentConfig
from mtbkd_core.students.features import Features, fit_features
from mtbkd_core.tasks.base import Task


def seen_by_student(config: RunConfig, task: Task) -> Task:
    """The task with the student's inputs in place of its own: every example, labelled or not, and every shift.

    Features are fitted to the training inputs of the split, all those without labels included, and seeded by the
    split's seed. The task keeps what was worked out, so that asking again costs nothing; of a task that came from here
    it is the task itself.

    Raises:
        UserError: features that the inputs do not allow.
    """
    if config.student.features_used is FeatureKind.NONE or task.features is not None:
        return task
    key = (config.student.features, config.student.n_features, config.data.split_seed)
    if key not in task.kept:
        task.kept[key] = _through(task, _fit(config, task))
    seen: Task = task.kept[key]
    return seen


def features_of(task: Task) -> Features | None:
    """The features of a task that `seen_by_student` gave."""
    assert task.features is None or isinstance(task.features, Features)
    return task.features


def _fit(config: RunConfig, task: Task) -> Features | None:
    x = task.x_train if task.x_unlabelled is None else torch.cat([task.x_train, task.x_unlabelled])
    what = StudentConfig(features=config.student.features, n_features=config.student.n_features)
    return _fitted(what, _Inputs(_digest(x), x), task.image_shape, config.data.split_seed)


def _through(task: Task, features: Features | None) -> Task:
    assert features is not None
    return replace(
        task,
        x_train=features.transform(task.x_train),
        x_test=features.transform(task.x_test),
        x_unlabelled=None if task.x_unlabelled is None else features.transform(task.x_unlabelled),
        shifts={name: features.transform(x) for name, x in task.shifts.items()},
        image_shape=None,
        features=features,
    )


@dataclass(frozen=True)
class _Inputs:
    """Inputs that are told apart by their digest."""

    digest: str
    x: Tensor = field(compare=False, repr=False)


def _digest(x: Tensor) -> str:
    return hashlib.blake2b(x.contiguous().numpy().data, digest_size=16).hexdigest() + str(tuple(x.shape))


@lru_cache(maxsize=4)  # a task is loaded anew for each job of a process
def _fitted(config: StudentConfig, inputs: _Inputs, image_shape: tuple[int, int] | None, seed: int) -> Features | None:
    return fit_features(config, inputs.x, image_shape, seed)
