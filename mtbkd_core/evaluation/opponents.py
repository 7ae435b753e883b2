"""What a run's student is compared with, in words: the best single teacher, the weighted teachers, its warm start."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mtbkd_core.evaluation.errors import Difference, Reading
from mtbkd_core.evaluation.metrics import TEACHER, Metrics
from mtbkd_core.evaluation.score_text import interval_text
from mtbkd_core.evaluation.scores import SCORES

_WEIGHTED, _START = "teachers_weighted", "warm_start"


def opponents(metrics: Metrics, teachers: Mapping[str, str]) -> dict[str, str]:
    """What each row of `metrics.versus` is called in a sentence, by its key; teachers: name -> title.

    A single teacher has no weighted mean beside it, and a run that has sampled nothing yet is its warm start.
    """
    names = {_WEIGHTED: "the teachers' weighted mean", _START: "its warm start"}
    single = len(metrics.teachers) < 2
    best = "its teacher" if single else "the best single teacher"
    for key in metrics.versus:
        if key.startswith(TEACHER):
            name = key.removeprefix(TEACHER)
            names[key] = f"{best} ({teachers.get(name, name)})"
    left_out = ({_WEIGHTED} if single else set()) | ({_START} if _is_its_start(metrics) else set())
    return {key: names[key] for key in metrics.versus if key in names and key not in left_out}


def standing(metrics: Metrics, teachers: Mapping[str, str], score: str = "nll") -> str:
    """How the student stands beside its opponents on one score: by how much, with both errors.

    Where the weighted teachers win, the sentence says what they take.

    Args:
        teachers: name -> title.
        score: one of `scores.OF_ALL`.
    Returns:
        "" for a run of a former version, which holds no differences.
    """
    found = {key: (name, _gap(metrics, key, score)) for key, name in opponents(metrics, teachers).items()}
    parts, unknown = [], []
    for key, (name, gap) in found.items():
        if gap.difference is None:
            continue
        lost = key == _WEIGHTED and gap.verdict is Reading.WORSE
        named = f"{name} (which asks all {len(metrics.teachers)} teachers)" if lost else name
        if gap.is_clear:
            parts.append(f"{gap.verdict} than {named} by {_size(score, gap)}")
        elif gap.verdict is Reading.UNCLEAR and gap.low is not None:
            parts.append(f"the same as {named} within {_within(score, gap)}")
        else:
            unknown.append(named)
    if unknown:
        parts.append(f"not to be told from {_listed(unknown)} (no error of the sampler is known)")
    return f"{SCORES[score].title} is {_listed(parts)}." if parts else ""


def headline(metrics: Metrics, teachers: Mapping[str, str]) -> str:
    """How accurate the student is beside one opponent, and the calibration errors of both where these clearly differ.

    The opponent is the best single teacher; else the weighted teachers, or the warm start.

    Args:
        teachers: name -> title.
    Returns:
        "" where there is no opponent, or no error of the difference is known.
    """
    names = opponents(metrics, teachers)
    for key in sorted(names, key=lambda key: (not key.startswith(TEACHER), key == _START)):
        said = _accuracy(_gap(metrics, key, "accuracy"), names[key])
        if said:
            return f"The student is {said}{_calibration(metrics, key)}."
    return ""


def _gap(metrics: Metrics, key: str, score: str) -> Difference:
    """The student's score minus an opponent's; with nothing in it where the run does not hold it."""
    return metrics.versus.get(key, {}).get(score, Difference())


def _accuracy(gap: Difference, name: str) -> str:
    if gap.difference is None or gap.low is None:
        return ""
    if gap.is_clear:
        more = "more" if gap.verdict is Reading.BETTER else "less"
        return f"{more} accurate than {name} by {_size('accuracy', gap)}"
    if gap.verdict is Reading.UNCLEAR:
        return f"as accurate as {name} within {_within('accuracy', gap)}"
    return ""


def _calibration(metrics: Metrics, key: str) -> str:
    """The calibration errors of student and opponent; "" where they do not clearly differ."""
    gap, own = _gap(metrics, key, "ece"), metrics.student.ece
    if own is None or gap.difference is None or not gap.is_clear:
        return ""
    size = "smaller" if gap.verdict is Reading.BETTER else "larger"
    return f", with a {size} calibration error (ECE): {own:.3f}, not {own - gap.difference:.3f}"


def _size(score: str, gap: Difference) -> str:
    """The size of a difference with its interval, both without a sign where one is clear."""
    low, value, high = (math.nan if each is None else each for each in (gap.low, gap.difference, gap.high))
    if value < 0:
        low, value, high = -high, -value, -low
    return interval_text(score, value, low, high).replace("+", "") + (" points" if SCORES[score].share else "")


def _within(score: str, gap: Difference) -> str:
    """The farthest end of a difference's interval."""
    end = max(abs(gap.low or 0.0), abs(gap.high or 0.0))
    return f"{100 * end:.1f} points" if SCORES[score].share else f"{end:.2g}"


def _is_its_start(metrics: Metrics) -> bool:
    """Whether the student says exactly what its warm start says."""
    found = [_gap(metrics, _START, score) for score in ("nll", "brier")]
    return all(each.difference == 0 and each.low == each.high for each in found)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
