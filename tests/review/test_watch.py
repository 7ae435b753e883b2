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
    assert found.martingale[found.at - 1] >= 20 > max(found.martingale[: found.at - 1])


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
    first, second = watch(result, digits.x_test[:100], labels, batch=50).batches
    right = result.predict(digits.x_test[:50]).mean.argmax(1) == digits.y_test[:50]
    assert first.labelled == 50
    assert first.accuracy == pytest.approx(float(right.double().mean()))
    assert (second.labelled, second.accuracy, second.coverage) == (0, None, None)


def test_a_time_is_a_batch(result: Result, digits: Task) -> None:
    found = watch(result, digits.x_test[:5], times=["1", "1", "2", "3", "3"])
    assert [(each.name, each.count) for each in found.batches] == [("1", 2), ("2", 1), ("3", 2)]


def test_inputs_of_another_width_are_refused(result: Result) -> None:
    with pytest.raises(UserError, match="inputs: needs rows of 64 numbers, got 3 rows of 5"):
        watch(result, torch.zeros(3, 5))
