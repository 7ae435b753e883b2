"""The preconditioner is a fixed symmetric map that makes a badly conditioned posterior nearly white."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from mtbkd_core.config.choices import Algorithm, Preconditioning, StudentKind
from mtbkd_core.config.models import SamplerConfig, StudentConfig
from mtbkd_core.evaluation.diagnostics import mean_error
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior, entropy_weights
from mtbkd_core.samplers.draws import sample
from mtbkd_core.samplers.preconditioner import Preconditioned, chosen, in_coordinates, make_preconditioner
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.students.base import Student
from mtbkd_core.students.cnn import ConvolutionalStudent
from mtbkd_core.students.mlp import DenseStudent

N, F, C = 3000, 5, 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def target(*, strength: float = 0.0, sizes: tuple[int, ...] = (F, C), unlabelled: int = 0) -> LogPosterior:
    """Data that outweigh the prior, with inputs of very different lengths."""
    x = torch.randn(N, sizes[0], generator=generator(1), dtype=torch.float64) * torch.logspace(-1, 1, sizes[0])
    labels = torch.randint(C, (N,), generator=generator(2))
    labels[:unlabelled] = -1
    teachers = torch.randn(1, N, C, generator=generator(3), dtype=torch.float64)
    mixture = MixturePrior.build(
        teachers, entropy_weights(teachers), concentration=6.0, temperature=1.5, strength=strength
    )
    return LogPosterior(DenseStudent(sizes, 0.7), x, labels, mixture if strength else None)


def hessian(density: LogPosterior | Preconditioned, position: torch.Tensor) -> torch.Tensor:
    """Minus the second derivatives of the log joint at one chain's position [1, P]."""
    shift = 1e-4
    columns = []
    for axis in torch.eye(position.shape[1], dtype=position.dtype):
        ends = density(torch.cat([position + shift * axis, position - shift * axis])).gradient
        columns.append((ends[1] - ends[0]) / (2 * shift))
    return torch.stack(columns)


def test_the_gradients_map_is_the_transpose_and_the_inverse_undoes_it() -> None:
    posterior = target(strength=2.0, sizes=(F, 4, C))
    width = posterior.student.n_parameters
    position = torch.randn(2, width, generator=generator(), dtype=torch.float64)
    found = make_preconditioner(posterior, position, Randomness.seeded(4, dtype=torch.float64))
    one, other = torch.randn(2, 2, width, generator=generator(5), dtype=torch.float64)
    torch.testing.assert_close((found.apply(one) * other).sum(1), (one * found.pull(other)).sum(1))
    torch.testing.assert_close(found.invert(found.apply(one)), one)


def test_a_curvature_that_is_a_product_becomes_white_to_sampling_error() -> None:
    """At zero weights every class is equally probable, so that a linear student's curvature is exactly a product."""
    posterior = target()
    position = torch.zeros(2, posterior.student.n_parameters, dtype=torch.float64)
    found = make_preconditioner(posterior, position, Randomness.seeded(4, dtype=torch.float64)).of_chains(
        torch.tensor([0])
    )
    before = torch.linalg.eigvalsh(hessian(posterior, position[:1]))
    after = torch.linalg.eigvalsh(hessian(Preconditioned(posterior, found), position[:1]))
    assert before.max() / before.min() > 1e4
    assert after.min() > 0.8
    assert after.max() < 1.25


def test_teachers_count_in_the_curvature_at_examples_with_and_without_labels() -> None:
    posterior = target(strength=3.0, unlabelled=N // 2)
    position = torch.zeros(1, posterior.student.n_parameters, dtype=torch.float64)
    found = make_preconditioner(posterior, position, Randomness.seeded(4, dtype=torch.float64))
    after = torch.linalg.eigvalsh(hessian(Preconditioned(posterior, found), position))
    assert after.min() > 0.8
    assert after.max() < 1.25


def test_the_gradient_is_that_of_the_preconditioned_coordinates() -> None:
    posterior = target(strength=1.0, sizes=(F, 3, C))
    position = 0.3 * torch.randn(2, posterior.student.n_parameters, generator=generator(6), dtype=torch.float64)
    white = Preconditioned(
        posterior, make_preconditioner(posterior, position, Randomness.seeded(4, dtype=torch.float64))
    )
    v = white.map.invert(position)
    torch.testing.assert_close(white(v).log_joint, posterior(position).log_joint)
    direction = torch.randn(v.shape, generator=generator(7), dtype=torch.float64)
    slope = (white(v + 1e-5 * direction).log_joint - white(v - 1e-5 * direction).log_joint) / 2e-5
    torch.testing.assert_close(slope, (white(v).gradient * direction).sum(1), rtol=1e-5, atol=1e-4)


def pictures(channels: tuple[int, ...], side: int) -> LogPosterior:
    """A convolutional student's posterior on pictures, and no teacher."""
    x = torch.randn(400, side * side, generator=generator(1), dtype=torch.float64)
    config = StudentConfig(kind=StudentKind.CNN, channels=channels, first_map=2, weight_scale=0.7)
    labels = torch.randint(C, (len(x),), generator=generator(2))
    return LogPosterior(ConvolutionalStudent.of(config, (side, side), C), x, labels, None)


@pytest.mark.parametrize("student", [DenseStudent((25, 4, 3), 0.7), pictures((2, 2, 3), 5).student])
def test_of_a_single_example_the_factors_give_the_length_of_the_gradient(student: Student) -> None:
    """Exact for every layer but convolutions with more than one place, which are the first two here."""
    theta = torch.randn(2, student.n_parameters, generator=generator(3), dtype=torch.float64)
    x = torch.randn(1, 25, generator=generator(4), dtype=torch.float64)
    on_logits = torch.randn(2, 1, 3, generator=generator(5), dtype=torch.float64)
    gradients = student.layers(student.vjp(theta, x)[1](on_logits))
    found = zip(gradients, student.layer_products(theta, x, on_logits), strict=True)
    for level, ((weight, bias), (a, g)) in enumerate(found):
        if isinstance(student, DenseStudent) or level >= 2:
            length = weight.square().sum((1, 2)) + bias.square().sum((1, 2))
            torch.testing.assert_close(a.diagonal(dim1=1, dim2=2).sum(1) * g.diagonal(dim1=1, dim2=2).sum(1), length)


def test_examples_in_pieces_give_the_same_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    student = pictures((2, 3), 6).student
    x = torch.randn(9, 36, generator=generator(4), dtype=torch.float64)
    theta = torch.randn(2, student.n_parameters, generator=generator(3), dtype=torch.float64)
    gradients = torch.randn(2, 9, 3, generator=generator(5), dtype=torch.float64)
    whole = student.layer_products(theta, x, gradients)
    monkeypatch.setattr("mtbkd_core.students.cnn.element_budget", lambda device: 100)
    for one, other in zip(whole, student.layer_products(theta, x, gradients), strict=True):
        torch.testing.assert_close(one, other)


def test_a_convolutions_posterior_is_better_conditioned() -> None:
    posterior = pictures((2, 3), 6)
    position = 0.5 * torch.randn(1, posterior.student.n_parameters, generator=generator(6), dtype=torch.float64)
    found = make_preconditioner(posterior, position, Randomness.seeded(4, dtype=torch.float64))
    white = Preconditioned(posterior, found)
    before = torch.linalg.eigvalsh(hessian(posterior, position)).max()
    after = torch.linalg.eigvalsh(hessian(white, white.map.invert(position))).max()
    assert before > 5 * after


@pytest.mark.parametrize("algorithm", Algorithm)
def test_every_sampler_has_the_same_stationary_distribution_in_either_coordinates(algorithm: Algorithm) -> None:
    """A linear student's posterior, which is no Gaussian: its moments in both agree within Monte Carlo error."""
    posterior = replace(target(sizes=(2, C)), x=target(sizes=(2, C)).x[:40], labels=target(sizes=(2, C)).labels[:40])
    start = torch.zeros(16, posterior.student.n_parameters, dtype=torch.float64)
    moments = []
    for kind in (Preconditioning.NONE, Preconditioning.CURVATURE):
        slow = {Algorithm.SGLD: 20, Algorithm.HMC: 2}.get(algorithm, 5)
        settings = SamplerConfig(
            algorithm=algorithm, preconditioner=kind, draws=150, burn_in=200, thinning=slow, leapfrog_steps=4
        )
        random = Randomness.seeded(7, dtype=torch.float64)
        (kept,) = sample(in_coordinates(posterior, start, settings, random), start, settings, random)
        assert (kept.preconditioner, kept.seconds_preconditioner is None) == (kind, kind is Preconditioning.NONE)
        moments.append(torch.cat([kept.positions, kept.positions.square()], 2))
    slack = 0.1 * moments[0].mean((0, 1)).abs() if algorithm in (Algorithm.SGLD, Algorithm.MCLMC) else 0.0
    for q in range(moments[0].shape[-1]):
        errors = [mean_error(each[..., q]) for each in moments]
        apart = abs(float(moments[0][..., q].mean() - moments[1][..., q].mean()))
        assert apart < 4.5 * math.hypot(*errors) + float(torch.as_tensor(slack).expand(moments[0].shape[-1])[q])


@pytest.mark.parametrize(
    ("settings", "examples", "expected"),
    [
        ({}, 399, "none"),
        ({}, 400, "curvature"),
        ({"step_size": 0.01}, 400, "none"),
        ({"preconditioner": "curvature"}, 10, "curvature"),
        ({"preconditioner": "none"}, 4000, "none"),
    ],
)
def test_auto_takes_curvature_where_examples_are_many(settings: dict[str, Any], examples: int, expected: str) -> None:
    assert chosen(SamplerConfig(**settings), examples) == expected
