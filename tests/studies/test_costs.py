"""What a student takes: the numbers that were learned, of one and of all those that are scored."""

from mtbkd_core import RunConfig, Task, distill
from mtbkd_core.studies.costs import student_costs


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
