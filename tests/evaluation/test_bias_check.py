"""The bias check: a step that is too long is noticed, a good one is not."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from mtbkd_core.common.progress import Cancelled
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.evaluation.bias_check import BiasCheck, ExactRun, check_gradients, compare, run_exact
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.base import Info
from mtbkd_core.samplers.draws import Sample, sample
from mtbkd_core.students.mlp import DenseStudent
from tests.samplers.runner import source, within_error
from tests.samplers.scenarios import LABELS, X, isotropic

CHAINS = 16


def exact_after(target: LogPosterior, position: Tensor, temperature: float = 1.0, watch: Any = None) -> ExactRun:
    return run_exact(
        target,
        position,
        X,
        gradients=2000,
        temperature=temperature,
        random=source(1),
        watch=watch or (lambda done, of, info: None),
    )


def checked(target: LogPosterior, temperature: float = 1.0, **changes: Any) -> tuple[Sample, BiasCheck]:
    """A sampler's draws, and their check."""
    settings = SamplerConfig(chains=CHAINS, draws=300, thinning=10, temperature=temperature, **changes)
    random = source()
    (kept,) = sample(target, random.normal((CHAINS, 9)), settings, random)
    mean = target.student.probabilities(kept.positions.flatten(0, 1), X).mean(0)
    return kept, compare(exact_after(target, kept.positions[:, -1], temperature), kept.log_joint, mean)


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_a_step_that_is_too_long_is_noticed_and_by_how_much(temperature: float) -> None:
    """SGLD at a step eps has 1 / (1 - eps / 2) times the Gaussian's variance."""
    kept, found = checked(isotropic(), temperature, algorithm="sgld", step_size=1.0)
    expected = -4.5 * temperature * (1 / (1 - 0.5) - 1)
    assert kept.restarts == 0
    assert found.log_joint_difference == pytest.approx(expected, abs=4.5 * found.log_joint_error)
    assert found.log_joint_difference < -10 * found.log_joint_error
    assert found.log_joint_sd == pytest.approx(math.sqrt(4.5) * temperature, rel=0.1)
    assert found.is_biased
    assert "The draws are biased: the log joint of the draws is" in found.sentence
    assert "nats below" in found.sentence


@pytest.mark.parametrize("algorithm", ["baoab", "mclmc", "sgld"])
def test_a_good_step_is_not_called_biased(algorithm: str) -> None:
    posterior = LogPosterior(DenseStudent((2, 3), weight_scale=1.0), X, LABELS, None)
    _, found = checked(posterior, algorithm=algorithm, step_size=0.05 if algorithm == "sgld" else None)
    assert found.is_biased is False
    assert abs(found.log_joint_difference) < 4.5 * found.log_joint_error
    assert found.total_variation < 5 * found.total_variation_error
    assert "no relevant bias" in found.sentence


def test_hmc_forgets_where_biased_chains_ended() -> None:
    """From a Gaussian four times too wide, and at another temperature, its draws are the tempered prior's."""
    start = 4 * source().normal((CHAINS, 9))
    found = exact_after(isotropic(), start, temperature=0.5)
    within_error(found.log_joint[..., None], torch.tensor([-4.5 * 0.5]))
    assert 0.5 < found.acceptance < 1
    assert found.chain_means.shape == (CHAINS, len(X), 3)
    torch.testing.assert_close(found.chain_means.sum(-1), torch.ones(CHAINS, len(X), dtype=torch.float64))


@pytest.mark.parametrize("most", [500, 2000, 20_000])
def test_it_takes_no_more_gradients_than_it_was_given_and_reports_all_of_them(most: int) -> None:
    """A trajectory is a quarter of the prior's period, or shorter, so that fifty are made; a quarter is thrown away."""
    taken = 0

    class Counted(LogPosterior):
        def __call__(self, position: Tensor, batch: Tensor | None = None) -> Any:
            nonlocal taken
            taken += 1
            return isotropic()(position)

    seen: list[tuple[int, int]] = []
    found = run_exact(
        Counted(DenseStudent((2, 3), weight_scale=1.0), X, LABELS, None),
        torch.zeros(2, 9, dtype=torch.float64),
        X,
        gradients=most,
        temperature=1.0,
        random=source(),
        watch=lambda done, of, info: seen.append((done, of)),
    )
    started = 2  # the gradients at the starts of the tuning and of the sampling
    assert most - found.leapfrog_steps < taken - started <= most
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (most, most)
    quarter = round(math.pi / 2 / found.step_size)
    assert found.leapfrog_steps == max(1, min(quarter, (most - 96) // 50))
    trajectories = (most - 96) // found.leapfrog_steps
    assert found.log_joint.shape == (2, trajectories - trajectories // 4)


def test_it_is_as_long_as_the_sampling_and_not_too_short_to_tell() -> None:
    assert check_gradients(2100.4) == 2100
    assert check_gradients(12) == 500


def test_it_can_be_stopped() -> None:
    reached = 0

    def watch(done: int, of: int, info: Info) -> None:
        nonlocal reached
        reached = done
        if done > 1000:
            raise Cancelled

    with pytest.raises(Cancelled):
        exact_after(isotropic(), torch.zeros(2, 9, dtype=torch.float64), watch=watch)
    assert 1000 < reached < 1100


def test_total_variation_and_its_error_by_hand(generator: torch.Generator) -> None:
    log_joint = torch.randn(2, 8, generator=generator)
    means = torch.tensor([[[0.5, 0.5]], [[0.9, 0.1]]])
    found = compare(ExactRun(log_joint, means, 0.8, 0.1, 5), log_joint - 3, torch.tensor([[0.8, 0.2]]))
    assert found.log_joint_difference == pytest.approx(-3, abs=1e-6)
    assert found.total_variation == pytest.approx(0.1)
    assert found.total_variation_error == pytest.approx(0.2 * (2 / torch.pi) ** 0.5)
    assert (found.acceptance, found.leapfrog_steps, found.trajectories) == (0.8, 5, 8)


def test_a_number_that_is_not_defined_is_none(generator: torch.Generator) -> None:
    moving, still = torch.randn(1, 8, generator=generator), torch.zeros(1, 8)
    mean = torch.tensor([[[0.5, 0.5]]])
    alone = compare(ExactRun(moving, mean, 0.8, 0.1, 5), moving, mean[0])
    assert alone.total_variation_error is None
    assert "HMC's own error" not in alone.sentence
    stuck = compare(ExactRun(still, mean, 0.0, 0.1, 5), moving, mean[0])
    assert stuck.log_joint_error is None
    assert stuck.is_biased is None
    assert "undecided" in stuck.sentence


@pytest.mark.parametrize(
    ("difference", "error", "biased"),
    [
        (-10.0, 1.0, True),
        (10.0, 1.0, True),
        (-4.0, 1.0, False),  # beyond chance, and less than half a deviation
        (-2.0, 1.0, False),
        (-10.0, 4.0, None),  # chance could do it, and could hide as much
        (-1.0, 4.0, None),
    ],
)
def test_a_bias_is_beyond_chance_and_matters(difference: float, error: float, biased: bool | None) -> None:
    found = BiasCheck(
        log_joint_difference=difference,
        log_joint_error=error,
        log_joint_sd=10.0,
        total_variation=0.01,
        total_variation_error=0.005,
    )
    assert found.is_biased is biased
    words = {True: "The draws are biased", False: "no relevant bias", None: "undecided"}[biased]
    assert words in found.sentence
