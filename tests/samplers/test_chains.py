"""Chains as a run makes them, with each algorithm: the exact posterior, tuned steps, what is reported, the guard."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mtbkd_core.common.progress import Phase
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density, LogPosterior
from mtbkd_core.samplers.base import Info
from mtbkd_core.samplers.chains import Sample, sample
from mtbkd_core.students.base import Student
from tests.samplers.runner import within_error

EVERY: list[dict[str, Any]] = [
    {"algorithm": "baoab"},
    {"algorithm": "mclmc"},
    {"algorithm": "hmc", "leapfrog_steps": 5, "thinning": 1},
    {"algorithm": "sgld", "thinning": 40},
    {"algorithm": "sgld", "schedule": "decaying", "thinning": 80, "burn_in": 1500},
]

#: [N, F] and labels of a linear student's target, and a target that is Gaussian: labels that say nothing.
X = torch.tensor([[-1.0, 0.3], [0.5, -2.0], [2.0, 1.0], [0.1, 0.1]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 1])


class Prior(LogPosterior):
    """The Gaussian prior alone, a standard normal in whitened coordinates: its moments are known at any temperature."""

    def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
        return Density(-0.5 * position.square().sum(-1), -position)


def prior() -> Prior:
    return Prior(Student((2, 3), weight_scale=1.0), X, LABELS, None)


def settings(**changes: Any) -> SamplerConfig:
    values = {"chains": 16, "draws": 150, "thinning": 4, "burn_in": 150, "warm_start_steps": 0}
    return SamplerConfig(**{**values, **changes})


def unwatched(phase: Phase, step: int, steps: int, message: str, info: Info) -> None:
    pass


def draw(target: LogPosterior, asked: SamplerConfig, *, seed: int = 0, watch: Any = unwatched) -> Sample:
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(asked.chains, 9, generator=generator, dtype=torch.float64)
    return sample(target, start, asked, generator, watch)


@pytest.mark.parametrize("temperature", [0.25, 4.0])
@pytest.mark.parametrize("asked", EVERY, ids=lambda asked: "-".join(map(str, asked.values())))
def test_every_algorithm_tunes_itself_and_finds_the_tempered_prior(asked: dict[str, Any], temperature: float) -> None:
    """SGLD's own variance at a step eps is 1 / (1 - eps / 2) here, and a decaying step's lies between that and 1."""
    kept = draw(prior(), settings(**asked, temperature=temperature, draws=300))
    assert kept.restarts == 0
    first = kept.positions[..., :3]
    within_error(first, torch.zeros(3))
    if asked["algorithm"] == "sgld":
        most = temperature / (1 - kept.step_size / 2)
        assert 0.9 * temperature < float(kept.positions.square().mean()) < 1.1 * most
    else:
        within_error(first.square(), torch.full((3,), temperature))


@pytest.mark.parametrize("asked", EVERY, ids=lambda asked: "-".join(map(str, asked.values())))
def test_every_algorithm_repeats_itself_and_keeps_the_log_joint_of_its_draws(asked: dict[str, Any]) -> None:
    target = LogPosterior(Student((2, 3), weight_scale=1.0), X, LABELS, None)
    short = settings(**asked, draws=10)
    first, again, other = (draw(target, short, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.positions, again.positions)
    assert not torch.equal(first.positions, other.positions)
    assert first.positions.shape == (16, 10, 9)
    expected = target(first.positions.flatten(0, 1)).log_joint.view(16, 10)
    torch.testing.assert_close(first.log_joint, expected)


def test_hmc_says_the_mean_acceptance_of_its_trajectories_and_counts_their_gradients() -> None:
    seen: list[float] = []

    def watch(phase: Phase, step: int, steps: int, message: str, info: Info) -> None:
        if phase is Phase.SAMPLING and message != "Burning in":
            assert info.acceptance is not None
            seen.append(float(info.acceptance.mean()))

    asked = settings(algorithm="hmc", step_size=1.2, leapfrog_steps=3, draws=10, thinning=2, burn_in=7)
    kept = draw(prior(), asked, watch=watch)
    assert len(seen) == 20
    assert kept.acceptance == pytest.approx(sum(seen) / 20)
    assert 0.1 < sum(seen) / 20 < 0.95
    assert kept.gradients == 3 * (7 + 20)
    assert kept.energy_variance is None
    assert kept.step_size == 1.2


def test_mclmc_says_its_energy_variance_which_the_burn_in_has_set_right() -> None:
    kept = draw(prior(), settings(algorithm="mclmc", chains=64, burn_in=300))
    assert kept.energy_variance == pytest.approx(5e-4, rel=0.3)
    assert kept.acceptance is None
    assert kept.gradients == 300 + 150 * 4


def test_a_step_size_that_was_given_is_left_alone() -> None:
    for algorithm in Algorithm:
        assert draw(prior(), settings(algorithm=algorithm, step_size=0.05, draws=5)).step_size == 0.05


@pytest.mark.parametrize("algorithm", ["baoab", "mclmc", "sgld"])
def test_the_guard_shortens_a_step_that_leaves(algorithm: str) -> None:
    """400 times as narrow as the prior: BAOAB and SGLD fly off, MCLMC falls into the mode."""

    class Narrow(LogPosterior):
        def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
            return Density(-200 * position.square().sum(-1), -400 * position)

    target = Narrow(Student((2, 3), weight_scale=1.0), X, LABELS, None)
    asked = settings(algorithm=algorithm, step_size=0.3 if algorithm != "sgld" else 0.02, draws=50)
    generator = torch.Generator().manual_seed(0)
    start = 0.05 * torch.randn(16, 9, generator=generator, dtype=torch.float64)
    watched = 0

    def count(phase: Phase, step: int, steps: int, message: str, info: Info) -> None:
        nonlocal watched
        watched += 1

    kept = sample(target, start, asked, generator, count)
    assert kept.restarts > 0
    # the step that shows a chain to have left costs a gradient too, and is not watched
    assert watched <= kept.gradients <= watched + kept.restarts
    shorter = 0.7 if algorithm == "baoab" else 0.5
    assert asked.step_size is not None
    assert kept.step_size == pytest.approx(asked.step_size * shorter**kept.restarts)
    known = 1 / 400 / (1 - 400 * kept.step_size / 2) if algorithm == "sgld" else 1 / 400
    assert float(kept.positions.square().mean()) == pytest.approx(known, rel=0.2)
