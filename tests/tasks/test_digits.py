"""The digits: a division that leaks nothing, and teachers that are trained once, or anew when their making changes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits

from mtbkd_core import Cancelled, Progress, Task, UserError, load_task
from mtbkd_core.common.progress import Phase
from mtbkd_core.tasks import digits as module
from mtbkd_core.teachers import specialists
from mtbkd_core.teachers.specialists import Recipe

QUICK = ["digits-0-4", "even-digits"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teachers that take a blink to train: small, and three epochs."""
    small = {
        name: (title, line, replace(recipe, hidden=(8,), epochs=3))
        for name, (title, line, recipe) in module._TEACHERS.items()
    }
    monkeypatch.setattr(module, "_TEACHERS", small)


@pytest.fixture
def trainings(quick: None, monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """The recipes that were trained, as they are."""
    done: list[Recipe] = []
    real = specialists.train

    def counted(recipe: Recipe, *arguments: Any, **more: Any) -> Any:
        done.append(recipe)
        return real(recipe, *arguments, **more)

    monkeypatch.setattr(specialists, "train", counted)
    return done


def cached(home: Path) -> list[Path]:
    return sorted((home / "teachers").iterdir())


# The division


@pytest.mark.parametrize("seed", [0, 3])
def test_the_teachers_see_no_image_of_the_student_or_the_tests(seed: int) -> None:
    student, test, pool = module.split_indices(seed, "test")
    again, validation, rest = module.split_indices(seed, "validation")
    assert [len(part) for part in (student, test, pool)] == [200, 600, 997]
    assert sorted(torch.cat([student, test, pool]).tolist()) == list(range(1797))
    assert torch.equal(student, again)
    assert sorted(torch.cat([validation, rest]).tolist()) == sorted(pool.tolist())
    assert len(validation) == 200


@pytest.mark.parametrize("split", ["test", "validation"])
def test_every_part_has_every_class_in_proportion(split: str) -> None:
    labels = torch.from_numpy(load_digits().target)
    share = labels.bincount() / len(labels)
    for part in module.split_indices(0, split):
        assert ((labels[part].bincount(minlength=10) - share * len(part)).abs() <= 2).all()


def test_the_task_holds_real_images_with_their_labels(digits: Task) -> None:
    data = load_digits()
    assert digits.class_names == tuple("0123456789")
    known = {tuple(row): label for row, label in zip((data.data / 16).tolist(), data.target.tolist(), strict=True)}
    for x, y in ((digits.x_train, digits.y_train), (digits.x_test, digits.y_test)):
        assert [known[tuple(row)] for row in x.tolist()] == y.tolist()


# The teachers


def test_the_default_teachers_know_their_own_digits_best(digits: Task) -> None:
    for name, classes in (("digits-0-4", range(5)), ("digits-5-9", range(5, 10)), ("even-digits", range(0, 10, 2))):
        right = digits.teachers[name].logits_test.argmax(-1) == digits.y_test
        own = torch.isin(digits.y_test, torch.tensor(list(classes)))
        assert right[own].float().mean() > 0.95
        assert right[~own].float().mean() < 0.9


@pytest.mark.slow
def test_the_other_teachers_are_as_described(trained_home: Path) -> None:
    task = load_task("digits", teachers=["generalist", "noisy-labels", "confidently-wrong"])
    guess = {name: teacher.logits_test.argmax(-1) for name, teacher in task.teachers.items()}
    accuracy = {name: float((labels == task.y_test).float().mean()) for name, labels in guess.items()}
    assert accuracy["generalist"] > 0.96
    assert 0.6 < accuracy["noisy-labels"] < accuracy["generalist"] - 0.05
    assert float((guess["confidently-wrong"] == (task.y_test + 1) % 10).float().mean()) > 0.96


# The cache


def test_only_missing_teachers_are_trained_and_the_others_read_back_the_same(trainings: list[Recipe]) -> None:
    first = load_task("digits", teachers=QUICK[:1])
    seen: list[Progress] = []
    both = load_task("digits", teachers=QUICK, on_progress=seen.append)
    assert {progress.message.split(",")[0] for progress in seen} == {"Training teacher 1 of 1: Even digits"}
    assert torch.equal(first.teachers["digits-0-4"].logits_test, both.teachers["digits-0-4"].logits_test)
    load_task("digits", teachers=QUICK)
    assert len(trainings) == 2


def change_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specialists, "TRAINING_VERSION", specialists.TRAINING_VERSION + 1)


def change_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    title, line, recipe = module._TEACHERS["digits-0-4"]
    monkeypatch.setitem(module._TEACHERS, "digits-0-4", (title, line, replace(recipe, leak_fraction=0.5)))


def change_data(monkeypatch: pytest.MonkeyPatch) -> None:
    x, labels, _ = module._images()
    monkeypatch.setattr(module, "_images", lambda: (x, labels, "other images"))


@pytest.mark.parametrize("change", [change_version, change_recipe, change_data])
def test_teachers_are_trained_anew_when_what_made_them_changes(
    change: Any, trainings: list[Recipe], own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_task("digits", teachers=QUICK[:1])
    change(monkeypatch)
    after = load_task("digits", teachers=QUICK[:1])
    assert len(trainings) == 2
    assert len(cached(own_home)) == 2
    assert before.fingerprint_of(QUICK[:1]) != after.fingerprint_of(QUICK[:1])


@pytest.mark.parametrize("damage", ["torn", "empty", "of another shape"])
def test_a_cached_file_that_cannot_be_used_is_logged_and_replaced(
    damage: str, trainings: list[Recipe], own_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = load_task("digits", teachers=QUICK[:1])
    (path,) = cached(own_home)
    whole = path.read_bytes()
    if damage == "of another shape":
        network = specialists.build_network(Recipe((0,), hidden=(5,)), 64, 10)
        specialists.write_tensors(path, dict(network.state_dict()))
    else:
        path.write_bytes(whole[: len(whole) // 2] if damage == "torn" else b"")
    seen: list[Progress] = []
    again = load_task("digits", teachers=QUICK[:1], on_progress=seen.append)
    assert "trained anew" in caplog.text
    assert {progress.message.split(",")[0] for progress in seen} == {"Training teacher 1 of 1: Digits 0 to 4"}
    assert torch.equal(first.teachers["digits-0-4"].logits_test, again.teachers["digits-0-4"].logits_test)
    load_task("digits", teachers=QUICK[:1])
    assert len(trainings) == 2


def test_progress_rises_to_the_end_and_names_the_teacher(quick: None) -> None:
    seen: list[Progress] = []
    load_task("digits", teachers=QUICK, on_progress=seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert {progress.phase for progress in seen} == {Phase.TEACHERS}
    assert seen[0].message == "Training teacher 1 of 2: Digits 0 to 4, epoch 1 of 3"
    assert seen[-1].message == "Training teacher 2 of 2: Even digits, epoch 3 of 3"


def test_a_cancelled_training_stops_and_leaves_no_file(quick: None, own_home: Path) -> None:
    batches = iter(range(3))
    with pytest.raises(Cancelled):
        load_task("digits", teachers=QUICK, should_stop=lambda: next(batches, None) is None)
    assert not (own_home / "teachers").exists()


def test_a_home_that_cannot_take_the_teachers_is_refused_in_one_line(quick: None, own_home: Path) -> None:
    (own_home / "teachers").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="teachers") as caught:
        load_task("digits", teachers=QUICK[:1])
    assert "\n" not in str(caught.value)
