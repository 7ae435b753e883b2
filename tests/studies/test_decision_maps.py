"""Maps of a task on the plane: arrays whose rows are the second input and whose columns are the first."""

import numpy as np
import pytest
import torch

from mtbkd_core import Task, load_task
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.studies.decision_maps import DecisionPlane


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task("synthetic")


@pytest.fixture(scope="module")
def seen(task: Task) -> DecisionPlane:
    found = DecisionPlane.of(task, points=9)
    assert found is not None
    return found


def test_a_task_without_a_known_truth_has_no_plane(digits: Task) -> None:
    assert DecisionPlane.of(digits) is None


def test_each_point_of_a_map_is_the_truth_at_its_inputs(task: Task, seen: DecisionPlane) -> None:
    assert task.truth is not None
    point = torch.tensor([[seen.axis[7], seen.axis[2]]])
    np.testing.assert_allclose(seen.truth[2, 7], task.truth.probabilities(point)[0], atol=1e-6)


def test_a_teachers_map_is_its_probabilities(task: Task, seen: DecisionPlane) -> None:
    assert task.truth is not None
    point = torch.tensor([[seen.axis[1], seen.axis[6]]])
    expected = task.truth.teacher_logits(["north"], point)[0, 0].softmax(-1)
    np.testing.assert_allclose(seen.teacher("north")[6, 1], expected, atol=1e-6)


def test_one_teacher_has_all_the_weight_everywhere(seen: DecisionPlane) -> None:
    found = seen.weights(["north"], PriorConfig())
    assert (found.named(["North"]) == "North").all()
    assert found.share == pytest.approx(np.ones((9, 9)))
