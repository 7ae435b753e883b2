"""Sets of classes keep what they promise: credible sets under a right posterior, conformal sets under any model."""

import math

import numpy as np
import pytest
import torch
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from torch.distributions import Dirichlet

from mtbkd_core.evaluation.sets import (
    conformal,
    conformal_by_class,
    credible_sets,
    fewest_labels,
    halves,
    measure_sets,
    measured_rows,
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


@pytest.mark.parametrize("classes", [2, 3, 10, 40])
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


@pytest.mark.parametrize(("calibrate", "least"), [(conformal, 400), (conformal_by_class, 60)])
def test_conformal_sets_hold_the_level_whatever_the_model(calibrate, least: int) -> None:
    """Of a model that claims too much: over 200 sets of data the mean coverage is from the level to 1/(n + 1) above it.

    `least`: fewer calibration labels than any class (or all together) has here.
    """
    classes, count, found, claims = 4, 800, [], []
    for seed in range(200):
        logits = 2 * torch.randn(count, classes, generator=generator(seed))
        labels, claimed = draw_labels(logits.softmax(1), 1000 + seed), (3 * logits).softmax(1)
        calibration, measured = halves(count, seed)
        sets = calibrate(claimed[calibration], labels[calibration]).sets(claimed[measured])
        found.append(score_sets(sets, labels[measured]).coverage)
        claims.append(score_sets(credible_sets(claimed), labels).coverage)
    coverage = torch.tensor(found)
    error = 4 * float(coverage.std()) / math.sqrt(len(found))
    assert 0.95 - error <= float(coverage.mean()) <= 0.95 + 1 / (least + 1) + error
    assert max(claims) < 0.9


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


class Fitted(ClassifierMixin, BaseEstimator):
    """A classifier for mapie that answers with the probabilities which it is given as inputs."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Fitted":
        self.classes_ = np.arange(x.shape[1])
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return x

    def predict(self, x: np.ndarray) -> np.ndarray:
        return x.argmax(1)


@pytest.mark.parametrize("seed", range(3))
def test_marginal_sets_are_those_of_mapie(seed: int) -> None:
    classes = 5
    logits = 1.5 * torch.randn(700, classes, generator=generator(seed), dtype=torch.float64)
    labels, p = draw_labels(logits.softmax(1), seed), (2 * logits).softmax(1)
    first, second = halves(700, seed)
    fitted = Fitted().fit(p.numpy(), labels.numpy())
    oracle = SplitConformalClassifier(fitted, confidence_level=0.95, conformity_score="lac", prefit=True)
    oracle.conformalize(p[first].numpy(), labels[first].numpy())
    _, expected = oracle.predict_set(p[second].numpy())
    found = conformal(p[first], labels[first]).sets(p[second])
    assert np.array_equal(found.numpy(), expected[..., 0])


@pytest.mark.parametrize("seed", range(3))
def test_all_kinds_of_sets_are_measured_on_the_same_rows(seed: int) -> None:
    logits = torch.randn(401, 3, generator=generator(seed))
    labels = draw_labels(logits.softmax(1), seed)
    found = measure_sets(logits.softmax(1), labels, seed)
    assert {each.count for each in (found.credible, found.conformal, found.conformal_by_class)} == {200}
    assert len(set(found.conformal.thresholds)) == 1 < len(set(found.conformal_by_class.thresholds))
    assert measured_rows(401, seed).tolist() == halves(401, seed)[1].tolist()


def test_one_example_has_a_credible_set_alone() -> None:
    found = measure_sets(torch.tensor([[0.97, 0.03]]), torch.tensor([0]), 0)
    assert (found.credible.coverage, found.credible.size, found.conformal) == (1, 1, None)


def test_the_error_of_full_coverage_is_not_nothing() -> None:
    assert score_sets(torch.ones(50, 3, dtype=torch.bool), torch.zeros(50, dtype=torch.long)).coverage_error > 0.01


def test_the_error_of_the_size_is_its_spread_over_test_sets() -> None:
    sizes = torch.arange(1, 4).repeat(100)
    sets = torch.arange(3)[None] < sizes[:, None]
    assert score_sets(sets, torch.zeros(300, dtype=torch.long)).size_error == pytest.approx(
        (2 / 3) ** 0.5 / 300**0.5, rel=0.01
    )


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
