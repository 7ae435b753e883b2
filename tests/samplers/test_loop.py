"""The loop as a run uses it: tuned steps, exact log joints, the guard, groups of chains, and what is reported."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm, Schedule
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.base import Event, Step
from mtbkd_core.samplers.draws import Sample, sample
from mtbkd_core.samplers.loop import MOST_RESTARTS, LeftPosterior, run_chains
from mtbkd_core.samplers.mclmc import ENERGY_VARIANCE
from mtbkd_core.students.mlp import DenseStudent
from tests.samplers.runner import source, within_error
from tests.samplers.scenarios import LABELS, X, isotropic, quartic, stiffening

CHAINS = 16
EVERY: list[dict[str, Any]] = [
    *({"algorithm": name} for name in Algorithm),
    {"algorithm": Algorithm.SGLD, "schedule": Schedule.DECAYING, "thinning": 80, "burn_in": 1500},
]
EACH = pytest.mark.parametrize("asked", EVERY, ids=lambda asked: "-".join(map(str, asked.values())))


def settings(**changes: Any) -> SamplerConfig:
    slow = changes.get("algorithm") is Algorithm.SGLD
    values = {"chains": CHAINS, "draws": 150, "thinning": 40 if slow else 4, "burn_in": 150}
    return SamplerConfig(**{**values, **changes})


def posterior() -> LogPosterior:
    return LogPosterior(DenseStudent((2, 3), weight_scale=1.0), X, LABELS, None)


def draw(target: LogPosterior, asked: SamplerConfig, *, seed: int = 0, scale: float = 1.0, **more: Any) -> list[Sample]:
    random = source(seed)
    start = scale * random.normal((asked.chains * more.get("groups", 1), 9))
    return sample(target, start, asked, random, **more)


@EACH
@pytest.mark.parametrize("temperature", [0.25, 4.0])
def test_every_algorithm_tunes_itself_and_finds_the_tempered_prior(asked: dict[str, Any], temperature: float) -> None:
    """SGLD's own variance at a step eps is 1 / (1 - eps / 2) here, and a decaying step's lies between that and 1."""
    (kept,) = draw(isotropic(), settings(**asked, temperature=temperature, draws=300))
    assert kept.restarts == 0
    first = kept.positions[..., :3]
    within_error(first, torch.zeros(3))
    if asked["algorithm"] is Algorithm.SGLD:
        most = temperature / (1 - kept.step_size / 2)
        assert 0.9 * temperature < float(kept.positions.square().mean()) < 1.1 * most
    else:
        within_error(first.square(), torch.full((3,), temperature))


MINIBATCH = [{**asked, "batch_size": 2} for asked in EVERY if "sampler.batch_size" in asked["algorithm"].uses]


@pytest.mark.parametrize("asked", EVERY + MINIBATCH, ids=lambda asked: "-".join(map(str, asked.values())))
def test_draws_repeat_with_their_seed_and_have_their_exact_log_joint(asked: dict[str, Any]) -> None:
    target, short = posterior(), settings(**asked, draws=10)
    (first,), (again,), (other,) = (draw(target, short, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.positions, again.positions)
    assert not torch.equal(first.positions, other.positions)
    assert first.positions.shape == (CHAINS, 10, 9)
    expected = target(first.positions.flatten(0, 1)).log_joint.view(CHAINS, 10)
    torch.testing.assert_close(first.log_joint, expected)


def test_hmc_reports_the_mean_acceptance_of_its_trajectories_and_counts_their_gradients() -> None:
    seen: list[float] = []

    def watch(step: Step) -> None:
        if step.event in (Event.SAMPLING, Event.DRAW):
            assert step.info.acceptance is not None
            seen.append(float(step.info.acceptance.mean()))

    asked = settings(algorithm="hmc", step_size=1.2, leapfrog_steps=3, draws=10, thinning=2, burn_in=7)
    (kept,) = draw(isotropic(), asked, watch=watch)
    assert len(seen) == 20
    assert kept.acceptance == pytest.approx(sum(seen) / 20)
    assert 0.1 < sum(seen) / 20 < 0.95
    assert (kept.gradients, kept.energy_variance, kept.step_size) == (3 * (7 + 20), None, 1.2)


def test_mclmc_reports_its_energy_variance_which_the_burn_in_has_set_right() -> None:
    (kept,) = draw(isotropic(), settings(algorithm="mclmc", chains=64, burn_in=300))
    assert kept.energy_variance == pytest.approx(ENERGY_VARIANCE, rel=0.3)
    assert kept.acceptance is None
    assert kept.gradients == 300 + 150 * 4


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_step_size_that_was_given_stays(algorithm: Algorithm) -> None:
    seen: list[Step] = []
    (kept,) = draw(isotropic(), settings(algorithm=algorithm, step_size=0.05, draws=5), watch=seen.append)
    assert kept.step_size == 0.05
    assert Event.TUNING not in {step.event for step in seen}


def test_steps_are_yielded_in_order_and_every_draw_once() -> None:
    seen: list[Step] = []
    draw(isotropic(), settings(draws=5, thinning=3, burn_in=2), watch=seen.append)
    burn_in, draws = [Event.BURN_IN] * 2, [Event.SAMPLING, Event.SAMPLING, Event.DRAW] * 5
    assert [step.event for step in seen] == [Event.TUNING] * 12 + burn_in + draws
    assert [(step.number, step.of) for step in seen[12:]] == [(number, 17) for number in range(1, 18)]


#: 400 times as narrow as the prior: with these steps BAOAB and SGLD fly off, MCLMC falls into the mode.
TOO_LONG = {Algorithm.BAOAB: 0.3, Algorithm.MCLMC: 0.3, Algorithm.SGLD: 0.02}


@pytest.mark.parametrize("algorithm", TOO_LONG)
def test_the_guard_shortens_a_step_that_leaves(algorithm: Algorithm) -> None:
    asked, watched = settings(algorithm=algorithm, step_size=TOO_LONG[algorithm], draws=50), list[Step]()
    (kept,) = draw(isotropic(400.0), asked, scale=0.05, watch=watched.append)
    assert kept.restarts == sum(step.event is Event.RESTART for step in watched) > 0
    assert kept.gradients == sum(step.event is not Event.TUNING for step in watched)
    shorter = 0.7 if algorithm is Algorithm.BAOAB else 0.5
    assert kept.step_size == pytest.approx(TOO_LONG[algorithm] * shorter**kept.restarts)
    known = 1 / 400 / (1 - 400 * kept.step_size / 2) if algorithm is Algorithm.SGLD else 1 / 400
    assert float(kept.positions.square().mean()) == pytest.approx(known, rel=0.2)


@pytest.mark.parametrize("draws", [4, 19, 21])
def test_no_draw_of_a_chain_that_has_left_is_kept(draws: int) -> None:
    """However few steps there are between the last check and the end."""
    (kept,) = draw(isotropic(400.0), settings(step_size=0.11, draws=draws, thinning=1, burn_in=0), scale=0.05)
    assert kept.restarts > 0
    assert kept.log_joint.min() > -60


def test_a_chain_that_leaves_at_every_step_size_is_an_error_with_the_last_one() -> None:
    """SGLD at a step of 10 is unstable still when it is halved five times: the Gaussian allows 2 / 400."""
    asked = settings(algorithm=Algorithm.SGLD, step_size=10.0, thinning=1)
    with pytest.raises(
        LeftPosterior, match=r"^sampler\.step_size: a chain leaves .* even at 0\.31; give a smaller"
    ) as e:
        draw(isotropic(400.0), asked, scale=0.05)
    assert e.value.step_size == 10 * 0.5**MOST_RESTARTS


@pytest.mark.parametrize("algorithm", TOO_LONG)
def test_a_step_tuned_where_the_slope_is_gentle_is_set_right_before_draws_are_kept(algorithm: Algorithm) -> None:
    """Chains start where the target is flat and spread to where it is stiff: no draw is lost by that."""
    (kept,) = draw(quartic(), settings(algorithm=algorithm, burn_in=200, draws=300), scale=0.01)
    assert kept.restarts == 0
    known = 2 * math.gamma(0.75) / math.gamma(0.25)
    assert float(kept.positions.square().mean()) == pytest.approx(known, rel=0.15)


def test_mclmcs_step_is_shortened_while_it_samples_where_chains_reach_a_stiffer_place() -> None:
    """The Gaussian is 0.63 times as wide from the thousandth gradient on, long after the burn-in."""
    seen: list[Step] = []
    asked = settings(algorithm=Algorithm.MCLMC, burn_in=100, draws=500)
    (kept,) = draw(stiffening(), asked, scale=2.0, watch=seen.append)
    sizes = [float(step.step_sizes) for step in seen if step.event in (Event.SAMPLING, Event.DRAW)]
    assert kept.restarts == 0
    assert all(later <= sooner for sooner, later in pairwise(sizes))
    assert sizes[0] == sizes[700] > 1.1 * sizes[-1]
    assert kept.step_size == sizes[-1]


def groups_of(narrow: float) -> Tensor:
    """Precisions of two groups of chains: the second is that much narrower."""
    return torch.tensor([1.0, narrow**2]).repeat_interleave(CHAINS)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_each_group_of_chains_has_the_step_size_that_it_needs(algorithm: Algorithm) -> None:
    target = isotropic(100 * groups_of(4.0))
    wide, narrow = draw(target, settings(algorithm=algorithm), scale=0.025, groups=2)
    power = 2 if algorithm is Algorithm.SGLD else 1
    assert wide.step_size / narrow.step_size == pytest.approx(4**power, rel=0.35)
    for kept, variance in ((wide, 1 / 100), (narrow, 1 / 1600)):
        most = 1 / (1 - kept.step_size / variance / 2) if algorithm is Algorithm.SGLD else 1.0
        assert 0.9 < float(kept.positions.square().mean()) / variance < 1.1 * most


@pytest.mark.parametrize("algorithm", TOO_LONG)
def test_a_group_that_leaves_begins_again_alone_and_the_other_keeps_its_draws(algorithm: Algorithm) -> None:
    asked, watched = settings(algorithm=algorithm, step_size=TOO_LONG[algorithm], draws=40), list[Step]()
    target = isotropic(groups_of(20.0))
    calm, restless = draw(target, asked, scale=0.05, groups=2, watch=watched.append)
    assert (calm.restarts, calm.step_size) == (0, TOO_LONG[algorithm])
    assert calm.gradients == 150 + 40 * asked.thinning
    assert restless.restarts > 0
    assert restless.gradients > calm.gradients
    restarts = [step for step in watched if step.event is Event.RESTART]
    assert all(step.groups is not None and step.groups.tolist() == [1] for step in restarts)
    for kept, own in ((calm, slice(CHAINS)), (restless, slice(CHAINS, None))):
        expected = -0.5 * target.precisions[own, :, None] * kept.positions.square()
        torch.testing.assert_close(kept.log_joint, expected.sum(-1))


def test_without_a_guard_chains_may_go_far_down() -> None:
    """From the mode of a wide target in many dimensions, far above where its draws are."""
    target, asked = isotropic(), settings(algorithm=Algorithm.HMC, step_size=0.5, burn_in=0)
    events = {
        step.event
        for step in run_chains(target, torch.full((4, 9), 40.0).double(), asked, source(), range(1, 60), guarded=False)
    }
    assert events == {Event.DRAW}
