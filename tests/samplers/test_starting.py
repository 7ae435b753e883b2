"""How chains get going: the anchored warm start, and the step size that short trajectories choose."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mtbkd_core import Task, build_config
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.posterior import Density, LogPosterior, stack_priors
from mtbkd_core.samplers import hmc, mclmc, warm_start
from mtbkd_core.samplers.base import Info
from mtbkd_core.samplers.chains import fit_start
from mtbkd_core.samplers.tuning import ENERGY_VARIANCE, step_for_energy, tune_energy_variance, tune_step_size
from mtbkd_core.students.base import Student
from tests.samplers.runner import assert_moments, run
from tests.samplers.scenarios import DIMENSIONS, Gaussian


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear_target(n: int = 20) -> LogPosterior:
    generator = torch.Generator().manual_seed(1)
    student = Student((4, 3), weight_scale=1.0)
    x = torch.randn(n, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(3, (n,), generator=generator)
    teachers = torch.randn(2, n, 3, generator=generator, dtype=torch.float64)
    return LogPosterior(student, x, labels, stack_priors(teachers, [PriorConfig()]))


def test_the_warm_start_climbs_to_the_optimum_of_each_chains_anchored_target() -> None:
    """A linear student's target is concave: the gradient vanishes there, in a different place for every anchor."""
    target, start = linear_target(), 2 * normal(6, 15)
    anchored = target.anchored(start)
    steps = 600
    end = run(warm_start.build(anchored, steps=steps), start, steps=steps)[:, -1]
    slope = anchored(end).gradient.norm(dim=-1)
    assert (slope < 1e-2).all()
    assert (slope < 1e-3 * anchored(start).gradient.norm(dim=-1)).all()
    assert torch.pdist(end).min() > 0.5


def test_the_warm_starts_first_steps_are_adams() -> None:
    """Against torch's own Adam with the same settings and the same linear decay."""
    target, start = linear_target(), normal(3, 15)
    parameter = torch.nn.Parameter(start.clone())
    adam = torch.optim.Adam([parameter], lr=0.2, betas=(0.9, 0.99), eps=1e-8, maximize=True)
    decay = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / 10)
    for _ in range(10):
        parameter.grad = target(parameter.detach()).gradient
        adam.step()
        decay.step()
    ours = run(warm_start.build(target, step_size=0.2, steps=10), start, steps=10)[:, -1]
    torch.testing.assert_close(ours, parameter.detach(), rtol=0, atol=1e-8)


def test_the_warm_start_moves_nothing_where_there_is_no_slope() -> None:
    def flat(position: Tensor, batch: Tensor | None = None) -> Density:
        return Density(position.new_zeros(len(position)), torch.zeros_like(position))

    start = normal(3, 5)
    assert torch.equal(run(warm_start.build(flat, steps=10), start, steps=10)[:, -1], start)


def test_warm_starts_of_a_gaussian_posterior_have_a_posteriors_mean_and_spread() -> None:
    """With likelihood precision L and prior N(0, 1), the anchored optimum of u_0 is (L + 1)^-1 (L m + u_0): its mean is
    the posterior's, its spread (L + 1)^-1 in standard deviation, never more than the posterior's (L + 1)^-1/2.
    """
    precision, centre, start = 3.0, 1.5, normal(4000, 2)

    def anchored(position: Tensor, batch: Tensor | None = None) -> Density:
        gradient = -precision * (position - centre) - (position - start)
        return Density(position.new_zeros(len(position)), gradient)

    end = run(warm_start.build(anchored, steps=300), start, steps=300)[:, -1]
    torch.testing.assert_close(end, (precision * centre + start) / (precision + 1), rtol=0, atol=1e-3)


def wide_gaussian(scale: float) -> Gaussian:
    """40 coordinates of different scales, so that no number of leapfrog steps brings all of them round at once."""
    return Gaussian(torch.zeros(40).double(), scale**2 * torch.linspace(0.5, 1.5, 40).double().square().diag())


@pytest.mark.parametrize("first", [0.02, 0.3, 5.0])
def test_the_tuned_step_is_accepted_about_as_often_as_wanted(first: float) -> None:
    """Acceptance falls steeply with the step here; the start is far too short, or too long."""
    target = wide_gaussian(1.0)
    generator = torch.Generator().manual_seed(0)
    tuned = tune_step_size(target, normal(32, 40), generator, first=first, trajectories=60)
    _, info = (sampler := hmc.build(target, step_size=tuned.step_size, leapfrog_steps=8)).update(
        sampler.init(tuned.position, generator), None, generator
    )
    assert info.acceptance is not None
    assert float(info.acceptance.mean()) == pytest.approx(0.8, abs=0.12)
    assert tuned.acceptance == pytest.approx(0.8, abs=0.12)


def test_tuning_finds_the_scale_of_the_target() -> None:
    """A target four times as narrow needs a step four times as short."""
    steps = []
    for scale in (1.0, 0.25):
        generator = torch.Generator().manual_seed(0)
        steps.append(tune_step_size(wide_gaussian(scale), scale * normal(32, 40), generator, trajectories=60).step_size)
    assert steps[0] / steps[1] == pytest.approx(4, rel=0.1)


def test_at_another_temperature_the_leapfrogs_step_is_the_same() -> None:
    """On a Gaussian, temperature scales the positions and the momenta alike, and the acceptance not at all."""
    for temperature in (0.1, 10.0):
        start = temperature**0.5 * normal(32, 40)
        steps = [
            tune_step_size(wide_gaussian(1.0), place, torch.Generator().manual_seed(0), temperature=heat).step_size
            for place, heat in ((normal(32, 40), 1.0), (start, temperature))
        ]
        assert steps[1] == pytest.approx(steps[0])


@pytest.mark.parametrize("temperature", [0.25, 1.0, 9.0])
@pytest.mark.parametrize("first", [0.01, 3.0])
def test_mclmcs_tuned_step_has_the_energy_variance_wanted(first: float, temperature: float) -> None:
    target, generator = wide_gaussian(1.0), torch.Generator().manual_seed(0)
    start = temperature**0.5 * normal(32, 40, seed=1) * torch.linspace(0.5, 1.5, 40)
    tuned = tune_energy_variance(target, start, generator, first=first, temperature=temperature, rounds=40)
    assert tuned.acceptance is None
    sampler = mclmc.build(target, step_size=tuned.step_size, temperature=temperature)
    state, squares = sampler.init(tuned.position, generator), []
    for _ in range(400):
        state, info = sampler.update(state, None, generator)
        assert info.energy_error is not None
        squares.append(info.energy_error.square().mean() / 40)
    assert float(torch.stack(squares).mean()) == pytest.approx(ENERGY_VARIANCE, rel=0.25)


def test_the_step_for_an_energy_variance_follows_its_sixth_root_but_not_far() -> None:
    assert step_for_energy(0.1, 64e-4, 1e-4) == pytest.approx(0.05)
    assert step_for_energy(0.1, 1e-4, 2e-4) == pytest.approx(0.1 * 2 ** (1 / 6))
    assert step_for_energy(0.1, 0.0) == pytest.approx(0.2)
    assert step_for_energy(0.1, 1e9) == pytest.approx(0.05)


def test_mclmcs_tuning_steps_back_from_where_the_energy_is_not_finite() -> None:
    def cliff(position: Tensor, batch: Tensor | None = None) -> Density:
        inside = (position.abs() < 1e-3).all(-1)
        return Density(torch.where(inside, 0.0, -math.inf), torch.zeros_like(position))

    tuned = tune_energy_variance(cliff, torch.zeros(4, 2), torch.Generator().manual_seed(0), first=0.5)
    assert tuned.step_size < 0.01
    assert (tuned.position.abs() < 1e-3).all()


def test_where_tuning_leaves_the_chains_is_a_draw_of_the_target() -> None:
    target = Gaussian.random(seed=3)
    start = torch.zeros(3000, DIMENSIONS, dtype=torch.float64)
    end = tune_step_size(target, start, torch.Generator().manual_seed(0), first=0.4, trajectories=25).position
    assert_moments(end.view(6, 500, DIMENSIONS), target.mean, target.covariance)


def test_tuning_can_be_watched_and_repeated() -> None:
    target, seen = Gaussian.random(seed=3), list[tuple[int, Info]]()
    tuned, again = (
        tune_step_size(
            target,
            normal(4, DIMENSIONS),
            torch.Generator().manual_seed(2),
            trajectories=6,
            watch=lambda count, info: seen.append((count, info)),
        )
        for _ in range(2)
    )
    assert [count for count, _ in seen] == [*range(6)] * 2
    assert all(info.log_joint.shape == (4,) for _, info in seen)
    assert tuned.step_size == again.step_size
    assert torch.equal(tuned.position, again.position)


def test_a_chain_that_cannot_move_shortens_the_step() -> None:
    def broken(position: Tensor, batch: Tensor | None = None) -> Density:
        away = (position != 0).any(-1)
        return Density(torch.where(away, -math.inf, 0.0), torch.zeros_like(position))

    tuned = tune_step_size(broken, torch.zeros(4, 2), torch.Generator().manual_seed(0), first=0.05)
    assert tuned.step_size < 0.01
    assert tuned.acceptance == 0
    assert (tuned.position == 0).all()


def test_the_anchored_target_without_teachers_is_a_fit_to_labels() -> None:
    target = replace(linear_target(), mixture=None)
    start = normal(4, 15)
    end = run(warm_start.build(target.anchored(start), steps=300), start, steps=300)[:, -1]
    assert (target(end).log_joint > target(start).log_joint).all()


def test_the_warm_start_shows_the_log_joint_that_is_sampled_next(digits: Task) -> None:
    config = build_config([("student.kind", "linear"), ("sampler.chains", 3), ("sampler.warm_start_steps", 5)])
    student = Student.build(config.student, 64, 10)
    mixture = stack_priors(digits.teacher_logits(config.data.teachers), [config.prior])
    target = LogPosterior(student, digits.x_train, digits.y_train, mixture)
    generator = torch.Generator().manual_seed(0)
    start = student.draw_whitened(3, generator, torch.device("cpu"))
    shown: list[torch.Tensor] = []
    fit_start(target, start, config.sampler, generator, lambda phase, step, steps, line, info: shown.append(info[0]))
    assert len(shown) == 5
    torch.testing.assert_close(shown[0], target(start).log_joint)  # the first step is taken from the start itself
    assert (shown[-1] > shown[0]).all()
