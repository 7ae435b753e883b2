"""The last-layer Laplace approximation against brute force."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from mtbkd_core import Task, UserError, build_config
from mtbkd_core.baselines.base import Problem
from mtbkd_core.baselines.classic import mean_distillation
from mtbkd_core.baselines.laplace import (
    best_precision,
    draw_last_layer,
    features,
    laplace_distillation,
    last_layer,
    last_layer_curvature,
    log_evidence,
)
from mtbkd_core.students.base import softmax
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.studies.methods import methods
from tests.conftest import without_some_labels

SETTINGS = [{"weight_scale": 0.6, "weight": 2.0}] * 2
QUICK = {"sampler.chains": 2, "student.hidden": "6", "teachers": "digits-0-4,digits-5-9"}


@pytest.mark.parametrize("sizes", [(3, 4), (3, 5, 4), (3, 6, 5, 4)])
def test_the_last_layer_of_its_features_is_the_student(sizes: tuple[int, ...], generator: torch.Generator) -> None:
    student = DenseStudent(sizes, 1.0)
    theta = torch.randn(2, student.n_parameters, generator=generator, dtype=torch.float64)
    x = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    logits = features(student, theta, x) @ last_layer(student, theta).mT
    torch.testing.assert_close(logits, student.logits(theta, x))


@pytest.mark.parametrize("labelled", [9, 6])
@pytest.mark.parametrize("sizes", [(3, 4), (3, 5, 4)])
def test_the_precision_is_the_hessian_that_autograd_finds(
    sizes: tuple[int, ...], labelled: int, generator: torch.Generator
) -> None:
    """The negative log joint written out anew, as a function of the last layer, differentiated twice."""
    weight, temperature, scale = 2.5, 2.0, 0.7
    student = DenseStudent(sizes, scale)
    theta = torch.randn(1, student.n_parameters, generator=generator, dtype=torch.float64)
    x = torch.randn(9, 3, generator=generator, dtype=torch.float64)
    labels = torch.randint(4, (9,), generator=generator)
    soft = torch.randn(9, 4, generator=generator, dtype=torch.float64).softmax(-1)
    mean = last_layer(student, theta)[0]
    fixed = theta[:, : student.n_parameters - mean.numel()]

    def negative_log_joint(layer: Tensor) -> Tensor:
        whole = torch.cat([fixed, layer[:, :-1].flatten()[None], layer[:, -1][None]], 1)
        logits = student.logits(whole, x)[0]
        hard = cross_entropy(logits[:labelled], labels[:labelled], reduction="sum")
        gentle = cross_entropy(logits / temperature, soft, reduction="sum")
        return hard + weight * gentle + whole.square().sum() / (2 * scale**2)

    wanted = torch.autograd.functional.hessian(negative_log_joint, mean).reshape(mean.numel(), mean.numel())
    inputs = features(student, theta, x)[0]
    found = last_layer_curvature(inputs, mean, weight=weight, temperature=temperature, labelled=labelled)
    torch.testing.assert_close(found + scale**-2 * torch.eye(len(found)), wanted)
    assert torch.linalg.eigvalsh(found).min() >= -1e-9


def test_the_evidence_of_a_gaussian_model_is_its_exact_marginal_likelihood(generator: torch.Generator) -> None:
    """Linear regression with unit noise: y is Gaussian with covariance x x' / tau + 1; constants in tau drop out."""
    x = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    y = x @ torch.randn(3, generator=generator, dtype=torch.float64) + torch.randn(40, generator=generator).double()

    def exact(tau: float) -> float:
        covariance = x @ x.t() / tau + torch.eye(40, dtype=torch.float64)
        return float(-0.5 * torch.logdet(covariance) - 0.5 * y @ torch.linalg.solve(covariance, y))

    def laplace(tau: float) -> float:
        mode = torch.linalg.solve(x.t() @ x + tau * torch.eye(3, dtype=torch.float64), x.t() @ y)
        return log_evidence(mode[None], x.t() @ x, tau) - 0.5 * float((y - x @ mode).square().sum())

    assert laplace(3.0) - laplace(0.5) == pytest.approx(exact(3.0) - exact(0.5))


def test_the_precision_that_is_found_has_the_largest_evidence(generator: torch.Generator) -> None:
    root = torch.randn(12, 12, generator=generator, dtype=torch.float64)
    mean = 0.4 * torch.randn(3, 4, generator=generator, dtype=torch.float64)
    curvature = 5 * root @ root.t()
    best = best_precision(mean, curvature)
    tried = [best * factor for factor in (0.01, 0.3, 0.9, 1.1, 3.0, 100.0)]
    assert log_evidence(mean, curvature, best) >= max(log_evidence(mean, curvature, tau) for tau in tried)


def test_draws_have_the_mean_and_the_inverse_precision_as_covariance(generator: torch.Generator) -> None:
    root = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    precision = root @ root.t() + torch.eye(6, dtype=torch.float64)
    mean = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    count = 40_000
    draws = draw_last_layer(mean, precision, count, generator)
    assert draws.shape == (count, 2, 3)
    # whitened, the draws are standard normal: means err by 1 / sqrt(n), covariances by up to sqrt(2 / n)
    white = (draws - mean).flatten(1) @ torch.linalg.cholesky(precision)
    assert white.mean(0).abs().max() < 4.5 / math.sqrt(count)
    assert (white.t().cov() - torch.eye(6)).abs().max() < 4.5 * math.sqrt(2 / count)


@pytest.mark.parametrize(("kind", "unlabelled"), [("linear", 0), ("mlp", 0), ("linear", 180), ("mlp", 180)])
def test_predictions_are_means_over_the_gaussian_of_the_logits(kind: str, unlabelled: int, digits: Task) -> None:
    """The same mean by another way: each example's logits are Gaussian, and are drawn as such."""
    config = build_config({**QUICK, "student.kind": kind, "n_unlabelled": unlabelled}.items())
    task = without_some_labels(digits, unlabelled)
    count = 4000
    problem = Problem(config, task)
    found = laplace_distillation(problem, SETTINGS, draws=count)
    student, theta = problem.student, problem.networks(SETTINGS).theta.double()
    layer = last_layer(student, theta)[0]
    precision = last_layer_curvature(
        features(student, theta[:1], digits.x_train.double())[0],
        layer,
        weight=2.0,
        temperature=config.prior.temperature,
        labelled=200 - unlabelled,
    )
    precision += best_precision(layer, precision) * torch.eye(len(precision))
    few = digits.x_test[:20].double()
    inputs = features(student, theta[:1], few)[0]
    blocks = torch.linalg.inv(precision).reshape(10, inputs.shape[1], 10, inputs.shape[1])
    covariance = torch.einsum("md,cdke,me->mck", inputs, blocks, inputs)
    factor = torch.linalg.cholesky(covariance)
    noise = torch.randn(count, 20, 10, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    drawn = softmax(inputs @ last_layer(student, theta)[0].t() + (factor @ noise)[..., 0])
    error = (2 * drawn.var(0) / count).sqrt()
    assert (((found[0, :20] - drawn.mean(0)).abs() - 1e-4) / error).max() < 4.5


def test_a_matrix_that_would_be_too_large_is_refused_and_the_baseline_is_left_out(few_digits: Task) -> None:
    """A map of 8 x 8 in 5 channels has 321 numbers for each of ten classes: 79 MiB; 4 channels take 50 MiB."""
    config = build_config({**QUICK, "student.kind": "cnn", "student.channels": "5"}.items())
    small = build_config({**QUICK, "student.kind": "cnn", "student.channels": "4"}.items())
    assert set(methods(small, few_digits)) - set(methods(config, few_digits)) == {"laplace"}
    with pytest.raises(UserError, match=r"^student: its last layer has 321 x 10 numbers; .* more than 64 MiB$"):
        laplace_distillation(Problem(config, few_digits), SETTINGS)


def test_predictions_are_less_sure_than_the_networks_own(digits: Task) -> None:
    problem = Problem(build_config(QUICK.items()), digits)
    found, plain = laplace_distillation(problem, SETTINGS), mean_distillation(problem, SETTINGS)
    assert float(found.amax(-1).mean()) < float(plain.amax(-1).mean())
