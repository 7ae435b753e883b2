"""The Dirichlet mixture against the maths: scipy, autograd, identities, extremes, settings that differ by chain."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import dirichlet
from torch import Tensor

from mtbkd_core.config.choices import WeightRule
from mtbkd_core.prior import MixturePrior, entropy_weights, label_pull, log_mixture_prior, pulls, responsibilities
from tests.prior.draws import normal


@pytest.mark.parametrize(
    ("count", "classes", "concentration", "temperature"), [(1, 2, 5, 1), (3, 10, 20, 2), (8, 5, 0.3, 7)]
)
def test_log_density_is_that_of_scipys_dirichlets(
    count: int, classes: int, concentration: float, temperature: float, generator: torch.Generator
) -> None:
    student, teachers = normal(generator, 6, classes), normal(generator, count, 6, classes, scale=3)
    weights = entropy_weights(teachers, base=torch.rand(count, generator=generator, dtype=torch.float64) + 0.1)
    ours = log_mixture_prior(student, teachers, weights, concentration=concentration, temperature=temperature)
    q = (student / temperature).softmax(-1).numpy()
    t = (teachers / temperature).softmax(-1).numpy()
    terms = np.array([[dirichlet.logpdf(q[i], 1 + concentration * t[k, i]) for i in range(6)] for k in range(count)])
    expected = logsumexp(np.log(weights.numpy()) + terms, axis=0)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=0, atol=1e-6)
    shares = responsibilities(student, teachers, weights, concentration=concentration, temperature=temperature)
    np.testing.assert_allclose(shares.numpy(), np.exp(np.log(weights.numpy()) + terms - expected), atol=1e-6)


def test_the_density_integrates_to_one_over_the_simplex() -> None:
    """C = 2: the simplex is an interval, and the logits (log q, log(1 - q)) at temperature 1 reach all of it."""
    q = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    student = torch.stack([q.log(), (1 - q).log()], -1)
    teachers = torch.tensor([[[2.0, 0.0]], [[-1.0, 0.0]]], dtype=torch.float64).expand(2, len(q), 2)
    weights = torch.tensor([0.3, 0.7], dtype=torch.float64)[:, None].expand(2, len(q))
    density = log_mixture_prior(student, teachers, weights, concentration=6.0, temperature=1.0).exp()
    assert float(density.mean()) == pytest.approx(1, abs=1e-6)


def test_each_component_has_its_mode_at_the_teacher(generator: torch.Generator) -> None:
    teacher = normal(generator, 1, 4, 5)
    weights = torch.ones(1, 4, dtype=torch.float64)
    assert pulls(teacher[0], teacher, weights).abs().max() < 1e-12
    at_teacher = log_mixture_prior(teacher[0], teacher, weights)
    for _ in range(20):
        elsewhere = log_mixture_prior(teacher[0] + normal(generator, 4, 5, scale=0.3), teacher, weights)
        assert (elsewhere < at_teacher).all()


def test_identical_teachers_count_as_one(generator: torch.Generator) -> None:
    student, teacher = normal(generator, 7, 4), normal(generator, 1, 7, 4)
    five = teacher.expand(5, 7, 4)
    weights = entropy_weights(five, base=[0.1, 0.2, 0.3, 0.3, 0.1])
    one = torch.ones(1, 7, dtype=torch.float64)
    torch.testing.assert_close(log_mixture_prior(student, five, weights), log_mixture_prior(student, teacher, one))
    torch.testing.assert_close(pulls(student, five, weights).sum(0), pulls(student, teacher, one)[0])
    torch.testing.assert_close(responsibilities(student, five, weights), weights)


def test_permuting_the_teachers_changes_nothing_else(generator: torch.Generator) -> None:
    student, teachers = normal(generator, 7, 4), normal(generator, 3, 7, 4)
    weights, order = entropy_weights(teachers), torch.tensor([2, 0, 1])
    moved = entropy_weights(teachers[order])
    torch.testing.assert_close(
        log_mixture_prior(student, teachers, weights), log_mixture_prior(student, teachers[order], moved)
    )
    torch.testing.assert_close(pulls(student, teachers, weights)[order], pulls(student, teachers[order], moved))


def test_adding_a_constant_to_all_logits_changes_nothing(generator: torch.Generator) -> None:
    student, teachers = torch.randn(5, 4, generator=generator), torch.randn(2, 5, 4, generator=generator)
    weights = entropy_weights(teachers)
    here, there = (log_mixture_prior(student + shift, teachers + shift, weights) for shift in (0, 2.0**12))
    torch.testing.assert_close(here, there, rtol=0, atol=0.02)


@pytest.mark.parametrize("count", [1, 3, 8])
@pytest.mark.parametrize(
    ("concentration", "temperature", "strength"), [(5.0, 2.0, 0.02), (20.0, 2.0, 1.0), (0.5, 7.0, 3.0)]
)
def test_pulls_add_up_to_the_gradient_of_the_log_mixture(
    count: int, concentration: float, temperature: float, strength: float, generator: torch.Generator
) -> None:
    student = normal(generator, 2, 6, 5).requires_grad_()
    teachers = normal(generator, count, 6, 5, scale=2)
    weights = entropy_weights(teachers)
    settings = {"concentration": concentration, "temperature": temperature}
    log_m = strength * log_mixture_prior(student, teachers, weights, **settings)
    (expected,) = torch.autograd.grad(log_m.sum(), student)
    arrows = pulls(student.detach(), teachers, weights, strength=strength, **settings)
    assert arrows.shape == (2, count, 6, 5)
    torch.testing.assert_close(arrows.sum(-3), expected, rtol=0, atol=1e-10)
    prior = MixturePrior.build(teachers, weights, strength=strength, **settings)
    value, share, fast = prior.gradient(*prior.terms(student.detach()))
    torch.testing.assert_close(strength * value, log_m.detach())
    torch.testing.assert_close(fast, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(share, responsibilities(student.detach(), teachers, weights, **settings))


def test_one_teachers_pull_by_hand() -> None:
    # T = 2: q = softmax(log 3, 0) = (3/4, 1/4), t = (1/2, 1/2); alpha lambda / T = 0.5 * 8 / 2 = 2
    student = torch.tensor([[2 * math.log(3), 0.0]], dtype=torch.float64)
    arrow = pulls(
        student,
        torch.zeros(1, 1, 2).double(),
        torch.ones(1, 1).double(),
        concentration=8.0,
        temperature=2.0,
        strength=0.5,
    )
    assert arrow.flatten().tolist() == pytest.approx([-0.5, 0.5])


def test_the_labels_arrow_is_the_gradient_of_the_log_likelihood(generator: torch.Generator) -> None:
    logits = normal(generator, 3, 6, 4).requires_grad_()
    labels = torch.randint(4, (6,), generator=generator)
    log_p = -torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.repeat(3), reduction="sum")
    torch.testing.assert_close(label_pull(logits.detach(), labels), torch.autograd.grad(log_p, logits)[0])


@pytest.mark.parametrize("rule", list(WeightRule))
@pytest.mark.parametrize("temperature", [0.01, 2.0, 100.0])
@pytest.mark.parametrize("concentration", [1e-6, 20.0, 1e4])
def test_logits_of_80_and_probabilities_that_touch_0_and_1_stay_finite(
    rule: WeightRule, temperature: float, concentration: float, generator: torch.Generator
) -> None:
    """K = 8, float32; at temperature 0.01 the first teacher's probabilities are exactly 0 and 1."""
    signs = torch.randint(2, (9, 16, 10), generator=generator) * 160.0 - 80
    signs[1] = torch.nn.functional.one_hot(torch.arange(16) % 10, 10) * 160.0 - 80
    student, teachers = signs[0], signs[1:]
    weights = entropy_weights(teachers, rule=rule, entropy_temperature=temperature, softmin_temperature=1e-6)
    assert torch.isfinite(weights).all()
    if temperature == 0.01:
        assert set((teachers[0] / temperature).softmax(-1).unique().tolist()) == {0.0, 1.0}
    settings: dict[str, Any] = {"concentration": concentration, "temperature": temperature}
    assert torch.isfinite(log_mixture_prior(student, teachers, weights, **settings)).all()
    shares = responsibilities(student, teachers, weights, **settings)
    torch.testing.assert_close(shares.sum(0), torch.ones(16))
    assert torch.isfinite(pulls(student, teachers, weights, **settings)).all()
    prior = MixturePrior.build(teachers, weights, **settings)
    assert all(torch.isfinite(part).all() for part in prior.gradient(*prior.terms(student)))


def test_float32_agrees_with_float64_at_logits_of_80(generator: torch.Generator) -> None:
    signs = torch.randint(2, (4, 16, 10), generator=generator) * 160.0 - 80
    weights = entropy_weights(signs[1:])
    single = log_mixture_prior(signs[0], signs[1:], weights)
    double = log_mixture_prior(signs[0].double(), signs[1:].double(), weights.double())
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-3)


def test_a_teacher_of_weight_zero_has_no_effect(generator: torch.Generator) -> None:
    student, teachers = normal(generator, 5, 4), normal(generator, 3, 5, 4)
    weights = entropy_weights(teachers, base=[1.0, 0.0, 2.0])
    arrows = pulls(student, teachers, weights)
    assert (arrows[1] == 0).all()
    torch.testing.assert_close(arrows[[0, 2]], pulls(student, teachers[[0, 2]], weights[[0, 2]]))


def test_mixture_settings_that_differ_by_chain_equal_separate_evaluations(generator: torch.Generator) -> None:
    student, teachers = normal(generator, 4, 6, 5), normal(generator, 3, 6, 5)
    base = torch.rand(4, 3, generator=generator, dtype=torch.float64) + 0.1
    concentration, temperature, strength = torch.rand(3, 4, generator=generator, dtype=torch.float64) + 0.5
    weights = entropy_weights(teachers, base=base)
    arguments = {"concentration": concentration, "temperature": temperature}
    density = log_mixture_prior(student, teachers, weights, **arguments)
    arrows = pulls(student, teachers, weights, strength=strength, **arguments)
    for s in range(4):
        alone = {"concentration": float(concentration[s]), "temperature": float(temperature[s])}
        torch.testing.assert_close(density[s], log_mixture_prior(student[s], teachers, weights[s], **alone))
        expected = pulls(student[s], teachers, weights[s], strength=float(strength[s]), **alone)
        torch.testing.assert_close(arrows[s], expected)


def test_a_minibatch_of_the_mixture_is_its_rows(generator: torch.Generator) -> None:
    student, teachers = normal(generator, 2, 6, 5), normal(generator, 3, 6, 5)
    index = torch.tensor([4, 0, 2])
    prior = MixturePrior.build(teachers, entropy_weights(teachers), concentration=[3.0, 9.0])
    whole, part = prior.terms(student), prior.select(index).terms(student[:, index])
    torch.testing.assert_close(part[0], whole[0][..., index])
    torch.testing.assert_close(part[1], whole[1][..., index, :])


def test_settings_keep_their_fractions_beside_logits_of_whole_numbers() -> None:
    teachers, student = (
        torch.tensor([[[2, 0, 0], [0, 1, 3]], [[0, 2, 1], [1, 1, 1]]]),
        torch.tensor([[1, 0, 2], [0, 0, 1]]),
    )
    weights = entropy_weights(teachers, entropy_temperature=1.9)
    torch.testing.assert_close(weights, entropy_weights(teachers.float(), entropy_temperature=1.9))
    for of in (log_mixture_prior, responsibilities, pulls):
        torch.testing.assert_close(
            of(student, teachers, weights, concentration=5.7, temperature=1.5),
            of(student.float(), teachers.float(), weights, concentration=5.7, temperature=1.5),
        )


Z = torch.zeros(2, 3, 4)
W = torch.full((2, 3), 0.5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: log_mixture_prior(Z[0], Z, W, concentration=0.0), "concentration"),
        (lambda: log_mixture_prior(Z[0], Z, W, concentration=math.inf), "concentration"),
        (lambda: log_mixture_prior(Z[0], Z, W, temperature=-1.0), "temperature"),
        (lambda: log_mixture_prior(Z[0], Z, W, temperature=math.nan), "temperature"),
        (lambda: log_mixture_prior(Z[0], Z + math.nan, W), "finite"),
        (lambda: log_mixture_prior(Z[0], Z, -W), "weights"),
        (lambda: log_mixture_prior(Z[0], Z, W * math.nan), "weights"),
        (lambda: log_mixture_prior(Z[0], Z, W[:1]), "weights"),
        (lambda: pulls(Z[0], Z, W, strength=-0.1), "strength"),
        (lambda: log_mixture_prior(torch.zeros(5, 4), Z, W), r"student_logits must be \[\.\.\., 3, 4\]"),
        (lambda: responsibilities(torch.zeros(3, 5), Z, W), "student_logits"),
        (lambda: responsibilities(torch.zeros(1, 4), Z, W), "student_logits"),
        (lambda: pulls(torch.zeros(4), Z, W), "student_logits"),
        (lambda: log_mixture_prior(Z[0] * math.nan, Z, W), "student_logits: .* needs finite numbers"),
        (lambda: responsibilities(Z[0] + math.inf, Z, W), "student_logits: .* needs finite numbers"),
        (lambda: pulls(Z[0] - math.inf, Z, W), "student_logits: .* needs finite numbers"),
        (lambda: label_pull(Z[0] * math.nan, Z[0].argmax(-1)), "student_logits: .* needs finite numbers"),
        (lambda: log_mixture_prior(torch.zeros(2, 3, 4), Z, W, concentration=[1.0] * 3), "do not broadcast"),
    ],
)
def test_bad_input_is_refused_in_one_line(call: Callable[[], Tensor], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
