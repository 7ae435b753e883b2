"""Teachers that know only some classes: densities, gradients, identities with what teachers of all classes have."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import dirichlet
from torch import Tensor

from mtbkd_core.config.choices import WeightRule
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.prior import (
    MixturePrior,
    effective_labels,
    entropies,
    entropy_weights,
    log_mixture_prior,
    mean_of_teachers,
    named_classes,
    probabilities,
    pulls,
    responsibilities,
    stack_priors,
)
from mtbkd_core.prior.partial import apart
from tests.prior.draws import normal

EACH_RULE = pytest.mark.parametrize("rule", list(WeightRule))
SETTINGS: dict[str, Any] = {"concentration": 6.0, "temperature": 1.5}
#: What three teachers know of five classes: some, others, all.
KNOWN = torch.tensor([[1, 1, 0, 1, 0], [0, 0, 1, 0, 1], [1, 1, 1, 1, 1]], dtype=torch.bool)


def masked(logits: Tensor, known: Tensor) -> Tensor:
    """Teachers' logits [K, N, C], -inf where a class is not known [K, C]."""
    return logits.masked_fill(~known[:, None], -math.inf)


def uniform_logits(generator: torch.Generator, count: int, classes: int) -> Tensor:
    """[count, classes], logits at temperature 1 of points drawn uniformly from the simplex."""
    e = -torch.rand(count, classes, generator=generator, dtype=torch.float64).log()
    return (e / e.sum(-1, keepdim=True)).log()


@pytest.mark.parametrize(
    ("teacher", "tail"),
    [
        ([1.0, 0.0, -math.inf, -math.inf], None),
        ([1.0, 0.0, -math.inf, -math.inf], 0.5),
        ([0.3, -math.inf, -math.inf, -math.inf], -0.7),
        ([0.3, 0.1, -2.0, 0.0], None),
    ],
    ids=["conditional", "with a tail", "one class and a tail", "all classes"],
)
def test_a_component_integrates_to_one_over_the_simplex(
    teacher: list[float], tail: float | None, generator: torch.Generator
) -> None:
    student = uniform_logits(generator, 100_000, 4)
    teachers = torch.tensor(teacher, dtype=torch.float64).expand(1, len(student), 4)
    tails = None if tail is None else torch.full((1, len(student)), tail, dtype=torch.float64)
    settings = {"concentration": 3.0, "temperature": 1.0}
    one = torch.ones(1, len(student), dtype=torch.float64)
    density = log_mixture_prior(student, teachers, one, tail=tails, **settings).exp() / math.factorial(3)
    assert float(density.mean()) == pytest.approx(1, abs=5 * float(density.std()) / math.sqrt(len(student)))


def test_a_component_is_the_dirichlet_of_the_renormalised_probabilities(generator: torch.Generator) -> None:
    student, teacher = normal(generator, 6, 5), masked(normal(generator, 1, 6, 5, scale=3), KNOWN[:1])
    own, t = (student / 1.5).softmax(-1)[:, KNOWN[0]], (teacher[0] / 1.5).softmax(-1)[:, KNOWN[0]]
    own = own / own.sum(-1, keepdim=True)
    expected = [dirichlet.logpdf(own[i].numpy(), 1 + 6.0 * t[i].numpy()) for i in range(6)]
    found = log_mixture_prior(student, teacher, torch.ones(1, 6).double(), **SETTINGS)
    np.testing.assert_allclose(found.numpy(), np.array(expected) + math.log(24 / 2), atol=1e-9)


def test_a_tail_of_one_class_is_a_teacher_of_all_classes(generator: torch.Generator) -> None:
    student, teacher = normal(generator, 6, 4), normal(generator, 2, 6, 4)
    lacking, tail = teacher.clone(), teacher[..., 3].clone()
    lacking[..., 3] = -math.inf
    torch.testing.assert_close(entropies(lacking, 1.7, tail), entropies(teacher, 1.7))
    weights = entropy_weights(teacher)
    for of in (log_mixture_prior, responsibilities, pulls):
        found = of(student, lacking, weights, tail=tail, **SETTINGS)
        torch.testing.assert_close(found, of(student, teacher, weights, **SETTINGS))


def test_a_teacher_with_a_tail_pulls_the_student_to_its_classes_and_mass() -> None:
    """At a student with the same leading class and the same mass for the rest there is no pull, however it is split."""
    teacher = torch.tensor([[[0.6, 0.0, 0.0, 0.0]]]).log()
    student = torch.tensor([[0.6, 0.1, 0.25, 0.05]]).log()
    pull = pulls(student, teacher, torch.ones(1, 1), tail=torch.tensor([[0.4]]).log(), temperature=1.0)
    torch.testing.assert_close(pull, torch.zeros(1, 1, 4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("tailed", [False, True], ids=["conditional", "with tails"])
@pytest.mark.parametrize(("concentration", "temperature", "strength"), [(5.0, 2.0, 0.02), (18.0, 0.7, 2.0)])
def test_pulls_add_up_to_the_gradient_where_teachers_know_some_classes(
    tailed: bool, concentration: float, temperature: float, strength: float, generator: torch.Generator
) -> None:
    student = normal(generator, 2, 6, 5, scale=2).requires_grad_()
    teachers = masked(normal(generator, 3, 6, 5, scale=2), KNOWN)
    teachers[0, 4] = -math.inf
    tail = torch.tensor([[0.3], [-math.inf], [1.0]]).double().expand(3, 6).clone() if tailed else None
    weights = entropy_weights(teachers, tail=tail)
    settings = {"concentration": concentration, "temperature": temperature, "tail": tail}
    log_m = strength * log_mixture_prior(student, teachers, weights, **settings)
    (expected,) = torch.autograd.grad(log_m.sum(), student)
    arrows = pulls(student.detach(), teachers, weights, strength=strength, **settings)
    torch.testing.assert_close(arrows.sum(-3), expected, rtol=0, atol=1e-10)
    prior = MixturePrior.build(teachers, weights, strength=strength, **settings)
    value, share, fast = prior.gradient(*prior.terms(student.detach()))
    torch.testing.assert_close(strength * value, log_m.detach())
    torch.testing.assert_close(fast, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(share.sum(-2), torch.ones(2, 6).double())


def test_the_gradient_is_that_of_finite_differences(generator: torch.Generator) -> None:
    teachers = masked(normal(generator, 3, 3, 5), KNOWN)
    weights, tail = entropy_weights(teachers), torch.tensor([[0.2], [-math.inf], [0.0]]).double().expand(3, 3)
    student = normal(generator, 3, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: log_mixture_prior(f, teachers, weights, **SETTINGS), student)
    assert torch.autograd.gradcheck(lambda f: log_mixture_prior(f, teachers, weights, tail=tail, **SETTINGS), student)


def test_a_teacher_of_some_classes_pulls_on_no_other(generator: torch.Generator) -> None:
    teachers = masked(normal(generator, 3, 6, 5), KNOWN)
    arrows = pulls(normal(generator, 6, 5), teachers, entropy_weights(teachers))
    assert (arrows.transpose(1, 2)[~KNOWN] == 0).all()
    torch.testing.assert_close(arrows.sum(-1), torch.zeros(3, 6).double(), atol=1e-12, rtol=0)


def test_teachers_of_all_classes_have_nothing_of_it_worked_out(generator: torch.Generator) -> None:
    teachers = normal(generator, 3, 6, 5)
    prior = MixturePrior.build(teachers, entropy_weights(teachers), tail=torch.zeros(3, 6))
    assert (prior.over, prior.tail, prior.tail_targets) == (None, None, None)


def test_teachers_of_all_classes_are_as_before_beside_one_that_is_not_heard(generator: torch.Generator) -> None:
    """A teacher that abstains everywhere sends all through the general formulas."""
    student, teachers = normal(generator, 2, 6, 5), normal(generator, 2, 6, 5)
    more = torch.cat([teachers, torch.full((1, 6, 5), -math.inf).double()])
    for rule in WeightRule:
        weights, other = entropy_weights(teachers, rule=rule), entropy_weights(more, rule=rule)
        torch.testing.assert_close(other[:2], weights)
        assert (other[2] == 0).all()
        for of in (responsibilities, pulls):
            found = of(student, more, other, **SETTINGS)
            torch.testing.assert_close(found[:, :2], of(student, teachers, weights, **SETTINGS))
            assert (found[:, 2] == 0).all()
        torch.testing.assert_close(
            log_mixture_prior(student, more, other, **SETTINGS),
            log_mixture_prior(student, teachers, weights, **SETTINGS),
        )


def test_where_all_teachers_abstain_the_mixture_is_one_and_pulls_on_nothing(generator: torch.Generator) -> None:
    student, teachers = normal(generator, 4, 5), normal(generator, 2, 4, 5)
    teachers[:, 1] = -math.inf
    weights = entropy_weights(teachers)
    assert (weights[:, 1] == 0).all()
    assert float(log_mixture_prior(student, teachers, weights)[1]) == 0
    assert (responsibilities(student, teachers, weights)[:, 1] == 0).all()
    assert (pulls(student, teachers, weights)[:, 1] == 0).all()
    torch.testing.assert_close(weights[:, [0, 2, 3]], entropy_weights(teachers[:, [0, 2, 3]]))


def test_a_teacher_that_knows_a_single_class_abstains(generator: torch.Generator) -> None:
    teachers = normal(generator, 2, 4, 5)
    teachers[0, 2, 1:] = -math.inf
    weights = entropy_weights(teachers)
    assert weights[:, 2].tolist() == [0, 1]
    assert (pulls(normal(generator, 4, 5), teachers, weights)[0, 2] == 0).all()


def test_two_specialists_of_disjoint_halves_leave_the_mass_between_the_halves_alone(generator: torch.Generator) -> None:
    halves = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=torch.bool)
    student, teachers = normal(generator, 7, 4), masked(normal(generator, 2, 7, 4), halves)
    weights = entropy_weights(teachers)
    moved = student + 3 * halves[0]
    for of in (log_mixture_prior, responsibilities, pulls):
        torch.testing.assert_close(of(moved, teachers, weights), of(student, teachers, weights))
    # with C_S = C / 2 each has its own binary Dirichlet times the same constant: (C - 1)! / (C_S - 1)!
    alone = [
        log_mixture_prior(student[:, half], teachers[k][:, half][None], torch.ones(1, 7).double())
        for k, half in enumerate(halves)
    ]
    expected = (weights.log() + torch.stack(alone)).logsumexp(0) + math.log(6)
    torch.testing.assert_close(log_mixture_prior(student, teachers, weights), expected)


@EACH_RULE
def test_teachers_that_are_as_uncertain_as_they_can_be_weigh_alike(rule: WeightRule) -> None:
    """Whatever number of classes they know: an entropy of log 2 over two is log 5 over five."""
    teachers = masked(torch.zeros(3, 2, 5), KNOWN)
    torch.testing.assert_close(entropies(teachers), torch.full((3, 2), math.log(5)))
    torch.testing.assert_close(entropy_weights(teachers, rule=rule), torch.full((3, 2), 1 / 3))


@EACH_RULE
def test_weights_sum_to_one_over_those_that_speak(rule: WeightRule, generator: torch.Generator) -> None:
    teachers = masked(normal(generator, 3, 20, 5), KNOWN)
    teachers[0, :7] = -math.inf
    base = torch.tensor([0.5, 0.2, 0.3])
    weights = entropy_weights(teachers, rule=rule, base=base, softmin_temperature=0.3)
    torch.testing.assert_close(weights.sum(0), torch.ones(20).double())
    two = entropy_weights(teachers[1:, :7], rule=rule, base=base[1:], softmin_temperature=0.3)
    torch.testing.assert_close(weights[1:, :7], two)


def test_an_entropy_of_a_tail_counts_it_as_one_class() -> None:
    # 0.5 and, of two classes together, 0.5, at temperature 1: log 2 nats of log 2
    teacher = torch.tensor([[[0.5, 0.0, 0.0]]], dtype=torch.float64).log()
    assert float(entropies(teacher, tail=torch.tensor([[0.5]]).double().log())) == pytest.approx(math.log(3))


@pytest.mark.parametrize("temperature", [0.01, 2.0])
@pytest.mark.parametrize("concentration", [1e-6, 1e4])
def test_logits_of_80_stay_finite_where_teachers_know_some_classes(
    temperature: float, concentration: float, generator: torch.Generator
) -> None:
    signs = torch.randint(2, (4, 16, 5), generator=generator) * 160.0 - 80
    teachers, tail = masked(signs[1:], KNOWN), torch.full((3, 16), -80.0)
    for own in (None, tail):
        weights = entropy_weights(teachers, tail=own)
        prior = MixturePrior.build(teachers, weights, concentration=concentration, temperature=temperature, tail=own)
        assert all(torch.isfinite(part).all() for part in prior.gradient(*prior.terms(signs[0])))


def test_settings_and_teachers_that_differ_by_chain_equal_separate_evaluations(generator: torch.Generator) -> None:
    """Of one chain all teachers know all classes, of another some, and of a third there are tails."""
    student, every = normal(generator, 3, 6, 5), normal(generator, 3, 6, 5)
    some, tail = masked(every, KNOWN), torch.tensor([[0.3], [-math.inf], [0.0]]).double().expand(3, 6)
    priors = [
        MixturePrior.build(every, entropy_weights(every), concentration=2.0),
        MixturePrior.build(some, entropy_weights(some), concentration=5.0),
        MixturePrior.build(some, entropy_weights(some, tail=tail), concentration=9.0, tail=tail),
    ]
    together = MixturePrior.stack(priors, 1)
    index = torch.tensor([4, 0, 2])
    for mixture, logits in ((together, student), (together.select(index), student[:, index])):
        value, share, gradient = mixture.gradient(*mixture.terms(logits))
        for s, prior in enumerate(priors):
            own = prior if mixture is together else prior.select(index)
            expected = own.gradient(*own.terms(logits[s]))
            torch.testing.assert_close((value[s], share[s], gradient[s]), expected)
            chain = mixture.of_chains(slice(s, s + 1))
            torch.testing.assert_close(chain.terms(logits[s : s + 1])[0][0], own.terms(logits[s])[0])


def test_calibrated_teachers_divide_a_tail_as_its_classes(generator: torch.Generator) -> None:
    teachers = masked(normal(generator, 1, 6, 5), KNOWN[:1])
    tail = normal(generator, 1, 6)
    setting = PriorConfig(strength=1.0, entropy_temperatures=(2.0,), calibrated_teachers=True)
    together = torch.isneginf(teachers)
    spread = torch.where(together, (tail - math.log(2))[..., None], teachers)
    mixture = stack_priors(spread, [setting], together=together)
    t = (spread / 2 / setting.temperature).softmax(-1)
    torch.testing.assert_close(mixture.tail_targets, t[..., ~KNOWN[0]].sum(-1))


def test_what_a_teacher_counts_for_is_of_the_classes_that_it_knows() -> None:
    setting = PriorConfig(strength=1.0, temperature=1.0)
    teachers = torch.full((2, 3, 4), -math.inf)
    teachers[0, :, :2] = torch.tensor([0.3, 0.0])
    torch.testing.assert_close(effective_labels(teachers, setting), torch.tensor([setting.labels, 0.0]).double())


@pytest.mark.parametrize(
    ("logits", "weights", "tail", "words"),
    [
        ([0.0, math.nan, -math.inf], 1.0, None, "teacher_logits must be finite"),
        ([0.0, math.inf, 0.0], 1.0, None, "teacher_logits must be finite"),
        ([0.0, 0.0, -math.inf], 1.0, math.nan, "tail must be finite"),
        ([0.0, -math.inf, -math.inf], 1.0, None, "weights must be 0 where a teacher abstains"),
    ],
)
def test_what_no_teacher_can_state_is_refused(
    logits: list[float], weights: float, tail: float | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        MixturePrior.build(
            torch.tensor([[logits]]), torch.tensor([[weights]]), tail=None if tail is None else torch.tensor([[tail]])
        )


def test_what_a_teacher_says_is_among_the_classes_that_it_knows() -> None:
    teachers = torch.tensor([[[0.0, 0.0, -math.inf], [1.0, -math.inf, -math.inf]]])
    torch.testing.assert_close(
        probabilities(teachers)[0], torch.tensor([[0.5, 0.5, math.nan], [math.nan] * 3]), equal_nan=True
    )
    assert named_classes(torch.tensor([[[0.0, 2.0, -math.inf], [1.0, -math.inf, -math.inf]]])).tolist() == [[1, -1]]
    labels = torch.tensor([2, 1])
    assert named_classes(torch.tensor([[[0.0, 2.0, -math.inf], [0.0, 1.0, 3.0]]]), labels).tolist() == [[-1, 2]]


def test_a_mean_of_teachers_is_over_those_that_know_a_class() -> None:
    nan = math.nan
    said = torch.tensor([[[0.8, 0.2, nan]], [[0.4, 0.2, 0.4]], [[nan, nan, nan]]])
    # 0.6, 0.2 and 0.4, which sum to 1.2; under weights 3 : 1, 0.7, 0.2 and 0.4
    torch.testing.assert_close(mean_of_teachers(said), torch.tensor([[0.5, 1 / 6, 1 / 3]]))
    weights = torch.tensor([[0.75], [0.25], [0.0]])
    torch.testing.assert_close(mean_of_teachers(said, weights), torch.tensor([[0.7, 0.2, 0.4]]) / 1.3)
    assert mean_of_teachers(said[[0, 2]])[0].isnan().tolist() == [False, False, True]


def test_a_mean_of_disjoint_specialists_gives_each_half_as_much() -> None:
    nan = math.nan
    said = torch.tensor([[[0.8, 0.2, nan, nan]], [[nan, nan, 0.1, 0.9]]])
    torch.testing.assert_close(mean_of_teachers(said), torch.tensor([[0.4, 0.1, 0.05, 0.45]]))


def test_a_mean_of_teachers_of_all_classes_is_the_weighted_mean(generator: torch.Generator) -> None:
    said, weights = normal(generator, 3, 6, 4).softmax(-1), normal(generator, 3, 6).softmax(0)
    assert torch.equal(mean_of_teachers(said), said.mean(0))
    assert torch.equal(mean_of_teachers(said, weights), (weights[..., None] * said).sum(0))


def test_far_from_both_a_partial_teacher_has_nearly_all_responsibility_and_a_full_one_near_by() -> None:
    """Both are sure of the first of ten classes; one knows half of them, so its component is the flatter one."""
    known = torch.tensor([[1] * 10, [1] * 5 + [0] * 5], dtype=torch.bool)
    teachers = masked(torch.tensor([6.0, *[0.0] * 9]).expand(2, 2, 10).double(), known)
    student = torch.tensor([[0.0] * 10, [math.log(9), *[0.0] * 9]]).double()  # all equal, and a half for the first
    weights = torch.full((2, 2), 0.5).double()
    share = responsibilities(student, teachers, weights, concentration=18.0, temperature=1.0)[1]
    assert share[0] > 0.99
    assert share[1] < 0.4


def test_a_tail_is_what_its_classes_have_together_spread_evenly(generator: torch.Generator) -> None:
    teachers, tail = masked(normal(generator, 3, 6, 5), KNOWN), normal(generator, 3, 6)
    together = torch.isneginf(teachers)
    spread = torch.where(together, (tail - together.sum(-1).clamp_min(1).log())[..., None], teachers)
    logits, found = apart(spread, together)
    assert torch.equal(logits, teachers)
    assert found is not None
    torch.testing.assert_close(found[:2], tail[:2])
    assert torch.isneginf(found[2]).all()
    assert apart(spread, None) == (spread, None)
