"""Monte Carlo dropout: a network whose hidden units are dropped at random, in training and in prediction.

Source: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mtbkd_core.baselines.classic import MEAN_WEIGHT
from mtbkd_core.baselines.fitting import configured_student, fit_networks, lesson_of, soft_targets
from mtbkd_core.common.progress import ShouldStop, stop_if
from mtbkd_core.config.models import RunConfig
from mtbkd_core.distillation import find_device
from mtbkd_core.students.base import Student
from mtbkd_core.tasks.base import Task

#: Chance that a hidden unit is dropped: the least of the usual ones, since on validation data every rate costs, and the
#: more the higher it is; see benchmarks/settle.py.
DROPOUT_RATE = 0.05
#: Stochastic passes that a prediction is the mean of.
PASSES = 100


def dropout_mask(size: tuple[int, ...], rate: float, generator: torch.Generator) -> Tensor:
    """0 with chance `rate`, else 1 / (1 - rate): independent, of mean 1, on the generator's device."""
    kept = torch.rand(size, generator=generator, device=generator.device) >= rate
    return kept / (1 - rate)


def with_dropout(student: Student, rate: float, generator: torch.Generator) -> Student:
    """The student with hidden units dropped at random, anew for every network, example and pass.

    Raises:
        ValueError: a rate that is not from 0 to under 1.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate must be from 0 to under 1, got {rate}")
    if not rate:
        return student
    return replace(student, drop=lambda units: units * dropout_mask(tuple(units.shape), rate, generator))


@torch.no_grad()
def dropout_distillation(
    config: RunConfig,
    task: Task,
    *,
    rate: float = DROPOUT_RATE,
    passes: int = PASSES,
    weight: float = MEAN_WEIGHT,
    should_stop: ShouldStop | None = None,
) -> Tensor:
    """Classic distillation from the teachers' mean with dropout, by one network per chain.

    A linear student has no hidden unit to drop: this is then `mean_distillation`.

    Args:
        rate: chance that a hidden unit is dropped.
        passes: stochastic passes that are averaged.
        weight: of the soft cross-entropy against the labels' own.
        should_stop: asked at every step and pass; when true, the call ends with `Cancelled`.
    Returns:
        [S, M, C], each network's probabilities on the test examples, mean over its passes.
    """
    generator = torch.Generator(find_device(config.device)).manual_seed(config.seed)
    student = with_dropout(configured_student(config, task), rate, generator)
    soft = soft_targets(lesson_of(config, task).teacher_logits, config.prior.temperature)
    networks = fit_networks(
        config, task, soft, weight=weight, student=student, generator=generator, should_stop=should_stop
    )
    total = networks.probabilities(task.x_test)
    for _ in range(passes - 1):
        stop_if(should_stop)
        total += networks.probabilities(task.x_test)
    return total / passes
