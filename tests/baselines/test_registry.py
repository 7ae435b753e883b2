"""Checks that every baseline passes by being registered."""

from dataclasses import replace

import pytest
import torch

from mtbkd_core import Cancelled, Task, build_config
from mtbkd_core.baselines.base import Baseline, Problem
from mtbkd_core.baselines.registry import BASELINES

QUICK = {"student.kind": "linear", "sampler.chains": 3, "teachers": "digits-0-4,digits-5-9"}

pytestmark = pytest.mark.usefixtures("short_fits")
every_baseline = pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)


@every_baseline
def test_it_gives_probabilities_of_one_network_a_chain_that_repeat(baseline: Baseline, few_digits: Task) -> None:
    problem = Problem(build_config(QUICK.items()), few_digits)
    assert baseline.available(problem)
    found = baseline.run(problem)
    assert found.shape == (3, len(few_digits.y_test), few_digits.n_classes)
    torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:2]))
    assert torch.equal(baseline.run(replace(problem)), found)


@every_baseline
def test_it_can_be_stopped_in_its_middle(baseline: Baseline, few_digits: Task) -> None:
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 20

    with pytest.raises(Cancelled):
        baseline.run(Problem(build_config(QUICK.items()), few_digits, should_stop=should_stop))
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
    expected = baseline.run(Problem(config, few_digits))
    torch.testing.assert_close(baseline.run(loudly), expected, atol=1e-3, rtol=0)


@every_baseline
def test_it_is_described(baseline: Baseline) -> None:
    assert baseline.title
    assert baseline.line.endswith(".")
