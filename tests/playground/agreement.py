"""Whether two sets of draws are of one posterior: means and interval ends, with their Monte Carlo errors."""

from __future__ import annotations

import numpy as np

#: What is compared of each predicted probability: its mean and the ends of its 95 % interval.
STATISTICS = ("mean", "low", "high")
#: Added to both errors: the jackknife over few chains understates that of an interval's end.
_FLOOR = np.array([0.002, 0.01, 0.01])[:, None, None]


def statistics(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and interval ends of probabilities, and their errors by the jackknife over chains.

    Args:
        draws: [S, D, M, C].
    Returns:
        two of [3, M, C]; the first axis as `STATISTICS`.
    """
    chains = len(draws)
    whole = _of(draws)
    left_out = np.stack([_of(np.delete(draws, chain, 0)) for chain in range(chains)])
    error = np.sqrt((chains - 1) / chains * ((left_out - left_out.mean(0)) ** 2).sum(0))
    return whole, error


def _of(draws: np.ndarray) -> np.ndarray:
    pooled = draws.reshape(-1, *draws.shape[2:])
    return np.stack([pooled.mean(0), *np.quantile(pooled, [0.025, 0.975], axis=0)])


def distances(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences of the statistics of two sets of draws [S, D, M, C], plain and in standard errors: [3, M, C] each."""
    (a, a_error), (b, b_error) = statistics(first), statistics(second)
    return a - b, (a - b) / np.sqrt(a_error**2 + b_error**2 + _FLOOR**2)
