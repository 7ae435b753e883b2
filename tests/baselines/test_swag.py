"""SWAG: where its walk leads, and that a spread of nothing gives the mean of the walk."""

import torch

from mtbkd_core import Task, build_config
from mtbkd_core.baselines.base import Problem
from mtbkd_core.baselines.classic import mean_distillation
from mtbkd_core.baselines.swag import averaged_distillation

QUICK = {"student.kind": "linear", "sampler.chains": 2, "teachers": "digits-0-4,digits-5-9"}
START = {"weight_scale": 0.6, "weight": 2.0}


def test_a_short_walk_without_spread_stays_at_the_network_it_starts_from(few_digits: Task) -> None:
    problem = Problem(build_config(QUICK.items()), few_digits)
    settings = [{**START, "learning_rate": 1e-7, "spread": 0.0}] * 2
    found, start = averaged_distillation(problem, settings), mean_distillation(problem, settings)
    torch.testing.assert_close(found, start, atol=1e-2, rtol=0)


def test_a_longer_step_and_a_wider_spread_make_predictions_less_sure(few_digits: Task) -> None:
    problem = Problem(build_config(QUICK.items()), few_digits)
    steps = [{**START, "learning_rate": rate, "spread": spread} for rate, spread in ((1e-5, 0.5), (2e-3, 50.0))]
    narrow, wide = averaged_distillation(problem, steps)
    assert float(wide.amax(-1).mean()) < float(narrow.amax(-1).mean()) - 0.01


def test_a_walk_that_leaves_has_no_number(few_digits: Task) -> None:
    problem = Problem(build_config(QUICK.items()), few_digits)
    found = averaged_distillation(problem, [{**START, "learning_rate": 10.0, "spread": 1.0}])
    assert found.isnan().any()
