"""Checks that every baseline passes by being registered."""

from dataclasses import replace

import pytest
import torch

from mtbkd_core import Cancelled, Task, build_config
from mtbkd_core.baselines.base import TRIALS, Baseline, Problem
from mtbkd_core.baselines.fitting import Settings
from mtbkd_core.baselines.registry import BASELINES

QUICK = {"student.kind": "linear", "sampler.chains": 3, "teachers": "digits-0-4,digits-5-9"}

pytestmark = pytest.mark.usefixtures("short_fits")
every_baseline = pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)


def some_settings(baseline: Baseline, problem: Problem) -> list[Settings]:
    """Three of those that are tried, on the settings of a start."""
    return [{"weight_scale": 0.6, "weight": 2.0, **each} for each in baseline.grid(problem.config)[3:6]]


@every_baseline
def test_as_many_settings_are_tried_as_of_any_other_method(baseline: Baseline) -> None:
    grid = baseline.grid(build_config(QUICK.items()))
    assert len({tuple(each.items()) for each in grid}) == len(grid) == TRIALS


@every_baseline
def test_it_starts_from_one_that_comes_before(baseline: Baseline) -> None:
    names = [each.name for each in BASELINES]
    assert not baseline.start or names.index(baseline.start) < names.index(baseline.name)


@every_baseline
def test_each_network_is_that_of_its_own_settings(baseline: Baseline, few_digits: Task) -> None:
    """Networks side by side are what each is alone; one that draws random numbers is so in the mean."""
    problem = Problem(build_config({**QUICK, "student.kind": "mlp", "student.hidden": "5"}.items()), few_digits)
    settings = some_settings(baseline, problem)
    together, alone = baseline.run(problem, settings), baseline.run(replace(problem), settings[:1])
    assert (together[0] - alone[0]).abs().mean() < 0.06


@every_baseline
def test_it_gives_probabilities_of_one_network_a_chain_that_repeat(baseline: Baseline, few_digits: Task) -> None:
    problem = Problem(build_config(QUICK.items()), few_digits)
    assert baseline.available(problem)
    settings = some_settings(baseline, problem)
    found = baseline.run(problem, settings)
    assert found.shape == (3, len(few_digits.y_test), few_digits.n_classes)
    torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:2]))
    assert torch.equal(baseline.run(replace(problem), settings), found)


@every_baseline
def test_it_can_be_stopped_in_its_middle(baseline: Baseline, few_digits: Task) -> None:
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 20

    problem = Problem(build_config(QUICK.items()), few_digits, should_stop=should_stop)
    settings = some_settings(baseline, problem)
    with pytest.raises(Cancelled):
        baseline.run(problem, settings)
    assert asked == 21


@every_baseline
def test_it_learns_from_calibrated_teachers_alone(baseline: Baseline, few_digits: Task) -> None:
    """Logits that are 3 times as large, calibrated by 3, give the same networks."""
    config = build_config(QUICK.items())
    loud = {
        name: replace(each, logits_train=3 * each.logits_train, logits_test=3 * each.logits_test)
        for name, each in few_digits.teachers.items()
    }
    calibrated = {"prior.entropy_temperatures": "3,3", "prior.calibrated_teachers": "True"}
    loudly = Problem(build_config(calibrated.items(), base=config), replace(few_digits, teachers=loud))
    settings = some_settings(baseline, loudly)
    expected = baseline.run(Problem(config, few_digits), settings)
    torch.testing.assert_close(baseline.run(loudly, settings), expected, atol=1e-3, rtol=0)


@every_baseline
def test_it_is_described(baseline: Baseline) -> None:
    assert baseline.title
    assert baseline.line.endswith(".")
