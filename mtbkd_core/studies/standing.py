"""What a comparison says about MT-BKD, in sentences: where it is first, and what is ahead of it at what cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from mtbkd_core.catalog.registry import task_info
from mtbkd_core.evaluation.diagnostics import chains_agree, r_hat_text, worst_r_hat
from mtbkd_core.evaluation.errors import Reading
from mtbkd_core.evaluation.means import Mean, mean_over
from mtbkd_core.evaluation.scores import R_HAT, SCORES
from mtbkd_core.studies.comparison import Comparison, Difference
from mtbkd_core.studies.method_words import MEANS, MT_BKD, TEACHERS_TUNED, TEACHERS_WEIGHTED, WARM_START, about
from mtbkd_core.teachers.shipped import DATA

#: Comparisons of the built-in tasks with all methods tuned alike, as benchmarks/scores.py writes them.
SHIPPED = DATA / "comparisons.json"
#: Methods that are named where they are better than MT-BKD; of more the number is said.
_NAMED = 4
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
    means = {name: each[score] for name, each in comparison.means.items() if score in each}
    known = {name: mean for name, mean in means.items() if mean.value is not None}
    verdicts = {name: gaps[score].verdict for name, gaps in comparison.paired.items() if score in gaps}
    if MT_BKD not in known or set(verdicts.values()) <= {Reading.UNKNOWN}:
        return []
    students = {name: mean for name, mean in known.items() if name not in MEANS}
    sign = -1 if SCORES[score].higher_is_better else 1
    best = min(students, key=lambda name: sign * (students[name].value or 0.0))
    sentences = [_among_students(best, students, verdicts, teachers, score)]
    others = {
        WARM_START: "its own warm start",
        TEACHERS_WEIGHTED: "the teachers' mean under its own weights",
        TEACHERS_TUNED: "the teachers' mean under tuned weights",
    }
    for name, other in others.items():
        if name != best and name in known and (phrase := _PHRASES.get(verdicts.get(name, Reading.UNKNOWN))):
            sentences.append(f"It is {phrase} {other} ({known[name].text(score)}).")
    if Reading.WORSE in (verdicts.get(TEACHERS_WEIGHTED), verdicts.get(TEACHERS_TUNED)):
        count = len(teachers)
        sentences.append(f"Such a mean is no student: all {count} teachers have to be run for each prediction.")
    return sentences


def tally(gaps: pd.DataFrame) -> str:
    """How often MT-BKD is better and worse, in sentences that name what is better.

    Args:
        gaps: as `tables.gap_table`.
    """
    methods, scores = gaps["method"].unique(), gaps["score"].nunique()
    means = sum(name in MEANS for name in methods)
    against = f"{len(methods) - means} other ways to make a student"
    against += f" and {means} means of the teachers" if means else ""
    count = {each: int((gaps["verdict"] == each).sum()) for each in Reading}
    judged = count[Reading.BETTER] + count[Reading.WORSE] + count[Reading.UNCLEAR]
    said = (
        f"Against {against} by {scores} scores, MT-BKD is better in **{count[Reading.BETTER]}** of {judged} "
        f"differences and worse in **{count[Reading.WORSE]}**; **{count[Reading.UNCLEAR]}** are no clear difference."
    )
    ahead = gaps[gaps["verdict"] == Reading.WORSE]
    named = [
        f"{title} ({', '.join(SCORES[score].short for score in own['score'])})"
        for title, own in ahead.groupby("title", sort=False)
    ]
    named.sort(key=lambda text: -text.count(","))
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return said + (f" Clearly better than it: {'; '.join(named[:_NAMED])}{more}." if named else "")


def doubt(comparison: Comparison) -> str:
    """With how many seeds MT-BKD's chains do not agree, in a sentence; "" where they always do."""
    values = comparison.methods.get(MT_BKD, {}).get(R_HAT, [])
    apart = sum(not chains_agree(value) for value in values)
    if not apart:
        return ""
    worst = r_hat_text(worst_r_hat(values))
    return f"The chains of MT-BKD's runs do not agree for {apart} of {len(values)} seeds (worst R-hat {worst})."


def _among_students(
    best: str, means: Mapping[str, Mean], verdicts: Mapping[str, Reading], teachers: Mapping[str, str], score: str
) -> str:
    info = SCORES[score]
    extreme = f"{'highest' if info.higher_is_better else 'lowest'} mean"
    start = f"{info.title}: of {len(means)} ways to make a student,"
    own = means[MT_BKD].text(score)
    if best == MT_BKD:
        return f"{start} MT-BKD has the {extreme} ({own})."
    words = {Reading.WORSE: "a clear difference", Reading.UNCLEAR: "no clear difference"}
    word = words.get(verdicts.get(best, Reading.UNKNOWN), "by how much is not known")
    title = "MT-BKD's own warm start" if best == WARM_START else about(best, teachers).title
    return f"{start} {title} has the {extreme} ({means[best].text(score)}); MT-BKD has {own}, {word}."


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
        said = standing(comparison, titles, score)
        if said and (doubted := doubt(comparison)):
            said.append(doubted)
        lines[f"{info.title}, {len(comparison.seeds)} seeds"] = " ".join(said)
    return {title: text for title, text in lines.items() if text}


def shipped_content(comparison: Comparison, scores: tuple[str, ...]) -> dict[str, object]:
    """What the shipped file holds of a comparison: these scores alone."""
    return {
        "seeds": list(comparison.seeds),
        "methods": {
            name: {score: [None if value is None else round(value, 5) for value in columns[score]] for score in scores}
            for name, columns in comparison.methods.items()
        },
        "r_hat": comparison.methods.get(MT_BKD, {}).get(R_HAT, []),
        "verdicts": {
            name: {score: gaps[score].verdict.value for score in scores} for name, gaps in comparison.paired.items()
        },
    }


def _read(task: str, content: Mapping[str, Any]) -> Comparison:
    paired = {
        name: {score: Difference(None, None, None, verdict=Reading(str(word))) for score, word in words.items()}
        for name, words in content["verdicts"].items()
    }
    methods = dict(content["methods"])
    means = {name: {score: mean_over(values) for score, values in columns.items()} for name, columns in methods.items()}
    methods[MT_BKD] = methods[MT_BKD] | {R_HAT: content["r_hat"]}
    return Comparison(task, tuple(content["seeds"]), methods, paired, {}, means)
