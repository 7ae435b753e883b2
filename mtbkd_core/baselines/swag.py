"""SWAG: a Gaussian around the path that stochastic gradient descent takes about a fitted network.

From mean KD's networks, SGD with a constant learning rate and momentum walks on minibatches. The iterates' mean, their
variances and the last deviations from the running mean make a Gaussian of low rank plus diagonal.

Source: Maddox, Izmailov, Garipov, Vetrov and Wilson, "A simple baseline for Bayesian uncertainty in deep learning",
NeurIPS 2019.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtbkd_core.baselines.base import Baseline, Problem, combinations
from mtbkd_core.baselines.fitting import Settings
from mtbkd_core.common.progress import stop_if
from mtbkd_core.config.models import RunConfig
from mtbkd_core.samplers.base import minibatch

#: Collected iterates, of which the last `RANK` give the low-rank part; steps between two; draws that are averaged.
COLLECTED, RANK, BETWEEN, DRAWS = 40, 20, 10, 30
#: Examples of a gradient at most, and of all of them at most; momentum.
_BATCH, _SHARE, _MOMENTUM = 128, 0.25, 0.9
#: Learning rates on the log joint in whitened coordinates, and factors of the covariance, that are tried.
RATES, SPREADS = (1e-5, 5e-5, 2.5e-4, 1e-3), (0.25, 0.5, 1.0, 2.0)


@torch.no_grad()
def averaged_distillation(problem: Problem, settings: Sequence[Settings]) -> Tensor:
    """SWAG around mean KD's networks; [S, M, C], the mean over draws. A walk that leaves has NaN."""
    networks = problem.networks(settings)
    target = problem.objective(problem.soft_pull(settings), settings)
    random, data = problem.randomness, problem.data
    position = networks.theta / target.scale
    rate = torch.tensor([[each["learning_rate"]] for each in settings]).to(position)
    velocity = torch.zeros_like(position)
    size = max(1, min(_BATCH, int(_SHARE * len(data.x))))
    mean, square, deviations = torch.zeros_like(position), torch.zeros_like(position), list[Tensor]()
    for number in range(1, COLLECTED + 1):
        for _ in range(BETWEEN):
            stop_if(problem.should_stop)
            gradient = target(position, minibatch(data.x, size, random)).gradient
            velocity = _MOMENTUM * velocity + rate * gradient
            position = position + velocity
        mean += (position - mean) / number
        square += (position.square() - square) / number
        deviations = [*deviations, position - mean][-RANK:]
    variance = (square - mean.square()).clamp_min(0)
    spread = torch.tensor([[each["spread"]] for each in settings]).to(position).sqrt()
    total = torch.zeros(())
    for _ in range(DRAWS):
        stop_if(problem.should_stop)
        own = (variance / 2).sqrt() * random.normal(tuple(mean.shape))
        shared = random.normal((len(mean), RANK)).unsqueeze(-1)
        own = own + (torch.stack(deviations, 1) * shared).sum(1) / (2 * (RANK - 1)) ** 0.5
        theta = target.scale * (mean + spread * own)
        total = total + problem.student.probabilities(theta, problem.task.x_test.to(theta.device)).cpu()
    return total / DRAWS


def _grid(config: RunConfig) -> list[dict[str, float]]:
    return combinations(learning_rate=RATES, spread=SPREADS)


BASELINES = (
    Baseline(
        "swag",
        "SWAG",
        "A Gaussian around stochastic gradient descent's path about mean KD's network; mean over its draws.",
        _grid,
        averaged_distillation,
        start="mean_kd",
        fits=0.5,
    ),
)
