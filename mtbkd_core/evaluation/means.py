"""A score over seeds: its mean and the standard error of that; of a single seed, the run's own errors.

A row of a table of runs (`Row`) holds a run's errors beside its scores, as numbers named `score:sampler` and
`score:test_set`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd_core.evaluation.errors import ScoreError, interval
from mtbkd_core.evaluation.scores import COMPARED, SCORES, Row, Scores

_MARK = ":"
_KINDS = ("sampler", "test_set")


@dataclass(frozen=True)
class Mean:
    """The mean of a score over seeds.

    Attributes:
        value: None where no seed has the score.
        error: of several seeds, the standard error of the mean by their spread; of one, the run's errors of the sampler
            and of a test set of this size, added in squares. None where it is not known.
        seeds: that have the score.
    """

    value: float | None = None
    error: float | None = None
    seeds: int = 0

    @property
    def half_width(self) -> float | None:
        """Of its 95 % interval; by Student's t where the error is that of several seeds."""
        if self.error is None:
            return None
        return interval(0.0, self.error, self.seeds - 1 if self.seeds > 1 else math.inf)[1]

    def text(self, score: str) -> str:
        """As a table shows it: "0.1720 ± 0.0120"."""
        return SCORES[score].text(self.value, ScoreError(test_set=self.error))


#: What ± is in tables of one seed, and of several.
ONE_SEED_LINE = (
    "One seed; after ±: the run's own standard errors, of the sampler (where it has chains) and of a test set of this "
    "size, added in squares."
)
SEEDS_LINE = (
    "Mean over the seeds; after ±: its standard error, from their spread. Where all seeds share a test set, the error "
    "of that is not in it."
)


def mean_over(values: Sequence[float | None], errors: Sequence[ScoreError] = ()) -> Mean:
    """The mean of a score, one value a seed; errors: of each seed's own run, which count where there is only one."""
    places = [place for place, value in enumerate(values) if value is not None]
    if not places:
        return Mean()
    known = np.array([values[place] for place in places], dtype=float)
    if len(known) > 1:
        return Mean(float(known.mean()), float(known.std(ddof=1)) / math.sqrt(len(known)), len(known))
    own = errors[places[0]] if errors else ScoreError()
    parts = [error for error in (own.sampler, own.test_set) if error is not None]
    return Mean(float(known[0]), math.hypot(*parts) if parts else None, 1)


def means_of(rows: Sequence[Row]) -> dict[str, Mean]:
    """The mean of each of `COMPARED` over rows with errors, one a seed."""
    errors = [errors_of(row) for row in rows]
    return {
        score: mean_over([row.get(score) for row in rows], [each.get(score, ScoreError()) for each in errors])
        for score in COMPARED
    }


def row_with_errors(found: Scores) -> Row:
    """Scores as a row of a table of runs, with the errors of those that are compared."""
    return found.row | error_entries({score: found.errors[score] for score in COMPARED if score in found.errors})


def error_entries(errors: Mapping[str, ScoreError]) -> Row:
    """Errors by score as entries of a row."""
    return {
        f"{score}{_MARK}{kind}": error[kind]
        for score, error in errors.items()
        for kind in _KINDS
        if error[kind] is not None
    }


def errors_of(row: Row) -> dict[str, ScoreError]:
    """The errors by score that a row holds."""
    found: dict[str, dict[str, float | None]] = {}
    for name, value in row.items():
        score, mark, kind = name.partition(_MARK)
        if mark:
            found.setdefault(score, {})[kind] = value
    return {score: ScoreError(**each) for score, each in found.items()}


def without_errors(row: Row) -> Row:
    """The scores alone."""
    return {name: value for name, value in row.items() if _MARK not in name}
