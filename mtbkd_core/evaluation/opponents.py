"""What a run's student is compared with, in words: the best single teacher, the weighted teachers, its warm start."""

from __future__ import annotations

from collections.abc import Mapping

from mtbkd_core.evaluation.errors import Difference, Reading
from mtbkd_core.evaluation.metrics import TEACHER, Metrics
from mtbkd_core.evaluation.scores import SCORES

_WEIGHTED = "teachers_weighted"


def opponents(metrics: Metrics, teachers: Mapping[str, str]) -> dict[str, str]:
    """What each row of `metrics.versus` is called in a sentence, by its key; teachers: name -> title.

    A single teacher has no weighted mean beside it.
    """
    names = {_WEIGHTED: "the teachers' weighted mean", "warm_start": "its warm start"}
    for key in metrics.versus:
        if key.startswith(TEACHER):
            name = key.removeprefix(TEACHER)
            names[key] = f"the best single teacher ({teachers.get(name, name)})"
    single = len(metrics.teachers) < 2
    return {key: names[key] for key in metrics.versus if key in names and not (single and key == _WEIGHTED)}


def standing(metrics: Metrics, teachers: Mapping[str, str], score: str = "nll") -> str:
    """How the student stands beside its opponents on one score, each difference read with its errors.

    Where the weighted teachers win, the sentence says what they are.

    Args:
        teachers: name -> title.
        score: one of `scores.OF_ALL`.
    Returns:
        "" for a run of a former version, which holds no differences.
    """
    found = {
        name: metrics.versus[key][score].verdict
        for key, name in opponents(metrics, teachers).items()
        if score in metrics.versus[key]
    }
    joined = {
        Reading.BETTER: "better than",
        Reading.WORSE: "worse than",
        Reading.UNCLEAR: "not clearly different from",
        Reading.UNKNOWN: "not to be told from (no error of the sampler is known)",
    }
    parts = [
        f"{words} {_listed([name for name, verdict in found.items() if verdict is reading])}"
        for reading, words in joined.items()
        if reading in found.values()
    ]
    if not parts:
        return ""
    sentence = f"{SCORES[score].title} is {_listed(parts)}."
    lost = metrics.versus.get(_WEIGHTED, {}).get(score, Difference()).verdict is Reading.WORSE
    if lost and len(metrics.teachers) > 1:
        sentence += f" That mean is an ensemble of {len(metrics.teachers)} large networks, which all have to be run."
    return sentence


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
