"""What each teacher is worth, from a score for every subset of the teachers.

    value of k = sum over subsets A without k of |A|! (K - |A| - 1)! / K! (score(A with k) - score(A))

The mean, over all orders in which the teachers could join, of what k changes when it joins. The values add up to
score(all) - score(none). Source: Shapley, "A value for n-person games", Contributions to the Theory of Games II, 1953.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import comb

#: The teachers that are heard.
Subset = frozenset[str]


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
