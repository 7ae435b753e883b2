"""Monte Carlo dropout: hidden units are dropped at random, in training and in prediction.

Source: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mtbkd_core.baselines.base import Baseline, Problem
from mtbkd_core.baselines.fitting import configured_student, fit_networks, soft_targets
from mtbkd_core.common.progress import stop_if
from mtbkd_core.distillation import find_device
from mtbkd_core.students.base import Student

#: Chance that a hidden unit is dropped: the lowest of the usual rates, because on validation data scores get worse with
#: the rate; see benchmarks/settle.py.
DROPOUT_RATE = 0.05
#: Stochastic passes that a prediction averages.
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
def dropout_distillation(problem: Problem, *, rate: float = DROPOUT_RATE, passes: int = PASSES) -> Tensor:
    """Classic distillation from the teachers' mean with dropout, by one network per chain.

    A linear student has no hidden unit to drop: this is then `mean_distillation`.

    Args:
        rate: chance that a hidden unit is dropped.
        passes: stochastic passes that are averaged; `should_stop` is asked before each.
    Returns:
        [S, M, C], each network's probabilities on the test examples, mean over its passes.
    """
    config, task = problem.config, problem.task
    generator = torch.Generator(find_device(config.device)).manual_seed(config.seed)
    networks = fit_networks(
        config,
        task,
        soft_targets(problem.teacher_logits, config.prior.temperature),
        weight=problem.soft_weight,
        student=with_dropout(configured_student(config, task), rate, generator),
        generator=generator,
        should_stop=problem.should_stop,
    )
    total = networks.probabilities(task.x_test)
    for _ in range(passes - 1):
        stop_if(problem.should_stop)
        total += networks.probabilities(task.x_test)
    return total / passes


BASELINES = (
    Baseline(
        "mc_dropout",
        "MC dropout",
        "Classic distillation with dropout in prediction too: the mean of 100 passes.",
        dropout_distillation,
        fits=2.0,
    ),
)
