"""Scores as text: differences and means with their spread, in the digits in which they are shown everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mtbkd_core.evaluation.errors import Difference, ScoreError
from mtbkd_core.evaluation.scores import SCORES, Scores

#: Digits after the point that a difference has at most.
_MOST_DIGITS = 9


def better_text(scores: Sequence[str]) -> str:
    """Of which scores higher is better, and of which lower: "NLL and ECE: lower is better."."""
    found = []
    for higher in (True, False):
        *others, last = ["", *(SCORES[name].short for name in scores if SCORES[name].higher_is_better is higher)]
        if last:
            named = f"{', '.join(others[1:])} and {last}" if others[1:] else last
            found.append(f"{named}: {'higher' if higher else 'lower'} is better.")
    return " ".join(found)


def change_text(score: str, value: float | None, other: float | None) -> str:
    """How far a score lies above another value of it: shares in points, others with three decimals."""
    if value is None or other is None:
        return "–"
    if SCORES[score].share:
        return f"{100 * (value - other):+z.1f} points"
    return f"{value - other:+z.3f}"


def mean_text(score: str, mean: float, error: float) -> str:
    """A mean with its standard error, as every score is shown; NaN: a dash, or no error."""
    value, known = (None if math.isnan(each) else each for each in (mean, error))
    return SCORES[score].text(value, ScoreError(test_set=known))


def interval_text(score: str, difference: float, low: float, high: float) -> str:
    """A difference with its interval in brackets, shares in points; NaN: a dash, or no interval.

    It has as many more digits as the half width needs, and an end where 0 lies outside, not to be rounded to 0.
    """
    scale, digits = (100, 1) if SCORES[score].share else (1, 3)
    if math.isnan(difference):
        return "–"
    if math.isnan(low):
        return f"{scale * difference:+z.{digits}f}"
    half = (high - low) / 2
    least = scale * (min(abs(low), abs(high), half) if low * high > 0 else half)
    if 0 < least < 0.5 * 10**-digits:
        digits = min(_MOST_DIGITS, math.ceil(-math.log10(2 * least)))
    return "{:+z.{digits}f} [{:+z.{digits}f}, {:+z.{digits}f}]".format(
        *(scale * each for each in (difference, low, high)), digits=digits
    )


def difference_text(score: str, found: Difference | None) -> str:
    """A difference with its 95 % interval and what it says: "-0.012 [-0.044, +0.019], no clear difference".

    A dash where the run does not hold it.
    """
    if found is None:
        return "–"
    return f"{plain_interval(score, found)}, {found.verdict}"


def plain_interval(score: str, found: Difference) -> str:
    """A difference with its 95 % interval."""
    return interval_text(
        score, *(math.nan if each is None else each for each in (found.difference, found.low, found.high))
    )


#: What the errors of a score are; those of the sampler are shown where a row comes from chains.
TEST_SET_LINE = "After ± (near 0 or 100 %: + and -): the standard error from a test set of this size."
ERRORS_LINE = f"{TEST_SET_LINE[:-1]}; in brackets, that of the sampler's draws."


def calibration_text(found: Scores) -> str:
    """How the ECE stands to that of an exactly calibrated model with the same predictions; "" where not known."""
    exact = found.calibrated_ece
    if found.ece is None or exact is None or exact.mean is None or exact.high is None:
        return ""
    beside = "within" if found.ece <= exact.high else "above"
    return (
        f"ECE is {beside} what exact calibration gives: the same predictions would have {exact.mean:.4f} on average, "
        f"and at most {exact.high:.4f} in 95 % of test sets."
    )
