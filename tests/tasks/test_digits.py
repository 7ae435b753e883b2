"""The digits: a split that leaks nothing, and teachers that are trained once, or anew when their making changes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from mtbkd_core import Cancelled, Progress, Task, UserError, build_config, fingerprint, load_task
from mtbkd_core.catalog.registry import task_info, task_infos
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


def rows(x: Tensor) -> set[tuple[float, ...]]:
    return {tuple(row) for row in x.tolist()}


def cached(home: Path) -> list[Path]:
    return sorted((home / "teachers").iterdir())


# The split


@pytest.mark.parametrize("seed", [0, 1])
def test_the_split_is_200_600_997_disjoint_and_complete(seed: int) -> None:
    student, test, pool = module._split(seed, "test")
    assert [len(part) for part in (student, test, pool)] == [200, 600, 997]
    assert sorted(torch.cat([student, test, pool]).tolist()) == list(range(1797))


@pytest.mark.parametrize("split", ["test", "validation"])
def test_every_part_has_every_class_in_proportion(split: str) -> None:
    labels = torch.from_numpy(load_digits().target)
    share = labels.bincount() / len(labels)
    for part in module._split(0, split):
        counts = labels[part].bincount(minlength=10)
        assert ((counts - share * len(part)).abs() <= 2).all()


def test_the_validation_split_never_touches_a_test_image() -> None:
    student, test, pool = module._split(3, "test")
    again, validation, rest = module._split(3, "validation")
    assert torch.equal(student, again)
    assert len(validation) == 200
    assert not set(test.tolist()) & set(torch.cat([again, validation, rest]).tolist())
    assert set(torch.cat([validation, rest]).tolist()) == set(pool.tolist())
    assert not set(validation.tolist()) & set(rest.tolist())


def test_the_seed_moves_the_split() -> None:
    assert set(module._split(0, "test")[0].tolist()) != set(module._split(1, "test")[0].tolist())


# The task


def test_the_task_holds_real_images_from_0_to_1(digits: Task) -> None:
    data = load_digits()
    assert digits.x_train.shape == (200, 64)
    assert digits.x_test.shape == (600, 64)
    assert digits.x_train.dtype == torch.float32
    assert digits.y_train.dtype == torch.int64
    assert digits.image_shape == (8, 8)
    assert digits.class_names == tuple("0123456789")
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 1)
    known = {tuple(row): label for row, label in zip((data.data / 16).tolist(), data.target.tolist(), strict=True)}
    for x, y in ((digits.x_train, digits.y_train), (digits.x_test, digits.y_test)):
        assert [known[tuple(row)] for row in x.tolist()] == y.tolist()
    assert not rows(digits.x_train) & rows(digits.x_test)


def test_the_default_teachers_are_specialists(digits: Task) -> None:
    """Nearly perfect where they are at home, worse elsewhere; and each knows something that another does not."""
    for name, classes in (("digits-0-4", range(5)), ("digits-5-9", range(5, 10)), ("even-digits", range(0, 10, 2))):
        right = digits.teachers[name].logits_test.argmax(-1) == digits.y_test
        home = torch.isin(digits.y_test, torch.tensor(list(classes)))
        assert right[home].float().mean() > 0.95
        assert right[~home].float().mean() < 0.9


@pytest.mark.slow
def test_the_further_teachers_are_what_they_say(trained_home: Path) -> None:
    task = load_task("digits", teachers=["generalist", "noisy-labels", "confidently-wrong"])
    guess = {name: teacher.logits_test.argmax(-1) for name, teacher in task.teachers.items()}
    accuracy = {name: float((labels == task.y_test).float().mean()) for name, labels in guess.items()}
    assert accuracy["generalist"] > 0.96
    assert 0.6 < accuracy["noisy-labels"] < accuracy["generalist"] - 0.05
    assert float((guess["confidently-wrong"] == (task.y_test + 1) % 10).float().mean()) > 0.96


def test_teachers_logits_come_in_the_order_asked_for(digits: Task) -> None:
    logits = digits.teacher_logits(["even-digits", "digits-0-4"])
    assert logits.shape == (2, 200, 10)
    assert torch.equal(logits[0], digits.teachers["even-digits"].logits_train)
    assert torch.equal(digits.teacher_logits(["digits-5-9"], "test")[0], digits.teachers["digits-5-9"].logits_test)
    with pytest.raises(UserError, match="teachers: digits has no 'nobody'; it has digits-0-4"):
        digits.teacher_logits(["nobody"])


def test_whoever_trains_on_the_teachers_logits_can(quick: None) -> None:
    """Autograd saves them for its backward pass, which it refuses to do with tensors made in inference mode."""
    logits = load_task("digits", teachers=QUICK).teachers["digits-0-4"].logits_train
    weight = torch.ones(10, requires_grad=True)
    (weight * logits).sum().backward()
    torch.testing.assert_close(weight.grad, logits.sum(0))
    assert not logits.requires_grad


# The cache


def test_teachers_are_trained_once_and_read_back_the_same(trainings: list[Recipe], own_home: Path) -> None:
    first = load_task("digits", teachers=QUICK)
    assert len(trainings) == 2
    assert len(cached(own_home)) == 2
    again = load_task("digits", teachers=QUICK)
    assert len(trainings) == 2
    for name in QUICK:
        assert torch.equal(first.teachers[name].logits_test, again.teachers[name].logits_test)


def test_only_missing_teachers_are_trained(trainings: list[Recipe]) -> None:
    load_task("digits", teachers=QUICK[:1])
    seen: list[Progress] = []
    load_task("digits", teachers=QUICK, on_progress=seen.append)
    assert len(trainings) == 2
    assert {progress.message for progress in seen} == {"Training teacher 1 of 1: Even digits"}


def test_training_is_seeded(trainings: list[Recipe], own_home: Path) -> None:
    first = load_task("digits", teachers=QUICK[:1], split_seed=4)
    cached(own_home)[0].unlink()
    torch.manual_seed(99)  # the global generator must not matter
    again = load_task("digits", teachers=QUICK[:1], split_seed=4)
    assert len(trainings) == 2
    assert torch.equal(first.teachers["digits-0-4"].logits_test, again.teachers["digits-0-4"].logits_test)


def change_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specialists, "TRAINING_VERSION", specialists.TRAINING_VERSION + 1)


def change_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    title, line, recipe = module._TEACHERS["digits-0-4"]
    monkeypatch.setitem(module._TEACHERS, "digits-0-4", (title, line, replace(recipe, trickle=0.5)))


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


def test_another_seed_has_its_own_teachers(trainings: list[Recipe], own_home: Path) -> None:
    for seed in (0, 1, 0, 1):
        load_task("digits", teachers=QUICK[:1], split_seed=seed)
    assert len(trainings) == 2


@pytest.mark.parametrize("damage", ["torn", "empty", "of another shape"])
def test_a_cached_file_that_cannot_be_used_is_replaced_and_said(
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
    assert {progress.message for progress in seen} == {"Training teacher 1 of 1: Digits 0 to 4"}
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
    assert seen[0].message == "Training teacher 1 of 2: Digits 0 to 4"
    assert seen[-1].message == "Training teacher 2 of 2: Even digits"


def test_a_cancelled_training_stops_and_leaves_no_file(quick: None, own_home: Path) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(Cancelled):
        load_task("digits", teachers=QUICK, should_stop=stop)
    assert asked == 4
    assert not (own_home / "teachers").exists()


def test_a_home_that_cannot_take_the_teachers_is_said_in_one_line(quick: None, own_home: Path) -> None:
    (own_home / "teachers").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="teachers") as caught:
        load_task("digits", teachers=QUICK[:1])
    assert "\n" not in str(caught.value)


# Fingerprints and the registry


def test_equal_settings_have_equal_fingerprints_and_nothing_is_trained(own_home: Path) -> None:
    config = build_config([("teachers", "generalist,noisy-labels"), ("split_seed", "5")])
    same = build_config(
        [("split_seed", 5), ("teachers", ["generalist", "noisy-labels"]), ("seed", 8), ("prior.strength", 0.1)]
    )
    assert fingerprint(config) == fingerprint(same)
    assert not (own_home / "teachers").exists()


def test_a_loaded_task_has_the_fingerprint_of_its_configuration(digits: Task) -> None:
    assert digits.fingerprint_of(build_config().data.teachers) == fingerprint(build_config())


def test_other_teachers_seeds_and_splits_have_other_fingerprints() -> None:
    prints = [
        module.fingerprint(["digits-0-4", "digits-5-9"], 0),
        module.fingerprint(["digits-5-9", "digits-0-4"], 0),
        module.fingerprint(["digits-0-4"], 0),
        module.fingerprint(["digits-0-4", "digits-5-9"], 1),
        module.fingerprint(["digits-0-4", "digits-5-9"], 0, "validation"),
        module.fingerprint(None, 0),
    ]
    assert len(set(prints)) == len(prints)


def test_fewer_labels_are_the_first_of_all_and_the_teachers_stay(digits: Task, trained_home: Path) -> None:
    few = load_task("digits", teachers=build_config().data.teachers, n_train=40)
    assert torch.equal(few.x_train, digits.x_train[:40])
    assert torch.equal(few.x_test, digits.x_test)
    assert few.teachers["digits-0-4"].fingerprint == digits.teachers["digits-0-4"].fingerprint
    assert few.fingerprint != digits.fingerprint
    assert few.fingerprint_of(build_config().data.teachers) == fingerprint(build_config([("n_train", 40)]))


def test_more_labels_than_there_are_are_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"data\.n_labelled: got 201, allowed for digits: at most 200"):
        load_task("digits", n_train=201)
    with pytest.raises(UserError, match=r"data\.n_labelled: got 201"):
        fingerprint(build_config([("n_train", 201)]))


def test_tasks_and_teachers_can_be_listed_without_loading(own_home: Path) -> None:
    (info,) = [info for info in task_infos() if info.name == "digits"]
    assert task_info("digits") is info
    assert info.default_teachers == build_config().data.teachers
    assert [teacher.name for teacher in info.teachers] == list(module._TEACHERS)
    assert not list(own_home.iterdir())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load_task("cats"), "task: got 'cats', allowed: digits"),
        (lambda: task_info("cats"), "task: got 'cats', allowed: digits"),
        (lambda: fingerprint(build_config([("task", "cats")])), "task: got 'cats', allowed: digits"),
        (lambda: load_task("digits", teachers=["nobody"]), "teachers: digits has no 'nobody'; .*generalist"),
        (lambda: fingerprint(build_config([("teachers", "nobody")])), "teachers: digits has no 'nobody'"),
        (lambda: load_task("digits", teachers=[]), "teachers: none is named"),
        (lambda: load_task("digits", split="secret"), "split: got 'secret', allowed: test, validation"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(call: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        call()


# What a teacher is shown


def labels_of_ten_classes() -> Tensor:
    return torch.arange(10).repeat(300)


def test_a_specialist_sees_all_of_its_classes_and_a_trickle_of_the_others(generator: torch.Generator) -> None:
    labels = labels_of_ten_classes()
    index, told = specialists.what_it_sees(Recipe((1, 2)), labels, 10, generator)
    assert torch.equal(told, labels[index])
    counts = labels[index].bincount(minlength=10)
    assert counts[[1, 2]].tolist() == [300, 300]
    others = int(counts.sum()) - 600
    assert abs(others - 0.06 * 2400) < 4.5 * (2400 * 0.06 * 0.94) ** 0.5
    assert (counts > 0).all()


def test_noisy_labels_are_drawn_at_random_in_their_share(generator: torch.Generator) -> None:
    labels = labels_of_ten_classes()
    index, told = specialists.what_it_sees(Recipe(tuple(range(10)), label_noise=0.4), labels, 10, generator)
    assert len(index) == 3000
    wrong = float((told != labels[index]).float().mean())
    assert abs(wrong - 0.4 * 0.9) < 4.5 * (0.36 * 0.64 / 3000) ** 0.5


def test_shifted_labels_are_the_next_class(generator: torch.Generator) -> None:
    labels = labels_of_ten_classes()
    index, told = specialists.what_it_sees(Recipe(tuple(range(10)), label_shift=1), labels, 10, generator)
    assert torch.equal(told, (labels[index] + 1) % 10)
