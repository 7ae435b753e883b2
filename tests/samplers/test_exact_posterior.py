"""The whole path from labels and teachers to draws, on a posterior small enough to be known: importance sampling."""

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import PriorConfig, SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import stack_priors
from mtbkd_core.samplers.draws import sample
from mtbkd_core.students.mlp import DenseStudent
from tests.samplers.runner import normal, source, within_error


@pytest.fixture(scope="module")
def target() -> LogPosterior:
    """Three examples of one feature, two classes, two teachers that disagree: four parameters."""
    student = DenseStudent((1, 2), weight_scale=0.8)
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


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_sampled_predictions_are_those_of_the_exact_posterior(
    algorithm: Algorithm, target: LogPosterior, truth: Tensor
) -> None:
    """SGLD's step is so short that its bias is far below the error."""
    own = {"step_size": 0.02, "thinning": 5} if algorithm is Algorithm.SGLD else {"thinning": 1}
    settings = SamplerConfig(algorithm=algorithm, draws=400, burn_in=100, friction=1.0, leapfrog_steps=4, **own)
    (kept,) = sample(target, normal(32, 4), settings, source(1))
    p = predictions(target, kept.positions)
    within_error(torch.cat([p, p.square()], -1), truth)
