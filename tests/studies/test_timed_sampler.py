"""Timed samplers: slices add up to one run, the running mean is that of the draws, clocks and turns are fair."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm, Schedule
from mtbkd_core.config.models import PriorConfig, SamplerConfig
from mtbkd_core.evaluation.diagnostics import predictive_error, total_variation
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import stack_priors
from mtbkd_core.samplers.loop import LeftPosterior
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.studies.timed_sampler import TimedSampler, take_turns
from tests.studies.clock import Clock

CHAINS = 4


class Kept:
    """The draws that a sampler gives, of which a restart leaves none."""

    def __init__(self) -> None:
        self.draws: list[Tensor] = []
        self.joints: list[Tensor] = []

    def keep(self, probabilities: Tensor, log_joint: Tensor) -> None:
        self.draws.append(probabilities)
        self.joints.append(log_joint)

    def forget(self) -> None:
        self.draws.clear()
        self.joints.clear()


@pytest.fixture
def target(generator: torch.Generator) -> LogPosterior:
    x = torch.randn(12, 3, generator=generator)
    labels = torch.randint(4, (12,), generator=generator)
    mixture = stack_priors(torch.randn(2, 12, 4, generator=generator), [PriorConfig()])
    return LogPosterior(DenseStudent((3, 4), weight_scale=0.6), x, labels, mixture)


@pytest.fixture
def start(target: LogPosterior, generator: torch.Generator) -> Tensor:
    return torch.randn(CHAINS, target.student.n_parameters, generator=generator)


def settings(algorithm: Algorithm, **more: object) -> SamplerConfig:
    return SamplerConfig.model_validate({"algorithm": algorithm, "chains": CHAINS, "burn_in": 3, **more})


def timed(target: LogPosterior, start: Tensor, asked: SamplerConfig, **more: Any) -> tuple[TimedSampler, Kept]:
    kept = Kept()
    given = {"on_draw": kept.keep, "on_restart": kept.forget, "clock": Clock(), **more}
    return TimedSampler(target, start, target.x, asked, **given), kept


def test_total_variation_by_hand() -> None:
    mean, other = torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([[0.7, 0.3], [0.0, 1.0]])
    assert total_variation(mean, other) == pytest.approx((0.2 + 1.0) / 2)
    assert total_variation(mean, mean) == 0


def test_the_predictive_error_is_that_of_the_mean_of_all_chains(generator: torch.Generator) -> None:
    """The mean absolute error of a mean of S chains with deviation 1 in two mirrored classes is sqrt(2 / (pi S))."""
    noise = torch.randn(10, 20_000, 1, generator=generator)
    found = predictive_error(torch.cat([noise, -noise], -1))
    assert found == pytest.approx((2 / (torch.pi * 10)) ** 0.5, rel=0.03)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_slices_give_what_one_long_turn_gives(target: LogPosterior, start: Tensor, algorithm: Algorithm) -> None:
    (one, whole), (many, parts) = (timed(target, start, settings(algorithm), seed=1) for _ in range(2))
    one.advance(0.1)
    while len(parts.draws) < len(whole.draws):
        many.advance(0.005)
    assert whole.draws
    for left, right in zip(whole.draws, parts.draws, strict=False):
        assert torch.equal(left, right)


def test_the_mean_and_the_log_joint_are_those_of_the_draws(target: LogPosterior, start: Tensor) -> None:
    sampler, kept = timed(target, start, settings(Algorithm.BAOAB, step_size=0.05))
    assert sampler.mean is None
    assert sampler.point(torch.zeros(12, 4)).distance is None
    sampler.advance(0.1)
    assert sampler.mean is not None
    assert len(kept.draws) > 3
    torch.testing.assert_close(sampler.mean, torch.stack(kept.draws).mean((0, 1)))
    assert sampler.mean_log_joint == pytest.approx(float(torch.stack(kept.joints).mean()), rel=1e-5)
    point = sampler.point(sampler.mean)
    assert point.distance == 0
    assert point.seconds >= 0.1
    assert point.gradients >= 3 + 16 * len(kept.draws)


def test_draws_of_a_decaying_step_count_by_the_time_they_stand_for(target: LogPosterior, start: Tensor) -> None:
    sampler, kept = timed(target, start, settings(Algorithm.SGLD, schedule=Schedule.DECAYING, step_size=0.01))
    sampler.advance(0.1)
    times = torch.tensor([sum((1 + (3 + 16 * d + i) / 3) ** -0.55 for i in range(16)) for d in range(len(kept.draws))])
    expected = (times[:, None, None, None] * torch.stack(kept.draws)).sum(0).mean(0) / times.sum()
    assert sampler.mean is not None
    torch.testing.assert_close(sampler.mean, expected)


def test_two_samplers_that_share_nothing_agree_within_their_predictive_errors(
    target: LogPosterior, start: Tensor
) -> None:
    means = []
    for seed, algorithm in enumerate((Algorithm.HMC, Algorithm.BAOAB)):
        sampler, _ = timed(target, start.repeat(4, 1), settings(algorithm, chains=16, burn_in=20), seed=seed)
        while sampler.gradients < 3000:
            sampler.advance(0.1)
        assert sampler.chain_means is not None
        means.append(sampler.chain_means)
    error = (predictive_error(means[0]) ** 2 + predictive_error(means[1]) ** 2) ** 0.5
    assert error < 0.02
    assert total_variation(means[0].mean(0), means[1].mean(0)) < 4 * error


def test_each_works_for_as_long_and_the_one_furthest_behind_goes_next(target: LogPosterior, start: Tensor) -> None:
    asked = settings(Algorithm.BAOAB, step_size=0.05)
    samplers = {name: timed(target, start, asked, seconds=before)[0] for name, before in (("a", 0.0), ("b", 1.0))}
    turns = [name for name, _ in take_turns(samplers, torch.zeros(12, 4), seconds=0.06, slice_seconds=0.01)]
    assert samplers["a"].seconds >= 0.06
    assert samplers["b"].seconds >= 1.06
    assert min(turns.count("a"), turns.count("b")) >= 2


@pytest.mark.parametrize(
    ("algorithm", "step_size", "factor"), [(Algorithm.SGLD, 0.25, 0.5), (Algorithm.BAOAB, 0.5, 0.7)]
)
def test_when_a_chain_leaves_all_begin_again_with_a_shorter_step(
    target: LogPosterior, start: Tensor, algorithm: Algorithm, step_size: float, factor: float
) -> None:
    """Far below where it began, its log joint is still a number."""
    sampler, kept = timed(target, start, settings(algorithm, step_size=step_size), seed=1)
    sampler.advance(1.5)
    assert sampler.restarts == 1
    assert sampler.step_size == pytest.approx(factor * step_size)
    assert sampler.seconds >= 1.5
    assert sampler.gradients > 1000  # the clock and the count go on
    assert min(float(joint.mean()) for joint in kept.joints) > 0  # a chain that leaves is at -62
    assert sampler.mean is not None
    torch.testing.assert_close(sampler.mean, torch.stack(kept.draws).mean((0, 1)))
    assert sampler.mean_log_joint == pytest.approx(float(torch.stack(kept.joints).mean()), rel=1e-5)


def test_a_chain_that_leaves_at_every_step_size_is_an_error_and_ends_its_turns(
    target: LogPosterior, start: Tensor
) -> None:
    asked = settings(Algorithm.SGLD, step_size=10.0)
    with pytest.raises(LeftPosterior):
        timed(target, start, asked)[0].advance(5.0)
    sampler, _ = timed(target, start, asked)
    turns = list(take_turns({"sgld": sampler}, torch.zeros(12, 4), seconds=5.0))
    assert sampler.restarts == 5
    assert sampler.problem == "a chain left the posterior even at a step size of 0.31"
    assert turns[-1][1].seconds < 5.0
