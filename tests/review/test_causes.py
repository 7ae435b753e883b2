"""What holds a failing class down: teachers with less of which it would clearly be more probable, and no others."""

from typing import Any

import pandas as pd
import pytest

from mtbkd_core.review import causes as module
from mtbkd_core.review.causes import causes
from mtbkd_core.review.outcome import Outcome
from mtbkd_core.review.requirements import read_requirements
from mtbkd_core.review.verdict import review
from tests.review.simulated import simulated

#: teacher, factor, change, error, Pareto k, clear
ROWS = [
    ("a", 0.9, 0.02, 0.004, 0.1, True),
    ("a", 1.1, 0.02, 0.004, 0.1, True),
    ("b", 0.9, -0.02, 0.004, 0.1, True),
    ("b", 0.9, 0.01, 0.02, 0.1, False),
]
COLUMNS = ["teacher", "factor", "change", "sampler", "pareto_k", "clear"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The classes that were asked about."""
    labels: list[int] = []

    def changes(found: Any, own: Any, label: int) -> pd.DataFrame:
        labels.append(label)
        return pd.DataFrame(ROWS, columns=COLUMNS)

    monkeypatch.setattr(module, "run_sensitivity", lambda result, task: {"a": None, "b": None})
    monkeypatch.setattr(module, "class_changes", changes)
    return labels


def test_a_cause_is_a_teacher_with_less_of_which_a_failing_class_is_clearly_more_probable(asked: list[int]) -> None:
    result: Any = simulated(0)
    found = review(result, read_requirements("class_accuracy: {at_least: 1.0, min_examples: 1}")).classes
    failing = [each.name for each in found if each.verdict is Outcome.FAIL]
    why = causes(result, None, found)  # type: ignore[arg-type]
    assert [each.class_name for each in why] == failing != []
    assert {(each.teacher, each.factor, each.change) for each in why} == {("a", 0.9, 0.02)}
    assert [f"class {label}" for label in asked] == failing


def test_nothing_is_asked_where_no_class_fails(asked: list[int]) -> None:
    result: Any = simulated(0)
    found = review(result, read_requirements("class_accuracy: {at_least: 0.0, min_examples: 1}")).classes
    assert causes(result, None, found) == ()  # type: ignore[arg-type]
    assert asked == []
