"""What a comparison says about MT-BKD, in sentences: where it is first, and what is ahead of it at what cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

from mtbkd_core.catalog.registry import task_info
from mtbkd_core.evaluation.errors import Reading
from mtbkd_core.evaluation.score_text import value_text
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.studies.comparison import Comparison, Difference
from mtbkd_core.studies.methods import MT_BKD, TEACHERS_MEAN, TEACHERS_WEIGHTED, WARM_START, about
from mtbkd_core.teachers.shipped import DATA

#: Comparisons of the built-in tasks with all methods tuned alike, as benchmarks/scores.py writes them.
SHIPPED = DATA / "comparisons.json"
_MEANS = (TEACHERS_MEAN, TEACHERS_WEIGHTED)
_PHRASES = {
    Reading.BETTER: "clearly better than",
    Reading.WORSE: "clearly worse than",
    Reading.UNCLEAR: "not clearly different from",
}


def standing(comparison: Comparison, teachers: Mapping[str, str], score: str = "nll") -> list[str]:
    """How MT-BKD stands by one score: among the students, beside its warm start, and beside the teachers' means.

    Args:
        comparison: of two seeds at least; fewer say nothing.
        teachers: name -> title, of the teachers that the methods use.
        score: one of `scores.COMPARED`.
    """
    means = {name: _mean(columns.get(score, [])) for name, columns in comparison.methods.items()}
    known = {name: value for name, value in means.items() if value is not None}
    verdicts = {name: gaps[score].verdict for name, gaps in comparison.paired.items() if score in gaps}
    if MT_BKD not in known or set(verdicts.values()) <= {Reading.UNKNOWN}:
        return []
    sentences = [_among_students(known, verdicts, teachers, score)]
    for name in (WARM_START, TEACHERS_WEIGHTED):
        if name in known and (phrase := _PHRASES.get(verdicts.get(name, Reading.UNKNOWN))):
            other = "its own warm start" if name == WARM_START else "the teachers' weighted mean"
            sentences.append(f"It is {phrase} {other} ({value_text(score, known[name])}).")
    if verdicts.get(TEACHERS_WEIGHTED) is Reading.WORSE:
        count = len(teachers)
        sentences.append(f"That mean is no student: all {count} teachers have to be run for each prediction.")
    return sentences


def _among_students(
    means: Mapping[str, float], verdicts: Mapping[str, Reading], teachers: Mapping[str, str], score: str
) -> str:
    info = SCORES[score]
    students = {name: value for name, value in means.items() if name not in _MEANS}
    order = sorted(students, key=lambda name: students[name], reverse=bool(info.higher_is_better))
    best, extreme = order[0], "highest" if info.higher_is_better else "lowest"
    own = value_text(score, students[MT_BKD])
    if best == MT_BKD:
        return f"{info.title}: of {len(students)} ways to make a student, MT-BKD has the {extreme} mean ({own})."
    word = {
        Reading.WORSE: "a clear difference",
        Reading.UNCLEAR: "no clear difference",
    }.get(verdicts.get(best, Reading.UNKNOWN), "by how much is not known")
    title = about(best, teachers).title
    return (
        f"{info.title}: of {len(students)} ways to make a student, {title} has the {extreme} mean "
        f"({value_text(score, students[best])}); MT-BKD has {own}, {word}."
    )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


@cache
def shipped_comparisons() -> Mapping[str, Comparison]:
    """The shipped comparisons by task; none where the file is not there."""
    if not SHIPPED.exists():
        return {}
    content = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return {task: _read(task, own) for task, own in content.items()}


def shipped_lines(score: str = "nll") -> dict[str, str]:
    """The `standing` of each shipped comparison, as one text, by the task's title."""
    lines = {}
    for task, comparison in shipped_comparisons().items():
        info = task_info(task)
        titles = {teacher.name: teacher.title for teacher in info.teachers if teacher.name in info.default_teachers}
        lines[f"{info.title}, {len(comparison.seeds)} seeds"] = " ".join(standing(comparison, titles, score))
    return {title: text for title, text in lines.items() if text}


def shipped_content(comparison: Comparison, scores: tuple[str, ...]) -> dict[str, object]:
    """What the shipped file holds of a comparison: these scores alone."""
    return {
        "seeds": list(comparison.seeds),
        "methods": {
            name: {score: [None if value is None else round(value, 5) for value in columns[score]] for score in scores}
            for name, columns in comparison.methods.items()
        },
        "verdicts": {
            name: {score: gaps[score].verdict.value for score in scores} for name, gaps in comparison.paired.items()
        },
    }


def _read(task: str, content: Mapping[str, object]) -> Comparison:
    parts: dict[str, dict[str, dict[str, object]]] = dict(content)  # type: ignore[arg-type]
    paired = {
        name: {score: Difference(None, None, None, verdict=Reading(str(word))) for score, word in words.items()}
        for name, words in parts["verdicts"].items()
    }
    return Comparison(task, tuple(content["seeds"]), parts["methods"], paired, {})  # type: ignore[arg-type]
