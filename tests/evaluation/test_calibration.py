"""Bins, bands and scores against values worked out by hand, and forecasters whose calibration is known."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, norm
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.calibration import (
    auroc_misclassification,
    reliability,
    smooth_calibration_error,
)
from mtbkd_core.evaluation.scores import scores


def two_classes(confidence: list[float], correct: list[int]) -> tuple[Tensor, Tensor]:
    """Probabilities [M, 2] whose top label is class 0 with the given confidence, and labels that agree or not."""
    p = torch.tensor(confidence, dtype=torch.float64)
    return torch.stack([p, 1 - p], -1), 1 - torch.tensor(correct)


def repeated(confidence: float, right: int, of: int) -> tuple[list[float], list[int]]:
    return [confidence] * of, [1] * right + [0] * (of - right)


def forecaster(*groups: tuple[float, int, int]) -> tuple[Tensor, Tensor]:
    parts = [repeated(*group) for group in groups]
    return two_classes([c for part, _ in parts for c in part], [k for _, part in parts for k in part])


def test_bins_by_hand() -> None:
    p, y = two_classes([0.55, 0.65, 0.75, 0.95, 1.0], [1, 0, 1, 1, 0])
    curve = reliability(p, y, bins=5)
    np.testing.assert_allclose(curve.edges, [0, 0.2, 0.4, 0.6, 0.8, 1])
    assert curve.count.tolist() == [0, 0, 1, 2, 2]
    np.testing.assert_allclose(curve.confidence, [np.nan, np.nan, 0.55, 0.7, 0.975])
    np.testing.assert_allclose(curve.accuracy, [np.nan, np.nan, 1, 0.5, 0.5])
    assert curve.error == pytest.approx((1 * 0.45 + 2 * 0.2 + 2 * 0.475) / 5)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    p, y = two_classes([0.75, 0.75001, 0.5, 1.0], [1, 1, 1, 1])
    assert reliability(p, y, bins=4).count.tolist() == [0, 1, 1, 2]


def test_the_band_is_the_exact_binomial_interval() -> None:
    p, y = forecaster((0.55, 3, 7), (0.75, 0, 4), (0.95, 6, 6))
    curve = reliability(p, y, bins=5)
    for place, (hits, count) in zip((2, 3, 4), ((3, 7), (0, 4), (6, 6)), strict=True):
        interval = binomtest(hits, count).proportion_ci(0.95, method="exact")
        assert (curve.low[place], curve.high[place]) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert np.isnan(curve.low[:2]).all()
    assert np.isnan(curve.high[:2]).all()


def test_a_class_is_looked_at_by_its_own_probability() -> None:
    p = torch.tensor([[0.1, 0.9], [0.3, 0.7], [0.8, 0.2]])
    curve = reliability(p, torch.tensor([1, 0, 1]), bins=2, class_index=1)
    assert curve.count.tolist() == [1, 2]
    np.testing.assert_allclose(curve.confidence, [0.2, 0.8], rtol=1e-6)
    np.testing.assert_allclose(curve.accuracy, [1, 0.5])


def test_bins_of_equal_mass_hold_equally_many(generator: torch.Generator) -> None:
    p = torch.randn(90, 4, generator=generator).softmax(-1)
    curve = reliability(p, torch.randint(4, (90,), generator=generator), bins=15, equal_mass=True)
    assert curve.count.tolist() == [6] * 15
    assert (np.diff(curve.edges) >= 0).all()
    assert ((curve.confidence >= curve.edges[:-1]) & (curve.confidence <= curve.edges[1:])).all()


def test_the_order_of_the_examples_does_not_matter_even_where_confidences_tie() -> None:
    p, y = forecaster((0.6, 30, 50), (0.9, 20, 50))
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    assert scores(p[order], y[order]).row == pytest.approx(scores(p, y).row)


def test_a_perfectly_calibrated_forecaster_has_no_error() -> None:
    p, y = forecaster((0.6, 60, 100), (0.8, 80, 100), (0.9, 90, 100))
    found = scores(p, y)
    assert found["accuracy"] == pytest.approx(230 / 300)
    for name in ("ece", "ece_adaptive", "ece_classwise"):
        assert found[name] == pytest.approx(0, abs=1e-9), name
    assert found["smooth_ece"] < 0.002


def test_an_overconfident_forecasters_error_is_its_overconfidence() -> None:
    p, y = forecaster((0.9, 50, 100))
    found = scores(p, y)
    for name in ("ece", "ece_adaptive", "ece_classwise", "smooth_ece"):
        assert found[name] == pytest.approx(0.4, abs=1e-3), name


def test_errors_of_opposite_sign_do_not_cancel_across_bins() -> None:
    p, y = forecaster((0.6, 100, 100), (0.9, 50, 100))
    assert scores(p, y)["ece"] == pytest.approx(0.4)
    assert float(reliability(p, y).confidence[np.isfinite(reliability(p, y).confidence)].mean()) == pytest.approx(0.75)


def test_a_forecaster_drawn_from_its_own_probabilities_is_within_chance(generator: torch.Generator) -> None:
    """Labels drawn from the probabilities: a bin's gap has standard error sqrt(p (1 - p) / n) <= 0.5 / sqrt(n)."""
    p = torch.randn(20_000, 5, generator=generator, dtype=torch.float64).mul(2).softmax(-1)
    labels = torch.multinomial(p, 1, generator=generator)[:, 0]
    curve = reliability(p, labels)
    kept = curve.count > 0
    error = 0.5 / np.sqrt(curve.count[kept])
    assert (np.abs(curve.accuracy - curve.confidence)[kept] < 4.5 * error).all()
    sharper = (p**3) / (p**3).sum(-1, keepdim=True)
    assert scores(sharper, labels)["ece"] > 0.1 > 0.02 > scores(p, labels)["ece"]


def test_scores_by_hand() -> None:
    p = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.6, 0.3]], dtype=torch.float64)
    found = scores(p, torch.tensor([0, 1, 2]))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["nll"] == pytest.approx(-(math.log(0.7) + math.log(0.5) + math.log(0.3)) / 3)
    assert found["brier"] == pytest.approx((0.09 + 0.04 + 0.01 + 0.04 + 0.25 + 0.09 + 0.01 + 0.36 + 0.49) / 3)
    # confidences 0.7 (right), 0.5 (right), 0.6 (wrong), each alone in one of 15 bins
    assert found["ece"] == pytest.approx((0.3 + 0.5 + 0.6) / 3)
    assert found["ece_adaptive"] == pytest.approx((0.3 + 0.5 + 0.6) / 3)


def test_the_classwise_error_is_the_mean_over_classes_by_hand() -> None:
    p = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7]], dtype=torch.float64)
    # class 0: 0.9 twice, of which one comes true, and 0.3, which does not: (2 * 0.4 + 0.3) / 3; class 1 mirrors it
    assert scores(p, torch.tensor([0, 1, 1]))["ece_classwise"] == pytest.approx((2 * 0.4 + 0.3) / 3)


def test_the_auroc_of_misclassification_by_hand() -> None:
    # errors at 0.6 and 0.8, right answers at 0.7, 0.8 and 0.9: of six pairs 4 in order, one tied, one not
    p, y = two_classes([0.6, 0.7, 0.8, 0.8, 0.9], [0, 1, 0, 1, 1])
    assert scores(p, y)["auroc_misclassification"] == pytest.approx(4.5 / 6)


def test_the_auroc_of_misclassification_is_one_where_errors_are_least_sure_and_falls_to_none_at_the_ends() -> None:
    p, y = two_classes([0.6, 0.65, 0.7, 0.9], [0, 0, 1, 1])
    assert scores(p, y)["auroc_misclassification"] == 1
    assert scores(p, 1 - y)["auroc_misclassification"] == 0
    right = p.argmax(1)
    assert scores(p, right)["auroc_misclassification"] is None
    assert scores(p, 1 - right)["auroc_misclassification"] is None


def test_the_auroc_of_misclassification_is_chance_where_confidence_says_nothing() -> None:
    assert auroc_misclassification(np.full(6, 0.7), np.arange(6) < 2) == 0.5


def test_a_label_that_never_occurs_is_no_trouble() -> None:
    found = scores(torch.tensor([[0.5, 0.3, 0.2]] * 4), torch.tensor([0, 0, 1, 1]))
    assert all(math.isfinite(value) for value in found.row.values() if value is not None)


def test_a_label_of_probability_zero_costs_36_nats() -> None:
    assert scores(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))["nll"] == pytest.approx(36.04, abs=0.01)


def test_float32_rows_that_sum_to_almost_one_are_taken(generator: torch.Generator) -> None:
    p = torch.randn(50, 10, generator=generator).softmax(-1)
    labels = torch.randint(10, (50,), generator=generator)
    single, double = scores(p, labels).row, scores(p.double(), labels).row
    assert single == pytest.approx(double, abs=1e-6)


def brute_smooth_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """The definition, with explicit reflections of a Gaussian kernel, at the bandwidth that equals the error."""
    grid = (np.arange(400) + 0.5) / 400
    residual = correct - confidence

    def at(width: float) -> float:
        images = sum(
            norm.pdf(grid[:, None], sign * confidence[None] + 2 * turn, width)
            for turn in range(-1, 2)
            for sign in (1, -1)
        )
        return float(np.abs(images @ residual / len(residual)).mean())

    low, high = 1e-3, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle) > middle else (low, middle)
    return at(low)


@pytest.mark.parametrize("bend", [0.4, 1.0, 1.6])
def test_the_smooth_error_is_its_definition(bend: float) -> None:
    rng = np.random.default_rng(3)
    confidence = rng.beta(4, 2, 150)
    correct = rng.random(150) < confidence**bend
    assert smooth_calibration_error(confidence, correct) == pytest.approx(
        brute_smooth_error(confidence, correct), abs=3e-3
    )


@pytest.mark.parametrize(
    ("p", "y"),
    [
        (torch.zeros(0, 3), torch.zeros(0).long()),
        (torch.ones(2, 3) / 3, torch.zeros(3).long()),
        (torch.ones(2) / 2, torch.zeros(2).long()),
        (torch.tensor([[0.5, 0.6]]), torch.zeros(1).long()),
        (torch.tensor([[1.5, -0.5]]), torch.zeros(1).long()),
        (torch.tensor([[math.nan, 1.0]]), torch.zeros(1).long()),
    ],
    ids=["no example", "lengths differ", "no classes", "sum is not 1", "negative", "NaN"],
)
def test_what_are_no_probabilities_is_refused_in_one_line(p: Tensor, y: Tensor) -> None:
    for call in (reliability, scores):
        with pytest.raises(ValueError, match="probabilities") as caught:
            call(p, y)
        assert "\n" not in str(caught.value)


def voting(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Five voters, as the mean of their one-hot votes in float32: 3 : 2 : 0, half right, and 3 : 1 : 1, 70 % right."""
    votes = torch.tensor([[3, 2, 0], [3, 1, 1]]).repeat_interleave(count, 0)
    noise = 1e-7 * torch.randn(votes.shape, generator=torch.Generator().manual_seed(seed))
    labels = torch.cat([torch.tensor([0, 1]).repeat(count // 2), (torch.arange(count) % 10 >= 7).long()])
    return votes / 5 + noise.clamp_min(0), labels


@pytest.mark.parametrize("seed", range(3))
def test_equal_confidences_are_not_parted_by_rounding(seed: int) -> None:
    """0.6 is an edge of 15 bins: parted by rounding, half right and 70 % right were an ECE of 0.1."""
    found = scores(*voting(40, seed))
    for name in ("ece", "ece_adaptive", "smooth_ece"):
        assert found[name] == pytest.approx(0, abs=1e-5), name
    curve = reliability(*voting(40, seed))
    assert curve.count.tolist() == [0] * 8 + [80] + [0] * 6


def test_predictions_that_are_not_finite_are_refused_in_one_line() -> None:
    p = torch.tensor([[math.nan, 0.5]])
    with pytest.raises(UserError, match="probabilities: must be finite") as error:
        scores(p, torch.tensor([0]))
    assert "\n" not in str(error.value)
