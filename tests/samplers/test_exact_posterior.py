"""The whole path from labels and teachers to draws, on a posterior small enough to be known: importance sampling."""

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.posterior import LogPosterior, stack_priors
from mtbkd_core.samplers import baoab, hmc, mclmc, sgld
from mtbkd_core.samplers.base import Transform
from mtbkd_core.students.base import Student
from tests.samplers.runner import run, within_error


@pytest.fixture(scope="module")
def target() -> LogPosterior:
    """Three examples of one feature, two classes, two teachers that disagree: four parameters."""
    student = Student((1, 2), weight_scale=0.8)
    x = torch.tensor([[-1.0], [0.5], [2.0]], dtype=torch.float64)
    labels = torch.tensor([0, 1, 1])
    teachers = torch.tensor([[[2.0, 0.0], [0.0, 1.0], [0.0, 2.0]], [[0.0, 2.0], [0.5, 0.0], [3.0, 0.0]]]).double()
    mixture = stack_priors(teachers, [PriorConfig(concentration=6.0, temperature=2.0)])
    return LogPosterior(student, x, labels, mixture)


def predictions(target: LogPosterior, position: Tensor) -> Tensor:
    """[..., 3], the probability of class 1 at the three examples."""
    flat = position.reshape(-1, position.shape[-1])
    p = target.student.probabilities(target.student.weight_scale * flat, target.x)[..., 1]
    return p.unflatten(0, position.shape[:-1])


@pytest.fixture(scope="module")
def truth(target: LogPosterior) -> Tensor:
    """Posterior means of the predictions and of their squares, by weighing 400,000 draws of the Gaussian prior."""
    u = torch.randn(400_000, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    log_weight = target(u).log_joint + u.square().sum(-1) / 2
    weight = log_weight.softmax(0)
    assert 1 / weight.square().sum() > 30_000  # effective draws: the error is far below the samplers'
    p = predictions(target, u)
    return (weight[:, None] * torch.cat([p, p.square()], -1)).sum(0)


@pytest.mark.parametrize("name", ["baoab", "mclmc", "hmc", "sgld"])
def test_the_sampled_predictions_are_those_of_the_exact_posterior(
    name: str, target: LogPosterior, truth: Tensor
) -> None:
    samplers: dict[str, Transform] = {
        "baoab": baoab.build(target, step_size=0.25),
        "mclmc": mclmc.build(target, step_size=0.15),
        "sgld": sgld.build(target, step_size=0.02),  # so short that its bias is far below the error
        "hmc": hmc.build(target, step_size=0.5, leapfrog_steps=4),
    }
    start = torch.randn(32, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    steps = 2000 if name == "sgld" else 400
    p = predictions(target, run(samplers[name], start, steps=steps, burn_in=steps // 6))
    within_error(torch.cat([p, p.square()], -1), truth)
