"""Baselines with teachers that know only some classes: means over those that know one, or refused with the reason."""

import math
from dataclasses import replace

import pytest
import torch

from mtbkd_core import Task, build_config
from mtbkd_core.baselines.base import Problem
from mtbkd_core.baselines.classic import confidence_weights
from mtbkd_core.baselines.fitting import soft_targets
from mtbkd_core.baselines.registry import BASELINES
from mtbkd_core.tasks.base import Teacher

NOTHING = -math.inf


def with_logits(task: Task, **logits: torch.Tensor) -> Task:
    """The task with teachers of these logits [N, C] on its training and test examples."""
    return replace(task, teachers={name: Teacher(name, name, "", each, each) for name, each in logits.items()})


def problem_of(task: Task) -> Problem:
    settings = {"student.kind": "linear", "sampler.chains": 2, "prior.temperature": 1.5}
    return Problem(build_config([*settings.items(), ("teachers", ",".join(task.teachers))]), task, steps=3)


@pytest.fixture
def halves(tiny: Task) -> Task:
    """The second teacher abstains at the first two examples."""
    one, other = (tiny.teachers[name].logits_train.clone() for name in ("one", "other"))
    one[:, 2], other[:, 0], other[:2] = NOTHING, NOTHING, NOTHING
    return with_logits(tiny, one=one, other=other)


def test_the_soft_target_is_the_mean_over_the_teachers_that_know_a_class() -> None:
    logits = torch.tensor([[[0.5, 0.5, 0.0]], [[0.0, 0.8, 0.2]]]).log()
    # 0.5, 0.65 and 0.2 sum to 1.35
    torch.testing.assert_close(soft_targets(logits, 1.0), torch.tensor([[0.5, 0.65, 0.2]]) / 1.35)


def test_a_network_is_not_drawn_away_from_a_class_that_no_teacher_knows(halves: Task) -> None:
    """At the first two examples the only teacher that speaks does not know the third class."""
    problem = problem_of(halves)
    assert not problem.all_known
    pull, logits = problem.soft_pull([{"weight": 2.0}]), torch.randn(1, 12, 3)
    teachers = pull(logits, slice(None)) - problem.labels(logits, slice(None))
    assert (teachers[0, :2, 2] == 0).all()
    assert (teachers[0, 2:, 2] != 0).all()
    torch.testing.assert_close(teachers.sum(-1), torch.zeros(1, 12), atol=1e-6, rtol=0)


def test_where_all_teachers_abstain_the_label_alone_pulls(tiny: Task) -> None:
    own = tiny.teachers["one"].logits_train.clone()
    own[3] = NOTHING
    problem = problem_of(with_logits(tiny, one=own))
    logits = torch.randn(1, 12, 3)
    found = problem.soft_pull([{"weight": 2.0}])(logits, slice(None))
    torch.testing.assert_close(found[:, 3], problem.labels(logits, slice(None))[:, 3])


def test_confidence_is_shared_by_the_teachers_that_know_the_label() -> None:
    logits = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.8, 0.2], [0.25, 0.75, 0.0], [0.0, 0.0, 0.0]]).log()[:, None]
    # two know the first class, exp of whose cross-entropies are 2 and 4; one the third; all but the last the second
    first, third, none = (confidence_weights(logits, torch.tensor([label]))[:, 0] for label in (0, 2, -1))
    torch.testing.assert_close(first, torch.tensor([2 / 3, 0, 1 / 3, 0]))
    assert third.tolist() == [0, 1, 0, 0]
    torch.testing.assert_close(none, torch.tensor([1 / 3, 1 / 3, 1 / 3, 0]))


def test_every_baseline_works_or_says_why_not(halves: Task, tiny: Task) -> None:
    everywhere = halves.teachers["one"].logits_train
    knows_less = with_logits(tiny, one=everywhere, other=tiny.teachers["other"].logits_train)
    out = []
    for task in (halves, knows_less):
        problem = problem_of(task)
        for baseline in BASELINES:
            if not baseline.available(problem):
                out.append(baseline.name)
                assert baseline.reason
                continue
            settings = [{"weight_scale": 0.6, "weight": 2.0, **each} for each in baseline.grid(problem.config)[:2]]
            assert baseline.run(problem, settings).isfinite().all(), baseline.name
    assert out == ["ae_kd", "end2", "laplace", "end2"]
