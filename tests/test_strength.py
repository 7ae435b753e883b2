"""Choosing the strength from the data: good teachers count, bad ones do not, and what it costs is bounded."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import Cancelled, Progress, Result, Task, distill, distill_grid
from mtbkd_core.common.progress import Phase
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.evaluation.strength_path import LABELS, StrengthChoice
from mtbkd_core.strength import Plan, choose_strength, path_of, plan_for
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.tasks import synthetic
from mtbkd_core.tasks.base import TrainingSet
from tests.small import small

PRIOR = PriorConfig(concentration=6.0, temperature=1.0, strength=None)
STUDENT = DenseStudent((2, 3), 1.5)
PLAN = Plan(folds=4, scored=4, multiples=1, steps=60)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choices of a second."""
    monkeypatch.setattr("mtbkd_core.strength.plan_for", lambda *sizes: replace(PLAN, folds=2, scored=2, steps=20))


def learner(teacher: str, count: int = 100) -> TrainingSet:
    """Points of the plane, and one teacher: the truth, or one that takes each class for the next."""
    x, labels = synthetic.draw(count, 0.0, [0])
    truth = synthetic.truth_logits(x, 0.0)
    return TrainingSet(x, labels, (truth if teacher == "right" else 2 * truth.roll(1, -1))[None])


def chosen(teacher: str, **changes: Any) -> StrengthChoice:
    return choose_strength(PRIOR, STUDENT, learner(teacher), **{"plan": PLAN} | changes)


def test_a_teacher_that_is_right_is_worth_labels_and_one_that_is_wrong_none() -> None:
    right, wrong = chosen("right"), chosen("wrong")
    assert right.labels >= 1
    assert right.strength == pytest.approx(right.labels / 6)
    assert wrong.labels <= 0.1
    assert [point.labels for point in wrong.points] == list(LABELS)
    assert wrong.points[0].score > wrong.points[-1].score + 0.1


def test_a_choice_can_be_repeated_whatever_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTBKD_THREADS", "1")
    first = chosen("right")
    monkeypatch.setenv("MTBKD_THREADS", "2")
    assert chosen("right") == first
    assert chosen("right", seed=1) != first


def test_a_held_out_example_takes_its_label_and_its_teachers_with_it() -> None:
    """Whatever is said of the examples of a fold, their own scores stay."""
    data = learner("right", 40)
    plan = replace(PLAN, folds=40, scored=1)
    before = choose_strength(PRIOR, STUDENT, data, plan=plan)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))  # as the seed of the folds has it
    logits = data.teacher_logits.clone()
    logits[:, order[0]] += torch.tensor([9.0, 0.0, -9.0])
    after = choose_strength(PRIOR, STUDENT, replace(data, teacher_logits=logits), plan=plan)
    assert after.points == before.points
    logits[:, order[1]] += torch.tensor([9.0, 0.0, -9.0])
    assert choose_strength(PRIOR, STUDENT, replace(data, teacher_logits=logits), plan=plan).points != before.points


def test_examples_without_labels_are_learnt_from_and_never_held_out() -> None:
    data = learner("right")
    silent = replace(data, labels=torch.where(torch.arange(100) < 60, data.labels, -1))
    found = choose_strength(PRIOR, STUDENT, silent, plan=PLAN)
    few = choose_strength(
        PRIOR, STUDENT, TrainingSet(data.x[:60], data.labels[:60], data.teacher_logits[:, :60]), plan=PLAN
    )
    assert found.examples == few.examples == 60
    assert found.points[0].score == pytest.approx(few.points[0].score, abs=1e-4)
    assert found.points[-1].score != pytest.approx(few.points[-1].score, abs=1e-4)


def test_the_path_has_no_teacher_and_leaves_out_strengths_that_are_not_allowed() -> None:
    path = path_of(replace_prior(temperature=10.0), 3)
    assert path[0].strength == 0
    assert all(0 < each.known_strength <= 100 for each in path[1:])
    assert len(path) < Plan(1, 1, 3, 1).settings
    assert {each.concentration for each in path_of(replace_prior(), 3)} == {6.0, 2.0, 18.0}


def replace_prior(**changes: Any) -> PriorConfig:
    return PRIOR.model_copy(update=changes)


@pytest.mark.parametrize(
    ("sizes", "labelled", "examples"),
    [((2, 32, 3), 150, 150), ((64, 32, 10), 200, 200), ((217, 64, 9), 2500, 3500), ((784, 256, 10), 1000, 20000)],
)
def test_what_a_choice_costs_is_bounded(sizes: tuple[int, ...], labelled: int, examples: int) -> None:
    student = DenseStudent(sizes, 1.0)
    plan = plan_for(student, labelled, examples)
    each = 70 + 15 * sum(sizes[1:]) + 0.1 * student.multiply_adds
    assert 1e-9 * each * plan.gradients(examples) <= 45
    assert plan.scored * labelled / plan.folds >= 100


def test_there_are_no_more_folds_than_labels() -> None:
    assert plan_for(STUDENT, 4, 4).folds == 4
    assert choose_strength(PRIOR, STUDENT, learner("right", 4), plan=replace(PLAN, steps=5)).examples == 4


@pytest.mark.usefixtures("short")
def test_a_run_keeps_what_was_asked_and_what_was_chosen(tiny: Task, tmp_path: Path) -> None:
    config = small(teachers=("one",), prior__strength="auto")
    result = distill(config, task=tiny)
    assert (result.asked, result.strength.strength) == (config, result.config.prior.strength)  # type: ignore[union-attr]
    result.save(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["prior"]["strength"] == "auto"
    again = Result.load(tmp_path)
    assert (again.config, again.asked, again.strength) == (result.config, config, result.strength)
    plain = distill(result.config, task=tiny)
    assert torch.equal(plain.draws, result.draws)
    assert plain.asked is None


@pytest.mark.usefixtures("short")
def test_progress_goes_up_through_the_choice(tiny: Task) -> None:
    seen: list[Progress] = []
    distill(small(teachers=("one",), prior__strength="auto"), task=tiny, on_progress=seen.append)
    fractions = [each.fraction for each in seen]
    assert seen[0].phase is Phase.STRENGTH
    assert fractions == sorted(fractions)
    assert 0 < next(each.fraction for each in seen if each.phase is Phase.WARM_START) < 1


def test_a_choice_can_be_stopped(tiny: Task) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5

    with pytest.raises(Cancelled):
        distill(small(teachers=("one",), prior__strength="auto"), task=tiny, should_stop=stop)


@pytest.mark.usefixtures("short")
def test_a_grid_chooses_once_for_equal_data_and_runs_the_settings_together(
    tiny: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def noted(prior: PriorConfig, *args: Any, **kwargs: Any) -> StrengthChoice:
        calls.append(prior)
        return choose_strength(prior, *args, **kwargs)

    monkeypatch.setattr("mtbkd_core.strength.choose_strength", noted)
    configs = [
        small(teachers=("one",), prior__strength=strength, seed=seed)
        for strength, seed in (("auto", 0), ("auto", 1), ("1", 0))
    ]
    results = distill_grid(configs, task=tiny)
    assert len(calls) == 1
    assert [each.asked for each in results] == [configs[0], configs[1], None]
    assert results[0].config.prior == results[1].config.prior == distill(configs[0], task=tiny).config.prior
