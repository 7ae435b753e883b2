"""Monte Carlo dropout: hidden units are dropped at random, in training and in prediction.

Source: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mtbkd_core.baselines.base import Baseline, Problem, combinations, scales
from mtbkd_core.baselines.fitting import Settings
from mtbkd_core.common.progress import stop_if
from mtbkd_core.config.models import RunConfig
from mtbkd_core.students.base import Student

#: Stochastic passes that a prediction averages.
PASSES = 100
#: Chances that a hidden unit is dropped, and weights of the soft targets, that are tried.
RATES, _WEIGHTS = (0.02, 0.05, 0.1, 0.2), (0.5, 5.0)


def dropout_mask(size: tuple[int, ...], rates: Tensor, generator: torch.Generator) -> Tensor:
    """0 with the chance of `rates`, which broadcast to `size`, else 1 / (1 - rate): independent, of mean 1."""
    kept = torch.rand(size, generator=generator, device=generator.device) >= rates
    return kept / (1 - rates)


def with_dropout(student: Student, rates: Sequence[float], generator: torch.Generator) -> Student:
    """The student with hidden units dropped at random, anew for every network, example and pass.

    Args:
        rates: one for each network.
    Raises:
        ValueError: a rate that is not from 0 to under 1.
    """
    for rate in rates:
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be from 0 to under 1, got {rate}")
    each = torch.tensor(rates, device=generator.device)

    def drop(units: Tensor) -> Tensor:
        if units.ndim == 3:  # [S, H, N]
            own = each[:, None, None]
        else:  # convolutions: [N, S * channels, height, width]
            own = each.repeat_interleave(units.shape[1] // len(each))[None, :, None, None]
        return units * dropout_mask(tuple(units.shape), own, generator)

    return replace(student, drop=drop) if any(rates) else student


@torch.no_grad()
def dropout_distillation(problem: Problem, settings: Sequence[Settings], *, passes: int = PASSES) -> Tensor:
    """Classic distillation from the teachers' mean with dropout.

    A linear student has no hidden unit to drop: this is then `mean_distillation`.

    Args:
        passes: stochastic passes that are averaged; `should_stop` is asked before each.
    Returns:
        [S, M, C], each network's probabilities on the test examples, mean over its passes.
    """
    random = problem.randomness
    student = with_dropout(problem.student, [each["rate"] for each in settings], random.generator)
    networks = problem.fit(problem.soft_pull(settings), settings, student=student, random=random)
    total = networks.probabilities(problem.task.x_test)
    for _ in range(passes - 1):
        stop_if(problem.should_stop)
        total += networks.probabilities(problem.task.x_test)
    return total / passes


def _grid(config: RunConfig) -> list[dict[str, float]]:
    return combinations(weight_scale=scales(config, (1.0, 2.0)), weight=_WEIGHTS, rate=RATES)


BASELINES = (
    Baseline(
        "mc_dropout",
        "MC dropout",
        "Classic distillation with dropout in prediction too: the mean of 100 passes.",
        _grid,
        dropout_distillation,
        fits=2.0,
    ),
)
