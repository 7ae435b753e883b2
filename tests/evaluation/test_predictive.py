"""From draws to predictions: numbers worked out by hand, a Beta with known intervals, scipy's kernel density."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from arviz_stats.base import array_stats
from scipy.stats import beta, gaussian_kde
from torch import Tensor

from mtbkd_core.evaluation.predictive import entropy, mass_threshold, summarise


def two_classes(p: Tensor) -> Tensor:
    """[1, D, 1, 2] of the first class's probability [D]."""
    return torch.stack([p, 1 - p], -1)[None, :, None]


def dirichlet_draws(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64).mul(2).softmax(-1)


def h(*p: float) -> float:
    return -sum(x * math.log(x) for x in p if x > 0)


def test_two_draws_by_hand() -> None:
    draws = torch.tensor([[[[0.92, 0.08]]], [[[0.6, 0.4]]]], dtype=torch.float64)  # two chains of one draw
    result = summarise(draws)
    assert result.mean.tolist() == [[pytest.approx(0.76), pytest.approx(0.24)]]
    assert float(result.aleatoric) == pytest.approx((h(0.92, 0.08) + h(0.6, 0.4)) / 2)
    assert float(result.total) == pytest.approx(h(0.76, 0.24))
    assert float(result.epistemic) == pytest.approx(h(0.76, 0.24) - (h(0.92, 0.08) + h(0.6, 0.4)) / 2)
    assert float(result.deviance) == pytest.approx(h(0.92, 0.08) + h(0.6, 0.4))
    # of a total mass of 2, 0.1 may be left out: 0.08 may, 0.08 + 0.4 may not, so u is 0.4
    assert float(result.deviance_bound) == pytest.approx(-2 * math.log(0.4))
    # the mean 0.76 alone does not reach 0.95
    assert result.prediction_set.tolist() == [[True, True]]
    # of fewer than 39 draws the ends are the outermost draws
    assert result.low.tolist() == [[pytest.approx(0.6), pytest.approx(0.08)]]
    assert result.high.tolist() == [[pytest.approx(0.92), pytest.approx(0.4)]]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_the_threshold_is_the_largest_that_keeps_its_level(level: float, generator: torch.Generator) -> None:
    draws = dirichlet_draws(generator, 30, 5, 4)
    found = mass_threshold(draws, level)
    for m in range(5):
        candidates = draws[:, m].flatten().unique().tolist()
        keeps = [u for u in candidates if float((draws[:, m] * (draws[:, m] >= u)).sum(-1).mean()) >= level]
        assert float(found[m]) == max(keeps)


def test_prediction_sets_reach_the_level_and_no_class_could_be_left_out(generator: torch.Generator) -> None:
    logits = 3 * torch.randn(40, 6, generator=generator) + torch.randn(4, 50, 40, 6, generator=generator)
    result = summarise(logits.softmax(-1))
    inside = result.mean * result.prediction_set
    assert (inside.sum(-1) >= 0.95 - 1e-6).all()
    least = torch.where(result.prediction_set, result.mean, 1).amin(-1)
    assert (inside.sum(-1) - least < 0.95).all()


def test_entropy_splits_into_aleatoric_and_epistemic(generator: torch.Generator) -> None:
    result = summarise(dirichlet_draws(generator, 3, 40, 25, 5))
    torch.testing.assert_close(result.total, result.aleatoric + result.epistemic)
    assert (result.epistemic > 0).all()
    torch.testing.assert_close(result.deviance, 2 * result.aleatoric)


def test_draws_that_agree_have_no_epistemic_part_and_draws_that_are_certain_no_aleatoric_part() -> None:
    agree = torch.tensor([0.7, 0.2, 0.1]).expand(2, 6, 1, 3)
    assert float(summarise(agree).epistemic) == pytest.approx(0, abs=1e-6)
    certain = torch.eye(3).expand(2, 3, 3)[:, :, None]
    result = summarise(certain)
    assert float(result.aleatoric) == 0
    assert float(result.epistemic) == pytest.approx(math.log(3))


def test_everything_is_finite_where_probabilities_touch_0_and_1() -> None:
    draws = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0 - 1e-7, 1e-7, 0.0]])[None, :, None]
    for name, value in vars(summarise(draws)).items():
        assert torch.isfinite(value.float()).all(), name


def test_entropy_of_a_certain_and_of_a_uniform_prediction() -> None:
    assert entropy(torch.tensor([[1.0, 0.0], [0.5, 0.5]])).tolist() == [0, pytest.approx(math.log(2))]


def test_intervals_of_a_known_beta() -> None:
    """40,000 draws of Beta(3, 7): the quantiles' standard error is sqrt(q (1 - q) / D) / density."""
    count, truth = 40_000, beta(3, 7)
    draws = torch.from_numpy(truth.rvs(count, random_state=np.random.default_rng(0)))
    result = summarise(two_classes(draws))
    for level, found in ((0.025, result.low[0, 0]), (0.975, result.high[0, 0])):
        error = math.sqrt(level * (1 - level) / count) / truth.pdf(truth.ppf(level))
        assert abs(float(found) - truth.ppf(level)) < 4.5 * error
    held = truth.cdf(float(result.hdi_high[0, 0])) - truth.cdf(float(result.hdi_low[0, 0]))
    assert held == pytest.approx(0.95, abs=0.006)
    densities = truth.pdf([float(result.hdi_low[0, 0]), float(result.hdi_high[0, 0])])
    assert densities[0] == pytest.approx(densities[1], rel=0.15)  # a shortest interval ends at equal densities


def test_intervals_are_those_of_numpy_and_arviz(generator: torch.Generator) -> None:
    draws = dirichlet_draws(generator, 4, 60, 7, 5)
    result = summarise(draws)
    flat = draws.flatten(0, 1).numpy()
    low, high = np.quantile(flat, [0.025, 0.975], axis=0, method="weibull")
    np.testing.assert_allclose(result.low, low)
    np.testing.assert_allclose(result.high, high)
    shortest = array_stats.hdi(np.moveaxis(flat, 0, -1), axis=-1, prob=0.95)
    np.testing.assert_allclose(torch.stack([result.hdi_low, result.hdi_high], -1), shortest)
    assert (result.hdi_high - result.hdi_low <= result.high - result.low + 1e-12).all()


def bandwidth(values: np.ndarray) -> float:
    quartiles = np.quantile(values, [0.25, 0.75])
    return 0.9 * min(values.std(ddof=1), (quartiles[1] - quartiles[0]) / 1.34) * len(values) ** -0.2


def kde_mode(values: np.ndarray, *, reflect: bool) -> float:
    """By scipy, on a fine grid over the draws' range; `reflect` folds back what leaks over its ends."""
    low, high = values.min(), values.max()
    data = np.concatenate([values, 2 * low - values, 2 * high - values]) if reflect else values
    grid = np.linspace(low, high, 5001)
    return float(grid[gaussian_kde(data, bandwidth(values) / data.std(ddof=1))(grid).argmax()])


CASES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "one hump": lambda rng: rng.beta(8, 20, 1600),
    "flat": lambda rng: rng.uniform(0.2, 0.6, 1600),
    "two humps": lambda rng: np.concatenate([rng.beta(20, 80, 1000), rng.beta(80, 20, 600)]),
    "an outlier": lambda rng: np.append(rng.beta(40, 60, 800), 0.99),
    "few draws": lambda rng: rng.beta(5, 5, 40),
}


@pytest.mark.parametrize("case", CASES)
def test_the_mode_is_that_of_scipys_kernel_density(case: str) -> None:
    values = CASES[case](np.random.default_rng(1))
    expected = kde_mode(values, reflect=case == "flat")
    mode = summarise(two_classes(torch.from_numpy(values))).mode[0]
    cell = (values.max() - values.min()) / 128
    # the other class's mode is 1 minus this one's, to the same error, so renormalising adds no more
    assert abs(float(mode[0]) - expected) < 1.5 * cell
    assert float(mode.sum()) == pytest.approx(1)


def test_a_density_that_is_highest_at_its_end_has_its_mode_there() -> None:
    values = np.random.default_rng(2).beta(0.8, 6, 1600)
    mode = summarise(two_classes(torch.from_numpy(values))).mode[0, 0]
    cell = (values.max() - values.min()) / 128
    assert float(mode) < 1.5 * cell
    assert kde_mode(values, reflect=True) < 1.5 * cell


@pytest.mark.parametrize("shape", [(2, 6), (1, 1)])
def test_draws_that_are_all_the_same_are_their_own_modes_and_intervals(shape: tuple[int, int]) -> None:
    result = summarise(torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64).expand(*shape, 1, 3))
    for value in (result.mode, result.low, result.high, result.hdi_low, result.hdi_high):
        assert value[0].tolist() == [pytest.approx(0.7), pytest.approx(0.2), pytest.approx(0.1)]
    assert float(result.epistemic) == pytest.approx(0)


def test_how_draws_are_dealt_to_chains_and_inputs_to_batches_does_not_matter(generator: torch.Generator) -> None:
    draws = dirichlet_draws(generator, 4, 10, 6, 3)
    whole = vars(summarise(draws))
    other = vars(summarise(draws.view(8, 5, 6, 3)))
    parts = [vars(summarise(draws[:, :, rows])) for rows in (slice(0, 2), slice(2, 6))]
    for name, value in whole.items():
        torch.testing.assert_close(other[name], value)
        torch.testing.assert_close(torch.cat([part[name] for part in parts]), value)


@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 4, 5, 3), (4, 0, 5, 3)])
def test_no_draw_or_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\[S, D, M, C\]"):
        summarise(torch.ones(shape))
