"""Responsibilities and pulls averaged over the posterior: sums that must hold, and the mean written out."""

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.models import PriorConfig, StudentConfig
from mtbkd_core.evaluation.evaluate import reported
from mtbkd_core.evaluation.influence import influence, influence_of
from mtbkd_core.prior import entropy_weights, label_pull, log_mixture_prior, pulls, responsibilities, stack_priors
from mtbkd_core.students.registry import build_student

PRIOR = PriorConfig(concentration=8.0, temperature=2.0, strength=0.5)


@pytest.fixture
def scene(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of 9 draws at 6 examples with 4 classes, of 3 teachers, and labels."""
    logits = torch.randn(9, 6, 4, generator=generator, dtype=torch.float64)
    teachers = torch.randn(3, 6, 4, generator=generator, dtype=torch.float64) * 2
    return logits, teachers, torch.randint(4, (6,), generator=generator)


def test_it_is_the_mean_over_draws(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, teachers, labels = scene
    found = influence(logits, stack_priors(teachers, [PRIOR]), labels)
    settings = {"concentration": 8.0, "temperature": 2.0}
    weights = entropy_weights(teachers)
    torch.testing.assert_close(found.responsibilities, responsibilities(logits, teachers, weights, **settings).mean(0))
    torch.testing.assert_close(found.pulls, pulls(logits, teachers, weights, strength=0.5, **settings).mean(0))
    torch.testing.assert_close(found.label_pull, label_pull(logits, labels).mean(0))


def test_responsibilities_sum_to_one_and_pulls_to_nothing_over_classes(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, teachers, labels = scene
    found = influence(logits, stack_priors(teachers, [PRIOR]), labels)
    torch.testing.assert_close(found.responsibilities.sum(0), torch.ones(6).double())
    assert found.label_pull is not None
    for arrows in (found.pulls, found.label_pull):
        assert arrows.abs().max() > 0.01
        assert arrows.sum(-1).abs().max() < 1e-12


def test_all_arrows_together_are_the_mean_gradient_of_the_log_joint(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, teachers, labels = scene
    logits = logits.clone().requires_grad_()
    log_m = log_mixture_prior(logits, teachers, entropy_weights(teachers), concentration=8.0, temperature=2.0)
    log_p = logits.log_softmax(-1).gather(-1, labels.expand(9, 6)[..., None])
    (gradient,) = torch.autograd.grad(log_p.sum() + 0.5 * log_m.sum(), logits)
    found = influence(logits.detach(), stack_priors(teachers, [PRIOR]), labels)
    assert found.label_pull is not None
    torch.testing.assert_close(found.pulls.sum(0) + found.label_pull, gradient.mean(0))


def test_pieces_do_not_matter(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, teachers, labels = scene
    mixture = stack_priors(teachers, [PRIOR])
    whole, pieces = influence(logits, mixture, labels), influence(logits, mixture, labels, memory=150)
    for name, value in vars(whole).items():
        torch.testing.assert_close(getattr(pieces, name), value)


def test_without_labels_there_is_no_labels_arrow(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, teachers, _ = scene
    assert influence(logits, stack_priors(teachers, [PRIOR])).label_pull is None


def test_chains_with_their_own_prior_equal_separate_evaluations(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, teachers, labels = scene
    priors = [PRIOR, PriorConfig(concentration=2.0, temperature=1.0)]
    by_chain = logits[:8].view(4, 2, 6, 4)
    together = influence(by_chain, stack_priors(teachers, priors), labels)
    for s, prior in enumerate(priors):
        alone = influence(by_chain[:, s], stack_priors(teachers, [prior]), labels)
        for name, value in vars(alone).items():
            torch.testing.assert_close(getattr(together, name)[s], value)


def test_pieces_of_examples_do_not_matter(
    scene: tuple[Tensor, Tensor, Tensor], generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, teachers, labels = scene
    student = build_student(StudentConfig(hidden=(5,)), 3, 4, None)
    draws = torch.randn(7, student.n_parameters, generator=generator)
    x, mixture = torch.randn(6, 3, generator=generator), stack_priors(teachers.float(), [PRIOR])
    whole, mean = influence_of(student, draws, x, mixture, labels)
    torch.testing.assert_close(mean, student.probabilities(draws, x).mean(0))
    monkeypatch.setattr("mtbkd_core.evaluation.influence._MOST_NUMBERS", 60)  # two examples at a time
    pieces, mean_of_pieces = influence_of(student, draws, x, mixture, labels)
    torch.testing.assert_close(mean_of_pieces, mean)
    for name, value in vars(whole).items():
        torch.testing.assert_close(getattr(pieces, name), value)


def test_with_many_classes_and_examples_fewer_draws_are_reported() -> None:
    draws = torch.zeros(4, 200, 1)
    assert reported(draws, cells=400 * 10).shape[:2] == (4, 200)
    assert reported(draws, cells=1000 * 1000).shape[:2] == (4, 33)  # 134 in all
    assert reported(draws, cells=2**30).shape[:2] == (4, 4)


def test_pulls_of_teachers_of_a_few_of_many_classes_are_those_of_the_prior(generator: torch.Generator) -> None:
    logits = torch.randn(7, 6, 24, generator=generator, dtype=torch.float64)
    teachers = torch.randn(2, 6, 24, generator=generator, dtype=torch.float64)
    some = teachers.masked_fill(teachers < teachers.topk(3, -1).values[..., -1:], -torch.inf)
    mixture = stack_priors(some, [PRIOR])
    found = influence(logits, mixture)
    terms, q = mixture.terms(logits)
    torch.testing.assert_close(found.pulls, mixture.pulls(mixture.shares(terms), q).mean(0))
    assert (found.pulls[some == -torch.inf] == 0).all()
