"""What each teacher is worth, from a score for every subset of the teachers.

    value of k = sum over subsets A without k of |A|! (K - |A| - 1)! / K! (score(A with k) - score(A))

The mean, over all orders in which the teachers could join, of what k changes when it joins. The values add up to
score(all) - score(none). Source: Shapley, "A value for n-person games", Contributions to the Theory of Games II, 1953.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb

#: The teachers that are heard.
Subset = frozenset[str]


@dataclass(frozen=True)
class Worth:
    """What each teacher is worth, in a score's own unit and direction: what the score changes by with the teacher.

    Attributes:
        shapley: see above.
        last: what changes when it joins all the others: the score of all minus that without it (leave one out).
        alone: what changes when it is the only one: its score minus that of none.
    """

    shapley: Mapping[str, float]
    last: Mapping[str, float]
    alone: Mapping[str, float]


def worth(score: Mapping[Subset, float]) -> Worth:
    """All three from the score of every subset; arguments and errors as `shapley_values`."""
    values = shapley_values(score)
    every, none = frozenset(values), frozenset[str]()
    return Worth(
        shapley=values,
        last={name: score[every] - score[every - {name}] for name in values},
        alone={name: score[frozenset({name})] - score[none] for name in values},
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
