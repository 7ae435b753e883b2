"""Sets of classes keep what they promise: credible sets under a right posterior, conformal sets under any model."""

import math

import pytest
import torch
from scipy.stats import binom
from torch.distributions import Dirichlet

from mtbkd_core.evaluation.sets import (
    conformal,
    conformal_by_class,
    credible_sets,
    fewest_labels,
    halves,
    score_sets,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw_labels(probabilities: torch.Tensor, seed: int) -> torch.Tensor:
    return torch.multinomial(probabilities, 1, generator=generator(seed))[:, 0]


def test_a_credible_set_is_the_smallest_that_reaches_the_level() -> None:
    mean = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.96, 0.02, 0.01, 0.01], [0.25, 0.25, 0.25, 0.25]])
    assert credible_sets(mean).tolist() == [[True, True, True, False], [True, False, False, False], [True] * 4]
    assert credible_sets(mean, 0.5).tolist() == [[True, False, False, False]] * 2 + [[True, True, False, False]]


def test_a_mean_that_reaches_the_level_but_for_rounding_needs_no_further_class() -> None:
    mean = torch.tensor([[0.7, 0.25, 0.05]], dtype=torch.float32)
    assert credible_sets(mean).tolist() == [[True, True, False]]


@pytest.mark.parametrize("classes", [3, 10])
@pytest.mark.parametrize("concentration", [1.0, 2.0, 8.0, 100.0, 10_000.0])
def test_under_a_right_posterior_credible_sets_hold_the_level(classes: int, concentration: float) -> None:
    """Truth and posterior mean from one Dirichlet: the paper's threshold on the mean covered 0.80 to 0.95 here."""
    torch.manual_seed(0)
    inputs = 20_000
    mean = Dirichlet(torch.ones(classes)).sample((inputs,)).clamp_min(1e-4)
    mean = mean / mean.sum(1, keepdim=True)
    truth = Dirichlet(concentration * mean).sample()
    labels = draw_labels(truth.clamp_min(0), 1)
    covered = score_sets(credible_sets(mean), labels).coverage
    assert covered >= 0.95 - 4 * math.sqrt(0.05 * 0.95 / inputs)


@pytest.mark.parametrize("calibrate", [conformal, conformal_by_class])
def test_conformal_sets_hold_the_level_whatever_the_model(calibrate) -> None:
    """Over 200 splits, of a model that claims too much, the mean coverage is the level within binomial error."""
    classes, count = 4, 800
    logits = 2 * torch.randn(count, classes, generator=generator())
    labels = draw_labels(logits.softmax(1), 1)
    claimed = (3 * logits).softmax(1)
    found = []
    for seed in range(200):
        calibration, measured = halves(count, seed)
        sets = calibrate(claimed[calibration], labels[calibration]).sets(claimed[measured])
        found.append(score_sets(sets, labels[measured]).coverage)
    low, high = binom.ppf([0.001, 0.999], count // 2, 0.95) / (count // 2)
    assert low <= sum(found) / len(found) <= high
    assert score_sets(credible_sets(claimed), labels).coverage < 0.9


def test_by_class_every_class_holds_the_level() -> None:
    count = 6_000
    labels = torch.multinomial(torch.tensor([0.8, 0.15, 0.05]), count, True, generator=generator())
    logits = torch.randn(count, 3, generator=generator(1)) + 1.5 * torch.nn.functional.one_hot(labels, 3)
    claimed = (logits + torch.tensor([3.0, 0.0, -1.0])).softmax(1)
    calibration, measured = halves(count, 3)
    marginal, by_class = (
        calibrate(claimed[calibration], labels[calibration]).sets(claimed[measured])
        for calibrate in (conformal, conformal_by_class)
    )
    rare = labels[measured] == 2
    assert score_sets(marginal[rare], labels[measured][rare]).coverage < 0.85
    for label in range(3):
        own = labels[measured] == label
        coverage = score_sets(by_class[own], labels[measured][own]).coverage
        assert coverage > 0.95 - 4 * math.sqrt(0.05 * 0.95 / int(own.sum()))


def test_a_class_with_too_few_calibration_labels_is_in_every_set() -> None:
    assert fewest_labels(0.95) == 19
    labels = torch.tensor([0] * 19 + [1] * 18)
    probabilities = torch.full((37, 2), 0.5)
    found = conformal_by_class(probabilities, labels)
    assert found.always == (1,)
    assert found.sets(torch.tensor([[1.0, 0.0]])).tolist() == [[True, True]]


def test_equal_probabilities_are_in_the_same_sets() -> None:
    probabilities = torch.tensor([[0.6, 0.4]]).repeat(40, 1)
    labels = torch.tensor([0, 1] * 20)
    assert conformal(probabilities, labels).sets(probabilities + 1e-8).all()


def test_halves_are_disjoint_whole_and_the_seeds_own() -> None:
    first, second = halves(11, 4)
    assert sorted([*first.tolist(), *second.tolist()]) == list(range(11))
    assert len(first) == 6
    assert not torch.equal(first, halves(11, 5)[0])
    assert torch.equal(first, halves(11, 4)[0])
