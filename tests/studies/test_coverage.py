"""The coverage study: one batched target for all replications, and intervals that cover at their level."""

import pytest
import torch

from mtbkd_core import default_config
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import PriorConfig, SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import stack_priors
from mtbkd_core.students.registry import build_student
from mtbkd_core.studies.coverage import (
    BLIND,
    BLIND_AUTOMATIC,
    NO_TEACHER,
    SETTINGS,
    WRONG_ALONE,
    Coverage,
    Replications,
    coverage_study,
    interval,
)
from mtbkd_core.tasks import synthetic

CONFIG = default_config("synthetic-linear")
SHORT = SamplerConfig(chains=2, draws=60, thinning=4, warm_start_steps=60, burn_in=60)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_batched_target_is_each_replications_own(name: str, generator: torch.Generator) -> None:
    teachers, rule = SETTINGS[name]
    prior = CONFIG.prior.model_copy(update={"rule": rule})
    student = build_student(CONFIG.student, 2, 3)
    data = Replications.draw(3, 20, tests=5, seed=1, wrong_factor=2.0)
    position = torch.randn(6, student.n_parameters, generator=generator)
    found = data.target(student, [prior] * 3, teachers, 2)(position)
    for number in range(3):
        mixture = None
        if teachers:
            logits = data.teacher_logits(teachers)[:, number]
            mixture = stack_priors(logits, [prior])
        alone = LogPosterior(student, data.x[number], data.labels[number], mixture)
        own = slice(2 * number, 2 * number + 2)
        expected = alone(position[own])
        torch.testing.assert_close(found.log_joint[own], expected.log_joint)
        torch.testing.assert_close(found.gradient[own], expected.gradient, atol=1e-4, rtol=1e-5)


def test_replications_differ_and_a_seed_repeats_them() -> None:
    first, again, other = (Replications.draw(4, 10, tests=5, seed=seed, wrong_factor=2.0) for seed in (1, 1, 2))
    assert torch.equal(first.x, again.x)
    assert not torch.isin(first.x[0], first.x[1]).any()
    assert not torch.isin(first.x, other.x).any()
    torch.testing.assert_close(first.truth.sum(-1), torch.ones(5))


@pytest.mark.parametrize("count", [40, 160])
def test_an_interval_of_few_draws_holds_a_new_one_at_its_level(count: int, generator: torch.Generator) -> None:
    trials = 20_000
    low, high = interval(torch.rand(count, trials, generator=generator))
    # of uniform draws the interval's own width is the probability of a new one
    share = (high - low).double()
    assert abs(float(share.mean()) - 0.95) < 4 * float(share.std()) / trials**0.5


def test_chains_that_disagree_are_counted() -> None:
    one = torch.ones(3)
    assert Coverage("no teacher", one, one, one, torch.tensor([1.0, float("nan"), 2.0]), one, one, one).apart == 2
    stuck = SHORT.model_copy(update={"step_size": 1e-5, "warm_start_steps": 0})
    (study,) = coverage_study(3, 20, tests=4, settings=[NO_TEACHER], sampler=stuck)
    assert study.r_hat.shape == study.effective.shape == (3,)
    assert study.apart == 3


@pytest.mark.slow
def test_intervals_cover_at_their_level_without_a_teacher_and_not_with_a_wrong_one_alone() -> None:
    plain, misled = coverage_study(40, 60, tests=30, settings=[NO_TEACHER, WRONG_ALONE], sampler=SHORT)
    # four standard errors of 40 data sets, and a point for short chains
    assert abs(plain.mean - 0.95) < 0.01 + 4 * plain.error
    assert misled.mean < 0.5


def test_a_blind_teacher_is_calibrated_and_depends_on_the_first_input_alone() -> None:
    x, labels = synthetic.draw(200_000, 0.0, [0])
    p = synthetic.blind_logits(x, 0.0).softmax(-1)
    same = synthetic.blind_logits(x[:50] * torch.tensor([1.0, 0.0]), 0.0).softmax(-1)
    torch.testing.assert_close(p[:50], same)
    for low in (-1.5, 0.0, 1.0):
        near = (x[:, 0] - low).abs() < 0.1
        seen = torch.nn.functional.one_hot(labels[near], 3).float().mean(0)
        # four standard errors of a share
        torch.testing.assert_close(p[near].mean(0), seen, rtol=0, atol=2 / float(near.sum()) ** 0.5)


def test_an_automatic_strength_turns_down_a_teacher_that_is_blind() -> None:
    plain, fixed, chosen = coverage_study(8, 60, tests=30, settings=[NO_TEACHER, BLIND, BLIND_AUTOMATIC], sampler=SHORT)
    assert plain.labels.tolist() == [0] * 8
    assert fixed.labels.tolist() == pytest.approx([6] * 8)
    assert chosen.labels.median() < 1
    assert fixed.mean < 0.7 < chosen.mean
    assert float(chosen.nll.mean()) < float(fixed.nll.mean())


@pytest.mark.slow
def test_experts_narrow_the_intervals_by_a_quarter_and_more() -> None:
    plain, taught = coverage_study(20, 60, tests=30, settings=[NO_TEACHER, "experts, inverse_entropy"], sampler=SHORT)
    assert float(taught.width.mean()) < 0.75 * float(plain.width.mean())
    assert float(taught.bias.mean()) < float(plain.bias.mean())


def test_progress_rises_to_1_and_the_study_repeats_itself() -> None:
    seen: list[float] = []
    tiny = SHORT.model_copy(update={"draws": 5, "burn_in": 5})
    settings = [NO_TEACHER, "experts, softmin"]
    first = coverage_study(2, 8, tests=4, settings=settings, sampler=tiny, watch=lambda done, what: seen.append(done))
    again = coverage_study(2, 8, tests=4, settings=settings, sampler=tiny)
    assert [row.setting for row in first] == settings
    assert [row.mean for row in first] == [row.mean for row in again]
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert first[0].coverage.shape == (2,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"replications": 0}, "0 replications"),
        ({"points": 3}, "3 points"),
        ({"settings": ["everybody"]}, "settings: got 'everybody', allowed: no teacher"),
    ],
)
def test_a_study_that_cannot_be_is_refused_in_one_line(options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        coverage_study(**options)  # type: ignore[arg-type]


def test_the_prior_of_the_study_is_the_tasks_own() -> None:
    assert CONFIG.prior != PriorConfig()
    assert CONFIG.student.kind == "linear"
