"""Racers: slices add up to one run, the running mean is that of the draws, clocks and turns are fair."""

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm, Schedule
from mtbkd_core.config.models import PriorConfig, SamplerConfig
from mtbkd_core.evaluation.diagnostics import monte_carlo_error, total_variation
from mtbkd_core.posterior import LogPosterior, stack_priors
from mtbkd_core.students.base import Student
from mtbkd_core.studies.timed_sampler import Racer, race
from tests.studies.clock import Clock

CHAINS = 4


@pytest.fixture(autouse=True)
def _steps_are_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtbkd_core.studies.timed_sampler.time", Clock())


@pytest.fixture
def target(generator: torch.Generator) -> LogPosterior:
    student = Student((3, 4), weight_scale=0.6)
    x = torch.randn(12, 3, generator=generator)
    labels = torch.randint(4, (12,), generator=generator)
    return LogPosterior(student, x, labels, stack_priors(torch.randn(2, 12, 4, generator=generator), [PriorConfig()]))


@pytest.fixture
def start(target: LogPosterior, generator: torch.Generator) -> Tensor:
    return torch.randn(CHAINS, target.student.n_parameters, generator=generator)


def settings(algorithm: Algorithm, **more: object) -> SamplerConfig:
    return SamplerConfig.model_validate({"algorithm": algorithm, "chains": CHAINS, "burn_in": 3, **more})


def test_total_variation_by_hand() -> None:
    mean, other = torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([[0.7, 0.3], [0.0, 1.0]])
    assert total_variation(mean, other) == pytest.approx((0.2 + 1.0) / 2)
    assert total_variation(mean, mean) == 0


def test_the_monte_carlo_error_is_that_of_the_mean_of_all_chains(generator: torch.Generator) -> None:
    """The mean absolute error of a mean of S chains with deviation 1 in two mirrored classes is sqrt(2 / (pi S))."""
    noise = torch.randn(10, 20_000, 1, generator=generator)
    found = monte_carlo_error(torch.cat([noise, -noise], -1))
    assert found == pytest.approx((2 / (torch.pi * 10)) ** 0.5, rel=0.03)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_slices_give_what_one_long_turn_gives(target: LogPosterior, start: Tensor, algorithm: Algorithm) -> None:
    """The clock decides how many steps a turn has; the draws of equal numbers of steps are equal."""
    kept: dict[str, list[Tensor]] = {"one": [], "many": []}
    racers = {
        name: Racer(
            target, start, target.x, settings(algorithm), seed=1, on_draw=lambda p, _, kept=found: kept.append(p)
        )
        for name, found in kept.items()
    }
    racers["one"].advance(0.1)
    while len(kept["many"]) < len(kept["one"]):
        racers["many"].advance(0.005)
    for one, many in zip(kept["one"], kept["many"], strict=False):
        assert torch.equal(one, many)


def test_the_mean_and_the_log_joint_are_those_of_the_draws(target: LogPosterior, start: Tensor) -> None:
    draws: list[Tensor] = []
    joints: list[Tensor] = []

    def keep(probabilities: Tensor, log_joint: Tensor) -> None:
        draws.append(probabilities)
        joints.append(log_joint)

    racer = Racer(target, start, target.x, settings(Algorithm.BAOAB, step_size=0.05), on_draw=keep)
    assert racer.mean is None
    assert racer.standing(torch.zeros(12, 4)).distance is None
    racer.advance(0.1)
    assert racer.mean is not None
    assert len(draws) > 3
    torch.testing.assert_close(racer.mean, torch.stack(draws).mean((0, 1)))
    assert racer.mean_log_joint == pytest.approx(float(torch.stack(joints).mean()), rel=1e-5)
    standing = racer.standing(racer.mean)
    assert standing.distance == 0
    assert standing.seconds >= 0.1
    assert standing.gradients >= 3 + 16 * len(draws)


def test_draws_of_a_decaying_step_count_by_the_time_they_stand_for(target: LogPosterior, start: Tensor) -> None:
    draws: list[Tensor] = []
    racer = Racer(
        target,
        start,
        target.x,
        settings(Algorithm.SGLD, schedule=Schedule.DECAYING, step_size=0.01),
        on_draw=lambda p, _: draws.append(p),
    )
    racer.advance(0.1)
    times = torch.tensor([sum((1 + (3 + 16 * d + i) / 3) ** -0.55 for i in range(16)) for d in range(len(draws))])
    expected = (times[:, None, None, None] * torch.stack(draws)).sum(0).mean(0) / times.sum()
    assert racer.mean is not None
    torch.testing.assert_close(racer.mean, expected)


def test_a_racer_finds_the_exact_mean(target: LogPosterior, start: Tensor) -> None:
    """Two samplers that share nothing agree to within their Monte Carlo errors."""
    wide = start.repeat(4, 1)
    racers = [
        Racer(target, wide, target.x, settings(algorithm, chains=16, burn_in=20), seed=seed)
        for seed, algorithm in enumerate((Algorithm.HMC, Algorithm.BAOAB))
    ]
    for racer in racers:
        while racer.gradients < 3000:
            racer.advance(0.1)
    means = [racer.chain_means for racer in racers]
    assert means[0] is not None
    assert means[1] is not None
    error = (monte_carlo_error(means[0]) ** 2 + monte_carlo_error(means[1]) ** 2) ** 0.5
    assert error < 0.02
    assert total_variation(means[0].mean(0), means[1].mean(0)) < 4 * error


def test_everybody_works_for_as_long_and_who_is_behind_goes_next(target: LogPosterior, start: Tensor) -> None:
    racers = {
        name: Racer(target, start, target.x, settings(Algorithm.BAOAB, step_size=0.05), seconds=before)
        for name, before in (("a", 0.0), ("b", 1.0))
    }
    turns = [name for name, _ in race(racers, torch.zeros(12, 4), seconds=0.06, slice_seconds=0.01)]
    assert racers["a"].seconds >= 0.06
    assert racers["b"].seconds >= 1.06
    assert min(turns.count("a"), turns.count("b")) >= 2


@pytest.mark.parametrize(
    ("algorithm", "step_size", "factor"), [(Algorithm.SGLD, 0.25, 0.5), (Algorithm.BAOAB, 0.5, 0.7)]
)
def test_a_chain_that_leaves_begins_again_with_a_shorter_step_as_in_a_run(
    target: LogPosterior, start: Tensor, algorithm: Algorithm, step_size: float, factor: float
) -> None:
    """Far below where it began, its log joint is still a number."""
    draws: list[Tensor] = []
    joints: list[float] = []

    def keep(probabilities: Tensor, log_joint: Tensor) -> None:
        draws.append(probabilities)
        joints.append(float(log_joint.mean()))

    def forget() -> None:
        draws.clear()
        joints.clear()

    racer = Racer(
        target,
        start,
        target.x,
        settings(algorithm, step_size=step_size),
        seed=1,
        on_draw=keep,
        on_restart=forget,
    )
    racer.advance(1.5)
    assert racer.restarts == 1
    assert racer.step_size == pytest.approx(factor * step_size)
    assert racer.seconds >= 1.5
    assert racer.gradients > 1000  # the clock and the count go on
    assert min(joints) > 0  # a chain that leaves is at -62
    assert racer.mean is not None
    torch.testing.assert_close(racer.mean, torch.stack(draws).mean((0, 1)))
    assert racer.mean_log_joint == pytest.approx(sum(joints) / len(joints), rel=1e-5)


def test_mclmc_that_falls_into_the_mode_begins_again(target: LogPosterior, start: Tensor) -> None:
    """At far too long a step it does not leave; its energy tells."""
    racer = Racer(target, start, target.x, settings(Algorithm.MCLMC, step_size=1.0))
    racer.advance(1.5)
    assert racer.restarts > 0


def test_a_chain_that_leaves_at_every_step_size_is_said(target: LogPosterior, start: Tensor) -> None:
    racer = Racer(target, start, target.x, settings(Algorithm.SGLD, step_size=10.0))
    with pytest.raises(FloatingPointError, match=r"^a chain left the posterior even at a step size of 0\.31$"):
        racer.advance(5.0)
    assert racer.restarts == 5
