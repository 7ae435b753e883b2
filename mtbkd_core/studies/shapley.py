"""Shapley values of the teachers, from a score for every subset of them.

    value of k = sum over subsets A without k of |A|! (K - |A| - 1)! / K! (score(A with k) - score(A))

It is the mean change of the score when k joins, over all orders in which the teachers could join. The values add up to
score(all) - score(none). Source: Shapley, "A value for n-person games", Contributions to the Theory of Games II, 1953.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb

#: Some of the teachers, by name.
Subset = frozenset[str]


@dataclass(frozen=True)
class Contributions:
    """How much each teacher changes a score, in its own unit and direction.

    Attributes:
        shapley: see above.
        leave_one_out: the score of all teachers minus that without it.
        solo: the score of this teacher alone minus that of none.
    """

    shapley: Mapping[str, float]
    leave_one_out: Mapping[str, float]
    solo: Mapping[str, float]


def contributions(score: Mapping[Subset, float]) -> Contributions:
    """All three from the score of every subset; arguments and errors as `shapley_values`."""
    values = shapley_values(score)
    every, none = frozenset(values), frozenset[str]()
    return Contributions(
        shapley=values,
        leave_one_out={name: score[every] - score[every - {name}] for name in values},
        solo={name: score[frozenset({name})] - score[none] for name in values},
    )


def shapley_values(score: Mapping[Subset, float]) -> dict[str, float]:
    """Each teacher's value, in the score's own unit.

    Args:
        score: of every subset of the K teachers, the empty one included: 2^K of them.
    Returns:
        by teacher, in order of the names.
    Raises:
        ValueError: a subset is missing.
    """
    names = sorted(frozenset[str]().union(*score))
    subsets = [frozenset(subset) for size in range(len(names) + 1) for subset in combinations(names, size)]
    missing = [subset for subset in subsets if subset not in score]
    if missing:
        raise ValueError(f"a score is needed for every subset; none is given for {sorted(missing[0])}")
    values = dict.fromkeys(names, 0.0)
    for subset in subsets:
        for name in set(names) - subset:
            # |A|! (K - |A| - 1)! / K! = 1 / (K choose(K - 1, |A|))
            share = 1 / (len(names) * comb(len(names) - 1, len(subset)))
            values[name] += share * (score[subset | {name}] - score[subset])
    return values
