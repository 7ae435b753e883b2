"""A run's sensitivity to its teachers is worked out from its own draws."""

from dataclasses import replace

import pytest
import torch

from mtbkd_core import Result, RunConfig, Task, build_config, distill, load_task
from mtbkd_core.evaluation.reweighting import Reweighted
from mtbkd_core.studies.sensitivity import (
    changes_table,
    class_changes,
    example_changes,
    harms,
    run_sensitivity,
    score_changes,
)

TEACHERS = ("north", "south-west", "south-east", "confidently-wrong")


def config(*changes: tuple[str, object]) -> RunConfig:
    sampler = {"chains": 8, "draws": 60, "thinning": 40, "burn_in": 300}  # as many as its chains need to agree
    small = [(f"sampler.{name}", value) for name, value in sampler.items()]
    return build_config([("data.task", "synthetic"), ("data.teachers", TEACHERS), *small, *changes])


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task(config().data)


@pytest.fixture(scope="module")
def result(task: Task) -> Result:
    return distill(config(), task=task)


def test_the_wrong_teacher_is_flagged(result: Result, task: Task) -> None:
    assert "confidently-wrong" in harms(score_changes(run_sensitivity(result, task), task.y_test, "nll"))


def test_nothing_is_clear_where_chains_stand_apart(result: Result, task: Task) -> None:
    """Their weights move between chains, which says nothing of a new run."""
    apart = result.metrics.diagnostics.model_copy(update={"r_hat_log_joint": 1.2})
    same = replace(result, metrics=result.metrics.model_copy(update={"diagnostics": apart}))
    table = score_changes(run_sensitivity(same, task), task.y_test, "nll")
    assert not table["clear"].any()
    assert not harms(table)


def test_a_score_has_both_errors_and_one_example_the_samplers(result: Result, task: Task) -> None:
    found = run_sensitivity(result, task)
    of_score, of_one = score_changes(found, task.y_test, "accuracy"), example_changes(found, 0, 1)
    assert (of_score[["sampler", "test_set"]] > 0).any(axis=0).all()
    assert of_one["test_set"].isna().all()
    assert (of_one["half_width"] > 0).all()


def test_a_class_without_an_example_has_no_change(result: Result, task: Task) -> None:
    table = class_changes(run_sensitivity(result, task), torch.zeros(len(task.y_test), dtype=torch.long), 1)
    assert table["change"].isna().all()


def test_more_and_less_of_a_teacher_move_the_score_in_opposite_ways(result: Result, task: Task) -> None:
    table = score_changes(run_sensitivity(result, task), task.y_test, "nll").pivot(
        index="teacher", columns="factor", values="change"
    )
    assert (table[0.9] * table[1.1] < 0).all()


def test_a_score_that_is_not_defined_has_no_change(result: Result, task: Task) -> None:
    table = changes_table(run_sensitivity(result, task), lambda mean: None)
    assert table["change"].isna().all()
    assert not table["clear"].any()


@pytest.mark.parametrize("change", [("prior.strength", 0.0), ("data.teachers", ("north",))])
def test_weights_that_change_nothing_have_no_sensitivity(task: Task, change: tuple[str, object]) -> None:
    short = [("sampler.draws", 4), ("sampler.burn_in", 5), ("sampler.warm_start_steps", 5)]
    assert run_sensitivity(distill(config(*short, change), task=task), task) == {}


def test_a_change_that_the_draws_cannot_tell_is_not_clear() -> None:
    def found(k: float) -> dict[str, Reweighted]:
        mass = torch.full((3, 4), 0.25, dtype=torch.float64)
        spread = torch.tensor([0.49, 0.5, 0.5, 0.51], dtype=torch.float64)
        sums = torch.stack([0.25 * (spread + move) for move in (0.0, -0.2, 0.2)])[..., None, None]
        return {"one": Reweighted(mass, sums, (k, k))}

    for k, clear in ((0.1, True), (0.71, False)):
        assert changes_table(found(k), lambda mean: float(mean.mean()))["clear"].tolist() == [clear, clear]
