"""A watch describes new inputs beside the test set, and calls for training when they drift."""

import pytest
import torch

from mtbkd_core import Result, Task, UserError, distill
from mtbkd_core.review.watch import WATCHED, watch
from tests.small import small


@pytest.fixture(scope="module")
def result(digits: Task) -> Result:
    return distill(small(), task=digits)


def test_inputs_of_another_kind_raise_an_alarm_with_its_reason(result: Result, digits: Task) -> None:
    rotated = digits.x_test.reshape(-1, 8, 8).rot90(1, (1, 2)).reshape(-1, 64)[:200]
    found = watch(result, rotated)
    assert found.alarm
    assert found.at is not None
    assert found.at <= 200
    assert found.reason.startswith(f"after {found.at} inputs the ")
    assert found.evidence[found.at - 1] >= 20 > max(found.evidence[: found.at - 1])


def test_inputs_like_the_test_set_raise_none(result: Result, digits: Task) -> None:
    order = torch.randperm(len(digits.x_test), generator=torch.Generator().manual_seed(0))
    found = watch(result, digits.x_test[order])
    assert not found.alarm
    assert found.reason == ""
    assert found.test_set.means == pytest.approx({name: found_mean(found, name) for name in WATCHED}, rel=0.02)


def found_mean(found: object, name: str) -> float:
    batches = found.batches  # type: ignore[attr-defined]
    return sum(each.count * each.means[name] for each in batches) / sum(each.count for each in batches)


def test_labels_that_are_known_give_accuracy_and_coverage(result: Result, digits: Task) -> None:
    labels = digits.y_test[:100].clone()
    labels[50:] = -1
    found = watch(result, digits.x_test[:100], labels, batch=50)
    first, second = found.batches
    right = result.predict(digits.x_test[:50]).mean.argmax(1) == digits.y_test[:50]
    assert first.labelled == 50
    assert first.accuracy is not None
    assert first.accuracy.found == pytest.approx(float(right.double().mean()))
    assert found.so_far is not None
    assert (found.so_far.count, found.so_far.accuracy) == (50, first.accuracy)
    assert (second.labelled, second.accuracy, second.coverage) == (0, None, None)


def test_the_whole_test_set_as_new_inputs_has_its_scores(result: Result, digits: Task) -> None:
    found = watch(result, digits.x_test, digits.y_test)
    student = result.metrics.student
    assert found.so_far is not None
    assert found.so_far.accuracy.found == pytest.approx(student.accuracy)
    assert found.so_far.ece == pytest.approx(student.ece, abs=1e-4)
    assert found.before is not None
    assert found.before.accuracy == found.so_far.accuracy
    assert found.whole.predicted == pytest.approx(found.test_set.predicted, abs=0.01)


def test_inputs_can_be_held_against_a_part_of_the_test_set(result: Result, digits: Task) -> None:
    found = watch(result, digits.x_test[300:], reference=torch.arange(300))
    assert found.test_set.count == 300


def test_the_strangest_inputs_are_those_of_the_most_epistemic_uncertainty(result: Result, digits: Task) -> None:
    found = watch(result, digits.x_test[:50]).strangest
    epistemic = result.predict(digits.x_test[:50]).epistemic
    assert [each.place for each in found] == epistemic.argsort(descending=True)[:10].tolist()
    assert all(0 <= each.above <= 1 for each in found)


def test_a_single_input_has_no_error_of_its_mean(result: Result, digits: Task) -> None:
    (found,) = watch(result, digits.x_test[:1]).batches
    assert set(found.errors.values()) == {None}


def test_a_time_is_a_batch(result: Result, digits: Task) -> None:
    found = watch(result, digits.x_test[:5], times=["1", "1", "2", "3", "3"])
    assert [(each.name, each.count) for each in found.batches] == [("1", 2), ("2", 1), ("3", 2)]


def test_inputs_of_another_width_are_refused(result: Result) -> None:
    with pytest.raises(UserError, match="inputs: needs rows of 64 numbers, got 3 rows of 5"):
        watch(result, torch.zeros(3, 5))
