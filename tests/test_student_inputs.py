"""What a student sees of a task: features in place of inputs everywhere, and raw inputs for who asks a result."""

from pathlib import Path

import pytest
import torch

from mtbkd_core import Result, RunConfig, Task, UserError, distill
from mtbkd_core.baselines.base import Problem, distillation_grid
from mtbkd_core.baselines.classic import mean_distillation
from mtbkd_core.catalog.settings import change_task
from mtbkd_core.student_inputs import features_of, seen_by_student
from mtbkd_core.studies.grid import distill_grid
from tests.conftest import without_some_labels
from tests.small import small

KINDS = ["patches", "kernel"]


def asks_for(kind: str, **changes: object) -> RunConfig:
    return small(student__features=kind, student__n_features=30, **changes)


@pytest.fixture(scope="module")
def results(few_digits: Task) -> dict[str, Result]:
    return dict(zip(KINDS, distill_grid([asks_for(kind) for kind in KINDS], task=few_digits), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_every_input_is_replaced_by_its_features(few_digits: Task, kind: str) -> None:
    task = without_some_labels(few_digits, 40)
    seen = seen_by_student(asks_for(kind), task)
    features = features_of(seen)
    assert features is not None
    pairs = [(seen.x_train, task.x_train), (seen.x_test, task.x_test), (seen.x_unlabelled, task.x_unlabelled)]
    pairs += [(seen.shifts[name], x) for name, x in task.shifts.items()]
    for found, raw in pairs:
        assert raw is not None
        torch.testing.assert_close(found, features.transform(raw))
    assert seen.image_shape is None


def test_asking_again_costs_nothing_and_features_of_features_are_never_made(few_digits: Task) -> None:
    seen = seen_by_student(asks_for("kernel"), few_digits)
    assert seen_by_student(asks_for("kernel"), few_digits) is seen
    assert seen_by_student(asks_for("kernel"), seen) is seen


def test_the_split_seed_draws_what_is_random_in_features(few_digits: Task) -> None:
    one, other = (seen_by_student(asks_for("kernel", data__split_seed=seed), few_digits) for seed in (0, 1))
    assert not torch.equal(one.x_test, other.x_test)


def test_examples_without_labels_count_for_the_features(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 40)
    features = features_of(seen_by_student(small(student__features="kernel", student__n_features=4000), task))
    assert features is not None
    assert len(features.tensors()["landmarks"]) == len(few_digits.x_train)


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_predicts_raw_inputs_before_and_after_it_is_saved(
    results: dict[str, Result], few_digits: Task, tmp_path: Path, kind: str
) -> None:
    results[kind].save(tmp_path)
    for result in (results[kind], Result.load(tmp_path)):
        found = result.predict(few_digits.x_test)
        torch.testing.assert_close(found.mean, result.predictions.test.mean.float(), atol=2e-3, rtol=0)


def test_a_saved_result_without_its_features_is_one_line(results: dict[str, Result], tmp_path: Path) -> None:
    results["kernel"].save(tmp_path)
    (tmp_path / "features.safetensors").unlink()
    with pytest.raises(UserError, match=r"features\.safetensors"):
        Result.load(tmp_path)


def test_settings_with_other_features_run_in_one_grid_as_by_themselves(
    results: dict[str, Result], few_digits: Task
) -> None:
    alone = distill(asks_for("patches"), task=few_digits)
    torch.testing.assert_close(alone.predictions.test.mean, results["patches"].predictions.test.mean)
    assert {result.student.sizes[0] for result in results.values()} == {30}


def test_baselines_see_the_students_features(few_digits: Task) -> None:
    problem = Problem(asks_for("patches"), few_digits)
    assert problem.student.sizes[0] == 30
    found = mean_distillation(problem, distillation_grid(problem.config)[:2])
    assert found.shape[1] == len(few_digits.y_test)


def test_patches_of_inputs_that_are_no_pictures_are_refused_in_one_line(tiny: Task) -> None:
    with pytest.raises(UserError, match=r"student\.features: got 'patches'.*allowed: none, kernel"):
        distill(asks_for("patches", data__teachers="one"), task=tiny)


def test_a_convolutional_student_ignores_features(few_digits: Task) -> None:
    assert seen_by_student(asks_for("patches", student__kind="cnn"), few_digits) is few_digits


def test_patches_do_not_stay_where_inputs_are_no_pictures() -> None:
    assert change_task(asks_for("patches"), "synthetic").student.features == "none"
    assert change_task(asks_for("kernel"), "synthetic").student.features == "kernel"
