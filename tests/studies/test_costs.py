"""What a student and its teachers take: the numbers that were learned, and time where it is known."""

from dataclasses import replace

import pytest
import torch

from mtbkd_core import RunConfig, Task, distill, load_task
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.studies.costs import student_costs, teacher_cost
from mtbkd_core.teachers.base import Cost


def test_one_student_and_all_that_are_scored(few_digits: Task) -> None:
    sampler = {"chains": 3, "draws": 5, "thinning": 1, "warm_start_steps": 5, "burn_in": 2}
    result = distill(RunConfig(task="digits", sampler=sampler, student={"hidden": [4]}), task=few_digits)
    costs = student_costs(result, few_digits)
    one = (64 + 1) * 4 + (4 + 1) * 10
    assert (costs["one"].parameters, costs["one"].bytes) == (one, 4 * one)
    assert (costs["posterior"].parameters, costs["posterior"].bytes) == (15 * one, 60 * one)


def test_of_many_draws_as_many_as_the_scores_are_of(few_digits: Task) -> None:
    sampler = {"chains": 2, "draws": 800, "thinning": 1, "warm_start_steps": 5, "burn_in": 2}
    result = distill(RunConfig(task="digits", sampler=sampler, student={"hidden": [4]}), task=few_digits)
    costs = student_costs(result, few_digits)
    assert costs["posterior"].parameters == 800 * costs["one"].parameters


def test_a_teacher_that_is_a_network_of_ours_is_counted_and_timed(few_digits: Task) -> None:
    cost = teacher_cost(few_digits, "digits-0-4")
    assert cost is not None
    assert cost.parameters == 65 * 256 + 257 * 256 + 257 * 10
    assert cost.milliseconds > 0
    assert cost.alone is not None


@pytest.mark.skipif(missing_data("fashion") is not None, reason="no images")
def test_a_convolutional_teachers_network_takes_the_tasks_inputs() -> None:
    task = load_task("fashion", teachers=["tops"])
    network = task.teachers["tops"].network
    assert network is not None
    assert network()(task.x_test[:3]).shape == (3, 10)


def test_a_cost_that_was_measured_before_is_kept_and_others_are_not_known(few_digits: Task) -> None:
    known = Cost(3, 12, 0.5)
    teachers = {
        "before": replace(few_digits.teachers["digits-0-4"], cost=known),
        "formula": replace(few_digits.teachers["digits-0-4"], network=None),
    }
    task = replace(few_digits, teachers=teachers)
    assert teacher_cost(task, "before") is known
    assert known.thousand == pytest.approx(500)
    assert teacher_cost(task, "formula") is None


def test_timing_leaves_gradients_alone(few_digits: Task) -> None:
    teacher_cost(few_digits, "digits-0-4")
    assert torch.is_grad_enabled()
