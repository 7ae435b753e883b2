"""A stratified order of examples."""

import numpy as np
import pytest

from mtbkd_core.common.order import stratified_order


@pytest.mark.parametrize("names", [np.array([0, 1, 2]), np.array(["a", "b", "c"])])
def test_every_beginning_has_the_classes_in_proportion(names: np.ndarray) -> None:
    labels = names[[0] * 60 + [1] * 30 + [2] * 10]
    order = stratified_order(labels, 3)
    assert sorted(order) == list(range(100))
    for length in (10, 50, 90):
        counts = np.array([(labels[order[:length]] == name).sum() for name in names])
        assert np.abs(counts - length * np.array([0.6, 0.3, 0.1])).max() <= 1


def test_the_seed_decides_the_order() -> None:
    labels = np.arange(100) % 3
    assert np.array_equal(stratified_order(labels, 3), stratified_order(labels, 3))
    assert not np.array_equal(stratified_order(labels, 3), stratified_order(labels, 4))
