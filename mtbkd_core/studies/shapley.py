"""Shapley values of the teachers, from a score for every subset of them.

    value of k = sum over subsets A without k of |A|! (K - |A| - 1)! / K! (score(A with k) - score(A))

It is the mean change of the score when k joins, over all orders in which the teachers could join. The values add up to
score(all) - score(none). Source: Shapley, "A value for n-person games", Contributions to the Theory of Games II, 1953.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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


def contribution_errors(error: Mapping[Subset, float]) -> Contributions:
    """The standard errors of `contributions`, where those of the subsets' scores are independent.

    So are the samplers' errors, each subset having a run of its own; the test set's are not, all runs sharing it.
    """
    names = sorted(frozenset[str]().union(*error))
    every, none = frozenset(names), frozenset[str]()
    squares = {subset: value**2 for subset, value in error.items()}
    return Contributions(
        shapley={
            name: math.sqrt(sum(share**2 * squares[subset] for subset, share in _shares(name, names).items()))
            for name in names
        },
        leave_one_out={name: math.hypot(error[every], error[every - {name}]) for name in names},
        solo={name: math.hypot(error[frozenset({name})], error[none]) for name in names},
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
    missing = [subset for subset in _subsets(names) if subset not in score]
    if missing:
        raise ValueError(f"a score is needed for every subset; none is given for {sorted(missing[0])}")
    return {name: sum(share * score[subset] for subset, share in _shares(name, names).items()) for name in names}


def _subsets(names: Sequence[str]) -> list[Subset]:
    return [frozenset(subset) for size in range(len(names) + 1) for subset in combinations(names, size)]


def _shares(name: str, names: Sequence[str]) -> dict[Subset, float]:
    """What the score of each subset counts in a teacher's value."""
    found: dict[Subset, float] = {}
    for subset in _subsets([other for other in names if other != name]):
        # |A|! (K - |A| - 1)! / K! = 1 / (K choose(K - 1, |A|))
        share = 1 / (len(names) * comb(len(names) - 1, len(subset)))
        found |= {subset: -share, subset | {name}: share}
    return found
