"""The appendix' scores: the table of every row, the opponents, and prediction sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.opponents import opponents
from mtbkd_core.evaluation.score_text import ERRORS_LINE, calibration_text, difference_text
from mtbkd_core.evaluation.scores import OF_ALL, SCORES
from mtbkd_core.evaluation.sets import SET_KINDS, SetScores
from mtbkd_core.report.parts import note, section, table


def score_sections(
    metrics: Metrics, titles: Mapping[str, str], teachers: Mapping[str, str], class_names: Sequence[str]
) -> list[str]:
    """Tables of scores, differences and sets.

    Args:
        titles: of the rows, by their key.
        teachers: name -> title.
        class_names: C names.
    """
    head = ["", *(SCORES[score].short for score in OF_ALL)]
    rows = [[title, *(metrics[name].text(score) for score in OF_ALL)] for name, title in titles.items()]
    legend = " ".join(f"{SCORES[score].short}: {SCORES[score].help}" for score in OF_ALL)
    return [
        section("Scores on the test examples", "The student is a posterior: its mean over draws is the first row."),
        table(head, rows),
        note(f"{ERRORS_LINE} {legend}"),
        *([note(said)] if (said := calibration_text(metrics.student)) else []),
        *_versus(metrics, teachers),
        *_by_class(metrics, teachers, class_names),
        *_sets(metrics, class_names),
    ]


def _versus(metrics: Metrics, teachers: Mapping[str, str]) -> list[str]:
    named = opponents(metrics, teachers)
    if not named:
        return []
    rows = [
        [SCORES[score].short, *(difference_text(score, metrics.versus[key].get(score)) for key in named)]
        for score in OF_ALL
    ]
    return [
        section(
            "The student beside its opponents", "Differences with 95 % intervals of both errors; shares in points."
        ),
        table(["", *(f"Student minus {name}" for name in named.values())], rows, kind="word"),
    ]


def _by_class(metrics: Metrics, teachers: Mapping[str, str], class_names: Sequence[str]) -> list[str]:
    rows = {"Student": metrics.student} | {title: metrics.teachers[name] for name, title in teachers.items()}
    if not all(found.by_class for found in rows.values()):  # a run of a former version
        return []
    each = {title: {one.label: one for one in found.by_class} for title, found in rows.items()}
    known = set(range(len(class_names))).intersection(*each.values())
    counts = {one.label: one.count for one in metrics.student.by_class if one.label in known}
    body = [
        [class_names[label], f"{count:,}", *(found[label].text for found in each.values())]
        for label, count in counts.items()
    ]
    return [
        section("Accuracy by class", "In brackets: 95 % intervals from the test examples of the class."),
        table(["", "Examples", *each], body),
    ]


def _sets(metrics: Metrics, class_names: Sequence[str]) -> list[str]:
    found = {name: metrics.student.sets[name] for name in SET_KINDS if metrics.student.sets[name] is not None}
    if not found:
        return []
    rows = [[SET_KINDS[name].title, *_set_row(each, class_names)] for name, each in found.items()]
    counted = next(iter(found.values())).count
    return [
        section("Prediction sets", f"Measured on {counted:,} test examples; the others calibrate the conformal sets."),
        table(["", "Level", "Coverage", "Mean size", "Classes in every set"], rows),
        note(" ".join(f"{SET_KINDS[name].title}: {SET_KINDS[name].promise}" for name in found)),
    ]


def _set_row(found: SetScores, class_names: Sequence[str]) -> list[str]:
    coverage = SCORES["coverage"].text(found.coverage, ScoreError(test_set=found.coverage_error))
    always = ", ".join(class_names[index] for index in found.always) or "none"
    size = SCORES["set_size"].text(found.size, ScoreError(test_set=found.size_error))
    return [f"{found.level:.0%}", coverage, size, always]
