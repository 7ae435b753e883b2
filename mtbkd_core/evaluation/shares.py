"""Shares of examples with their exact intervals: of a class that are right, of two teachers that agree.

Source: Clopper and Pearson, Biometrika 1934; several intervals at once: Dunn, JASA 1961. K teachers, M examples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mtbkd_core.evaluation.calibration import Labels, exact_bounds
from mtbkd_core.evaluation.errors import interval, jackknife_error
from mtbkd_core.evaluation.records import Number, Record


class ClassScore(Record):
    """How many test examples of one class are right.

    Attributes:
        label: the class's index.
        right, count: of how many examples.
        accuracy: right / count.
        low, high: its 95 % interval under both errors.
        sampler: its standard error from the Monte Carlo draws; None where there are no chains, or a single one.
    """

    label: int
    right: int
    count: int
    accuracy: float
    low: float
    high: float
    sampler: Number = None

    @property
    def text(self) -> str:
        """The accuracy with its interval: "93.1 % [90.2 to 95.4]"."""
        return f"{100 * self.accuracy:.1f} % [{100 * self.low:.1f} to {100 * self.high:.1f}]"


def share_interval(
    hits: int, count: int, *, sampler: float | None = None, chains: float = math.inf, of: int = 1
) -> tuple[float, float]:
    """An exact 95 % interval of a share, two-sided, widened by the sampler's error.

    Args:
        hits, count: of `count` cases.
        sampler: the sampler's standard error of the share, from so many `chains`.
        of: how many intervals are read together; each has the level that keeps that of all (Bonferroni).
    """
    low, high = (float(each) for each in exact_bounds(np.array(hits), np.array(count), tail=0.025 / of))
    share = hits / count
    spread = 0.0 if sampler is None else interval(0.0, sampler, chains - 1, 1 - 0.05 / of)[1]
    return max(0.0, share - math.hypot(share - low, spread)), min(1.0, share + math.hypot(high - share, spread))


def wilson(share: float, error: float) -> tuple[float, float]:
    """Ends of the score interval of a share, one standard error wide, which keeps within 0 and 1.

    Of so many cases as have that standard error; a share of 0 or 1 is only bounded. Source: Wilson, JASA 1927.
    """
    cases = share * (1 - share) / error**2
    if not cases:
        return max(0.0, share - error), min(1.0, share + error)
    middle = (share + 0.5 / cases) / (1 + 1 / cases)
    half = math.sqrt(share * (1 - share) / cases + 0.25 / cases**2) / (1 + 1 / cases)
    return min(share, middle - half), max(share, middle + half)


def class_scores(
    predicted: Labels, labels: Labels, without: Sequence[Labels] = (), chains: int = 0
) -> tuple[ClassScore, ...]:
    """The accuracy of each class that has an example, in the order of classes.

    Args:
        predicted: [M], the class that is the most probable.
        labels: [M].
        without: the same as `predicted` for each of `errors.kept_chains`.
        chains: of the sampler.
    """
    count = np.bincount(labels)
    hits, others = (_hits(predicted, labels), [_hits(each, labels) for each in without])
    found = []
    for label in count.nonzero()[0]:
        right, size = int(hits[label]), int(count[label])
        sampler = jackknife_error([float(each[label]) / size for each in others], chains)
        low, high = share_interval(right, size, sampler=sampler, chains=chains)
        found.append(
            ClassScore(
                label=int(label), right=right, count=size, accuracy=right / size, low=low, high=high, sampler=sampler
            )
        )
    return tuple(found)


def _hits(predicted: Labels, labels: Labels) -> Labels:
    return np.bincount(labels[predicted == labels], minlength=int(labels.max(initial=-1)) + 1)
