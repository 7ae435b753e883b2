"""The browser's chains draw from the same posterior as the core's HMC."""

from pathlib import Path

import numpy as np
import pytest

from tests.playground.agreement import distances
from tests.playground.long_runs import SMALL, by_browser, by_core


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_means_and_intervals_are_those_of_the_cores_hmc(name: str, tmp_path: Path) -> None:
    (found,) = by_browser([SMALL[name]], tmp_path)
    difference, errors = distances(found, by_core(SMALL[name]))
    assert np.abs(errors).max() < 4.5
    assert np.sqrt((errors**2).mean()) < 1.5
    assert np.abs(difference[0]).max() < 0.08
