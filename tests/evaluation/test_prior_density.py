import numpy as np
import pytest
import scipy.stats

from mtbkd_core.evaluation.prior_density import (
    CORNERS,
    half_peak,
    log_dirichlet,
    rescaled,
    simplex_density,
    to_plane,
    two_class_density,
)

TARGETS = np.array([[0.7, 0.1, 0.05], [0.2, 0.5, 0.2]])
WEIGHTS = np.array([0.3, 0.7])


def test_the_density_is_the_dirichlets() -> None:
    parameters = np.array([2.5, 1.0, 4.0])
    shares = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    expected = [scipy.stats.dirichlet.logpdf(row, parameters) for row in shares]
    np.testing.assert_allclose(log_dirichlet(shares, parameters), expected, rtol=1e-12)


def test_the_mixture_weighs_its_components() -> None:
    grid = simplex_density(TARGETS, WEIGHTS, 8.0, points=31)
    inside = ~np.isnan(grid.density)
    assert inside.sum() > 300
    np.testing.assert_allclose(grid.density[inside], (WEIGHTS[:, None] * grid.components[:, inside]).sum(0), rtol=1e-10)


def test_the_mixture_integrates_to_one() -> None:
    grid = simplex_density(TARGETS, WEIGHTS, 8.0, points=161)
    # The density is by area of (second, third) share; the triangle's area in the plane is sqrt(3)/2 times that.
    cell = (grid.x[1] - grid.x[0]) * (grid.y[1] - grid.y[0]) / (np.sqrt(3) / 2)
    assert np.nansum(grid.density) * cell == pytest.approx(1, abs=0.02)


def test_a_mode_is_the_teacher_rescaled_to_three_classes() -> None:
    grid = simplex_density(TARGETS, WEIGHTS, 50.0, points=121)
    np.testing.assert_allclose(grid.modes, TARGETS / TARGETS.sum(1, keepdims=True))
    for k, mode in enumerate(grid.modes):
        row, column = np.unravel_index(np.nanargmax(grid.components[k]), grid.density.shape)
        np.testing.assert_allclose(to_plane(mode), [grid.x[column], grid.y[row]], atol=0.02)


def test_shares_among_three_of_many_classes_follow_the_three_class_mixture() -> None:
    random = np.random.default_rng(0)
    whole = np.array([[0.7, 0.1, 0.05, 0.1, 0.05], [0.2, 0.5, 0.2, 0.05, 0.05]])
    which = random.choice(2, size=40_000, p=WEIGHTS)
    draws = np.stack([random.dirichlet(1 + 8.0 * whole[k]) for k in which])[:, :3]
    shares = draws / draws.sum(1, keepdims=True)
    parameters = 1 + 8.0 * TARGETS
    expected = (WEIGHTS[:, None] * parameters / parameters.sum(1, keepdims=True)).sum(0)
    assert np.abs(shares.mean(0) - expected).max() < 4 * shares.std() / np.sqrt(len(shares))


def test_an_outline_lies_where_the_density_is_half_its_peak() -> None:
    parameters = np.array([4.0, 3.0, 6.0])
    mode = (parameters - 1) / (parameters - 1).sum()
    outline = half_peak(parameters, mode)
    np.testing.assert_allclose(outline.sum(-1), 1)
    np.testing.assert_allclose(
        scipy.stats.dirichlet.logpdf(outline.T, parameters),
        scipy.stats.dirichlet.logpdf(mode, parameters) - np.log(2),
        atol=1e-6,
    )
    around = np.unwrap(np.arctan2(*(to_plane(outline) - to_plane(mode)).T[::-1]))
    assert np.all(np.diff(around) > 0)
    assert around[-1] - around[0] > 6


def test_an_outline_ends_with_the_triangle() -> None:
    # A class that the teacher rules out: the mode lies on the edge, and nothing lies beyond.
    outline = half_peak(1 + 8.0 * np.array([0.6, 0.4, 0.0]), np.array([0.6, 0.4, 0.0]))
    assert outline.min() >= 0
    assert outline[:, 2].max() == pytest.approx(1 - 2 ** (-1 / 8), abs=1e-4)
    # Equal densities everywhere: the outline is the triangle.
    flat = half_peak(np.ones(3), np.full(3, 1 / 3))
    np.testing.assert_allclose(flat.min(-1), 0, atol=1e-8)


def test_a_teacher_without_weight_leaves_the_mixture_finite() -> None:
    grid = simplex_density(TARGETS, np.array([1.0, 0.0]), 8.0, points=21)
    inside = ~np.isnan(grid.density)
    np.testing.assert_allclose(grid.density[inside], grid.components[0][inside])


def test_a_class_that_no_teacher_names_has_no_share() -> None:
    grid = simplex_density(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), WEIGHTS, 8.0, points=21)
    np.testing.assert_allclose(grid.modes, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])


def test_corners_stand_for_whole_classes() -> None:
    np.testing.assert_allclose(to_plane(np.eye(3)), CORNERS)


def test_shares_among_some_classes_sum_to_1_even_where_they_have_nothing() -> None:
    shares = rescaled(np.array([[0.2, 0.2, 0.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(shares, [[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]])


class TestTwoClasses:
    def test_densities_integrate_to_one(self) -> None:
        table = two_class_density([0.8, 0.3], [0.4, 0.6], concentration=10, strength=1, seen=(3, 1))
        for column in ("mixture", "posterior"):
            assert np.trapezoid(table[column], table["q"]) == pytest.approx(1, abs=1e-2)

    def test_without_prior_and_labels_nothing_is_known(self) -> None:
        posterior = two_class_density([0.8, 0.3], [0.4, 0.6], concentration=10, strength=0, seen=(0, 0))["posterior"]
        assert posterior.max() == pytest.approx(posterior.min())

    def test_without_labels_the_posterior_is_the_prior(self) -> None:
        table = two_class_density([0.8, 0.3], [0.4, 0.6], concentration=10, strength=1, seen=(0, 0))
        np.testing.assert_allclose(table["posterior"], table["mixture"], rtol=1e-2)

    def test_labels_move_the_posterior_to_the_teacher_that_agrees(self) -> None:
        table = two_class_density([0.9, 0.1], [0.5, 0.5], concentration=20, strength=1, seen=(5, 0))
        assert table["q"][table["posterior"].idxmax()] > 0.8

    def test_a_teacher_without_weight_is_finite(self) -> None:
        table = two_class_density([0.9, 0.1], [1.0, 0.0], concentration=20, strength=1, seen=(1, 1))
        assert np.isfinite(table.to_numpy()).all()
