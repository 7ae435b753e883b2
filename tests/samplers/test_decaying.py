"""SGLD with decaying steps: the schedule, draws that stand for equal times, and the bias that falls."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm, Schedule
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density
from mtbkd_core.samplers import sgld
from mtbkd_core.samplers.chains import kept_steps
from tests.samplers.runner import run, within_error
from tests.samplers.scenarios import DIMENSIONS, Gaussian

STEP, DECAY, BURN_IN, DRAWS, THINNING = 0.3, 100, 100, 400, 10


def settings(**changes: int) -> SamplerConfig:
    values = {"burn_in": BURN_IN, "draws": DRAWS, "thinning": THINNING} | changes
    return SamplerConfig(algorithm=Algorithm.SGLD, schedule=Schedule.DECAYING, **values)  # type: ignore[arg-type]


def test_without_noise_each_step_is_the_formulas() -> None:
    """On a slope of 1 everywhere the way is the sum of eps (1 + t / b)^-0.55."""

    def slope(position: Tensor, batch: Tensor | None = None) -> Density:
        return Density(position.sum(-1), torch.ones_like(position))

    way = run(sgld.build(slope, step_size=0.5, temperature=0.0, decay_steps=20), torch.zeros(1, 1).double(), steps=60)
    steps = way[0, :, 0].diff(prepend=torch.zeros(1).double())
    torch.testing.assert_close(steps, 0.5 * (1 + torch.arange(60).double() / 20) ** -0.55)


def test_constant_steps_keep_a_draw_every_thinning_steps() -> None:
    constant = settings().model_copy(update={"schedule": Schedule.CONSTANT})
    assert kept_steps(constant) == [BURN_IN + THINNING * draw for draw in range(1, DRAWS + 1)]


def test_only_sgld_decays() -> None:
    other = settings().model_copy(update={"algorithm": Algorithm.BAOAB})
    assert kept_steps(other)[:2] == [BURN_IN + THINNING, BURN_IN + 2 * THINNING]


@pytest.mark.parametrize("thinning", [1, 3, 40])
@pytest.mark.parametrize("burn_in", [0, 30])
def test_draws_stand_for_equal_times(thinning: int, burn_in: int) -> None:
    """The time up to a draw is its share of the whole, to within the step that it was kept after."""
    asked = settings(draws=50, thinning=thinning, burn_in=burn_in)
    kept = kept_steps(asked)
    decay = max(1, burn_in)
    sizes = [(1 + step / decay) ** -0.55 for step in range(burn_in + 50 * thinning)]
    whole = math.fsum(sizes[burn_in:])
    assert len(kept) == 50
    assert kept[-1] == burn_in + 50 * thinning
    for draw, step in enumerate(kept, start=1):
        over = math.fsum(sizes[burn_in:step]) - whole * draw / 50
        assert -1e-9 * whole < over < sizes[step - 1]
    gaps = [later - earlier for earlier, later in pairwise(kept)]
    assert sum(gaps[-10:]) > sum(gaps[:10])


@pytest.mark.parametrize("burn_in", [0, 150, 1500])
def test_rounding_loses_no_draw(burn_in: int) -> None:
    """The last draw's time is the whole, and a sum that is rounded up would lie beyond the last step."""
    for draws in range(4, 60):
        for thinning in (1, 7, 80):
            kept = kept_steps(settings(draws=draws, thinning=thinning, burn_in=burn_in))
            assert len(kept) == draws
            assert kept[-1] == burn_in + draws * thinning


def expected_variances(target: Gaussian, start: float, kept: list[int]) -> Tensor:
    """[DIMENSIONS], along the target's axes: the mean over the kept steps of the variance that the recursion has, by
    V <- (1 - eps_t P)^2 V + 2 eps_t.
    """
    precision = 1 / torch.linalg.eigvalsh(target.covariance)
    variance, found = torch.full((DIMENSIONS,), start, dtype=torch.float64), []
    for step in range(kept[-1]):
        eps = STEP * (1 + step / DECAY) ** -0.55
        variance = (1 - eps * precision) ** 2 * variance + 2 * eps
        found.append(variance)
    return torch.stack([found[step - 1] for step in kept]).mean(0)


def test_the_draws_have_the_variance_that_the_recursion_says_and_less_bias_than_constant_steps() -> None:
    target, kept = Gaussian.random(seed=5), kept_steps(settings())
    sampler = sgld.build(target, step_size=STEP, decay_steps=DECAY)
    start = target.mean + torch.randn(64, DIMENSIONS, generator=torch.Generator().manual_seed(2)).double()
    draws = run(sampler, start, steps=kept[-1])[:, torch.tensor(kept) - 1]
    variances, axes = torch.linalg.eigh(target.covariance)
    along = (draws - target.mean) @ axes
    expected = expected_variances(target, 1.0, kept)
    within_error(along, torch.zeros(DIMENSIONS))
    within_error(along.square(), expected)
    constant = 1 / (1 - STEP / variances / 2)
    assert (expected / variances - 1 < 0.4 * (constant - 1)).all()
