"""Which steps are kept: draws stand for equal times, and SGLD's decaying steps lose their bias."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm, Schedule
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density
from mtbkd_core.samplers.schedule import kept_steps
from tests.samplers.runner import built, normal, run, within_error
from tests.samplers.scenarios import DIMENSIONS, Gaussian

STEP, DECAY = 0.3, 100


def settings(schedule: Schedule = Schedule.DECAYING, **changes: int) -> SamplerConfig:
    values = {"burn_in": DECAY, "draws": 400, "thinning": 10} | changes
    return SamplerConfig(algorithm=Algorithm.SGLD, schedule=schedule, **values)  # type: ignore[arg-type]


def test_without_noise_each_step_is_the_formulas() -> None:
    """On a slope of 1 everywhere the way is the sum of eps (1 + t / b)^-0.55."""

    def slope(position: Tensor, batch: Tensor | None = None) -> Density:
        return Density(position.sum(-1), torch.ones_like(position))

    sampler = built(Algorithm.SGLD, slope, 0.5, temperature=0.0, schedule=Schedule.DECAYING, burn_in=20)
    way = run(sampler, torch.zeros(1, 1).double(), steps=60)
    sizes = way[0, :, 0].diff(prepend=torch.zeros(1).double())
    torch.testing.assert_close(sizes, 0.5 * (1 + torch.arange(60).double() / 20) ** -0.55)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_constant_steps_keep_a_draw_every_thinning_steps(algorithm: Algorithm) -> None:
    constant = settings(Schedule.CONSTANT).model_copy(update={"algorithm": algorithm})
    assert list(kept_steps(constant)) == [DECAY + 10 * draw for draw in range(1, 401)]


@pytest.mark.parametrize("thinning", [1, 3, 40])
@pytest.mark.parametrize("burn_in", [0, 30])
def test_draws_stand_for_equal_times(thinning: int, burn_in: int) -> None:
    """The time up to a draw is its share of the whole, to within the step that it was kept after."""
    kept = kept_steps(settings(draws=50, thinning=thinning, burn_in=burn_in))
    sizes = [(1 + step / max(1, burn_in)) ** -0.55 for step in range(burn_in + 50 * thinning)]
    whole = math.fsum(sizes[burn_in:])
    assert len(kept) == 50
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


def test_decaying_draws_have_the_variance_of_the_recursion_and_less_bias_than_constant_steps() -> None:
    """Along an axis of precision P: V <- (1 - eps_t P)^2 V + 2 eps_t, averaged over the kept steps."""
    target, kept = Gaussian.random(seed=5), torch.tensor(kept_steps(settings())) - 1
    variances, axes = torch.linalg.eigh(target.covariance)
    variance, found = torch.ones(DIMENSIONS).double(), []
    for step in range(int(kept[-1]) + 1):
        eps = STEP * (1 + step / DECAY) ** -0.55
        variance = (1 - eps / variances) ** 2 * variance + 2 * eps
        found.append(variance)
    expected = torch.stack(found)[kept].mean(0)
    sampler = built(Algorithm.SGLD, target, STEP, schedule=Schedule.DECAYING, burn_in=DECAY)
    draws = run(sampler, target.mean + normal(64, DIMENSIONS), steps=int(kept[-1]) + 1)[:, kept]
    along = (draws - target.mean) @ axes
    within_error(along, torch.zeros(DIMENSIONS))
    within_error(along.square(), expected)
    constant = 1 / (1 - STEP / variances / 2)
    assert (expected / variances - 1 < 0.4 * (constant - 1)).all()
