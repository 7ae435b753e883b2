"""Streams to try a watch on: what drifts raises an alarm, the rest raises none, and the first inputs are as before."""

from dataclasses import replace

import pytest
import torch

from mtbkd_core import Result, Task, distill, load_task, task_info
from mtbkd_core.review.streams import BEFORE, offered, stream
from mtbkd_core.review.watch import watch
from tests.small import small


@pytest.fixture(scope="module")
def plane() -> Task:
    return load_task("synthetic")


@pytest.fixture(scope="module")
def on_plane(plane: Task) -> Result:
    return distill(small(task="synthetic"), task=plane)


@pytest.fixture(scope="module")
def on_digits(digits: Task) -> Result:
    return distill(small(), task=digits)


def names(task: Task) -> list[str]:
    return list(offered(task, task_info(task.name).shifts, "example"))


def test_a_task_offers_what_it_can_make(plane: Task, digits: Task) -> None:
    assert names(plane) == ["moved", "test"]
    assert names(digits) == ["turned", "test"]


def test_every_stream_is_of_examples_outside_of_what_it_is_held_against(plane: Task, digits: Task) -> None:
    for task in (plane, digits):
        for name in names(task):
            found = stream(task, name, 0)
            held_against = task.x_test[found.reference]
            assert len(found.x) == len(found.labels)
            assert not any((held_against == x).all(1).any() for x in found.x[:5])


def test_a_stream_that_drifts_begins_like_the_test_set(digits: Task) -> None:
    torch.testing.assert_close(stream(digits, "turned", 0).x[:BEFORE], stream(digits, "test", 0).x[:BEFORE])


@pytest.mark.parametrize(("fixture", "name"), [("plane", "moved"), ("digits", "turned")])
def test_what_drifts_raises_an_alarm_and_what_does_not_raises_none(
    request: pytest.FixtureRequest, fixture: str, name: str
) -> None:
    task, result = request.getfixturevalue(fixture), request.getfixturevalue(f"on_{fixture}")
    found = {each: stream(task, each, 0) for each in (name, "test")}
    alarms = {each: watch(result, one.x, one.labels, reference=one.reference).at for each, one in found.items()}
    assert alarms["test"] is None
    assert (alarms[name] or 0) > BEFORE


def test_a_shift_of_the_task_follows_test_examples_and_has_no_labels(tiny: Task) -> None:
    found = stream(replace(tiny, shifts={"far": torch.full((30, 2), 9.0)}), "far", 0)
    assert (found.labels >= 0).sum() == 3
    assert (found.x[3:] == 9).all()


def test_inputs_without_shifts_get_noise(tiny: Task) -> None:
    assert list(offered(tiny, (), "row")) == ["noise", "test"]
    assert stream(tiny, "noise", 0).x.isfinite().all()
