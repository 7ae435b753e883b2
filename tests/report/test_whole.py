"""A report takes what the machine has: the task's data, and the libraries that measure costs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mtbkd_core import Result, Task, UserError, distill
from mtbkd_core.export.costs import measure_costs
from mtbkd_core.report import whole
from tests.small import small


@pytest.fixture(scope="module")
def result(few_digits: Task) -> Result:
    return distill(small(), task=few_digits)


@pytest.fixture(autouse=True)
def _its_task(few_digits: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "load_task", lambda config: few_digits)


def report(result: Result, **more: Any) -> str:
    return whole.whole_report(result, run="x", created=datetime(2026, 5, 27, tzinfo=UTC), **more)


def refuse(*given: Any) -> Any:
    raise UserError("not here")


def test_costs_are_measured_where_they_can_be(result: Result) -> None:
    document = report(result)
    assert "ONNX file, " in document
    assert "Milliseconds on one core" in document


def test_without_the_extras_libraries_the_size_alone_is_known(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "measure_costs", refuse)
    document = report(result)
    assert "Mean of 80 students" in document
    assert "Milliseconds" not in document


def test_costs_that_were_measured_are_not_measured_again(
    result: Result, few_digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = measure_costs(result, few_digits)
    monkeypatch.setattr(whole, "measure_costs", refuse)
    assert "ONNX file, " in report(result, costs=costs)


def test_without_the_tasks_data_stored_answers_are_shown(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "load_task", refuse)
    assert "Stored answers of the run are shown" in report(result)
