"""Maps of a task on the plane: arrays whose rows are the second input and whose columns are the first."""

import numpy as np
import pytest
import torch

from mtbkd_core import Task, load_task
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.studies.decision_maps import DecisionPlane, PosteriorMaps, TeacherMap


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


def maps(*chains: tuple[float, float]) -> PosteriorMaps:
    """A map of one point: each chain's shares of two teachers."""
    shares = np.array(chains)[:, :, None, None]
    leading = TeacherMap(shares.mean(0).argmax(0), shares.mean(0).max(0))
    return PosteriorMaps(np.full((1, 1, 2), 0.5), np.zeros((1, 1)), leading, shares)


def test_another_teacher_is_shown_to_lead_only_beyond_the_samplers_error() -> None:
    first, second = maps((0.8, 0.2), (0.7, 0.3), (0.75, 0.25)), maps((0.2, 0.8), (0.3, 0.7), (0.25, 0.75))
    tie = maps((0.2, 0.8), (0.8, 0.2), (0.45, 0.55))
    names = ["one", "two"]

    def led(before: PosteriorMaps, after: PosteriorMaps) -> bool:
        return bool(np.isfinite(after.clearly_led_otherwise(names, before, names).share).all())

    assert led(first, second)
    assert not led(first, tie)
    assert not led(tie, first)
    assert not led(first, first)


def test_a_teacher_that_one_run_has_not_leads_where_its_share_is_clear() -> None:
    before, after = maps((0.9, 0.1), (0.9, 0.1), (0.9, 0.1)), maps((0.2, 0.8), (0.25, 0.75), (0.2, 0.8))
    found = after.clearly_led_otherwise(["one", "new"], before, ["one", "old"])
    assert found.teacher.item() == 1
    assert np.isfinite(found.share).all()
