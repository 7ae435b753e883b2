"""What holds for every built-in task: a new one is tested by being registered."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mtbkd_core import Task, UserError, build_config, default_config, fingerprint, load_task, task_info
from mtbkd_core.catalog.registry import built_in, missing_data, task_infos
from tests.conftest import load_once

FEW = 40


@pytest.fixture(scope="module")
def home(session_home: Path) -> Iterator[Path]:
    """One home for all: what is trained or computed for one test is there for the next."""
    yield session_home
    loaded.cache_clear()


@pytest.fixture(params=built_in())
def name(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A task whose data is on this machine."""
    monkeypatch.setenv("MTBKD_HOME", str(home))
    if problem := missing_data(request.param):
        pytest.skip(problem)
    return str(request.param)


@pytest.fixture
def load(name: str, home: Path) -> Any:
    """Loads the task with its first two default teachers, or as other arguments ask for."""
    return lambda **options: loaded(home, name, tuple(options.items()))


@lru_cache(maxsize=4)
def loaded(home: Path, name: str, options: tuple[tuple[str, Any], ...]) -> Task:
    teachers = task_info(name).default_teachers[:2]
    return load_once(home, name, **{"teachers": teachers, **dict(options)})


def rows(x: Tensor) -> set[bytes]:
    return {row.numpy().tobytes() for row in x}


def test_the_loaded_task_is_what_its_description_promises(name: str, load: Any) -> None:
    info, task = task_info(name), load()
    assert (task.name, task.title, task.description) == (name, info.title, info.description)
    assert (len(task.y_train), task.n_classes) == (info.n_labelled, info.n_classes)
    assert list(task.shifts) == [shift.name for shift in info.shifts]
    assert task.image_shape == info.image_shape
    assert (task.x_unlabelled is not None) == info.spare
    known = {teacher.name: teacher for teacher in info.teachers}
    assert tuple(task.teachers) == info.default_teachers[:2]
    for teacher in task.teachers.values():
        assert (teacher.title, teacher.description) == (known[teacher.name].title, known[teacher.name].description)


def test_inputs_labels_and_logits_fit_together_and_are_finite(name: str, load: Any) -> None:
    task = load()
    inputs = {"train": task.x_train, "test": task.x_test, "unlabelled": task.x_unlabelled, **task.shifts}
    width = task.x_train.shape[1]
    for x in (each for each in inputs.values() if each is not None):
        assert x.dtype == torch.float32
        assert x.shape[1] == width
        assert x.isfinite().all()
        assert task.image_shape is None or (
            x.min() >= 0 and x.max() <= 1 and width == torch.Size(task.image_shape).numel()
        )
    for labels, x in ((task.y_train, task.x_train), (task.y_test, task.x_test)):
        assert labels.dtype == torch.int64
        assert len(labels) == len(x)
        assert set(labels.tolist()) <= set(range(task.n_classes))
    for teacher in task.teachers.values():
        for part in ("train", "test", "unlabelled"):
            logits = getattr(teacher, f"logits_{part}")
            assert (logits is None) == (inputs[part] is None)
            if logits is not None:
                assert logits.shape == (len(inputs[part]), task.n_classes)
                assert logits.dtype == torch.float32
                assert logits.isfinite().all()


def test_training_and_test_parts_share_no_input(load: Any) -> None:
    task, validation = load(), load(split="validation")
    assert torch.equal(task.x_train, validation.x_train)
    assert not rows(task.x_test) & rows(validation.x_test)
    assert not rows(task.x_test) & rows(task.x_train)
    assert not rows(validation.x_test) & rows(task.x_train)


def test_classes_are_in_proportion_in_the_training_examples(load: Any) -> None:
    task = load()
    train, test = (labels.bincount(minlength=task.n_classes) / len(labels) for labels in (task.y_train, task.y_test))
    assert (train - test).abs().max() < 0.12


def test_the_seed_draws_other_training_examples(load: Any) -> None:
    assert not torch.equal(load(n_labelled=FEW).x_train, load(n_labelled=FEW, split_seed=1).x_train)


def test_fewer_labelled_examples_are_the_first_of_more_and_the_rest_has_no_label(name: str, load: Any) -> None:
    few, all_of_it = load(n_labelled=FEW), load(n_labelled=task_info(name).most_labelled)
    assert torch.equal(few.x_train, all_of_it.x_train[:FEW])
    assert torch.equal(few.y_train, all_of_it.y_train[:FEW])
    assert torch.equal(few.x_test, all_of_it.x_test)
    assert few.fingerprint != all_of_it.fingerprint
    for teacher, same in zip(few.teachers.values(), all_of_it.teachers.values(), strict=True):
        assert teacher.fingerprint == same.fingerprint
        assert torch.equal(teacher.logits_train, same.logits_train[:FEW])
        if few.x_unlabelled is not None:
            assert torch.equal(few.x_unlabelled, all_of_it.x_train[FEW:])
            assert torch.equal(teacher.logits_unlabelled, same.logits_train[FEW:])


def test_a_training_set_has_the_labelled_examples_first_and_then_unlabelled_ones(name: str, load: Any) -> None:
    task = load(n_labelled=FEW)
    names = list(task.teachers)[::-1]
    count = 7 if task_info(name).spare else 0
    found = task.training_set(names, count)
    assert found.labels.tolist() == task.y_train.tolist() + [-1] * count
    assert torch.equal(found.x, torch.cat([task.x_train, *([task.x_unlabelled[:count]] if count else [])]))
    for logits, teacher in zip(found.teacher_logits, names, strict=True):
        assert torch.equal(logits[:FEW], task.teachers[teacher].logits_train)
        assert not count or torch.equal(logits[FEW:], task.teachers[teacher].logits_unlabelled[:count])
    most = 0 if task.x_unlabelled is None else len(task.x_unlabelled)
    with pytest.raises(UserError, match=rf"^data.n_unlabelled: got {most + 1}, allowed for {name}: at most {most}$"):
        task.training_set(names, most + 1)


def test_autograd_can_save_the_teachers_logits(load: Any) -> None:
    """It refuses tensors that were made in inference mode."""
    task = load()
    logits = next(iter(task.teachers.values())).logits_train
    weight = torch.ones(task.n_classes, requires_grad=True)
    (weight * logits).sum().backward()
    torch.testing.assert_close(weight.grad, logits.sum(0), rtol=1e-4, atol=1e-3)
    assert not logits.requires_grad


def test_the_fingerprint_is_known_before_loading_and_moves_with_what_it_depends_on(name: str, load: Any) -> None:
    names = task_info(name).default_teachers[:2]
    base = build_config([("data.teachers", names), ("data.n_unlabelled", 0)], base=default_config(name))
    assert fingerprint(base) == load().fingerprint_of(base.data.teachers)
    assert fingerprint(build_config([("seed", 8), ("prior.strength", 0.1)], base=base)) == fingerprint(base)
    assert fingerprint(base.with_data(n_labelled=task_info(name).n_labelled)) == fingerprint(base)
    changes = [
        {"split_seed": 1},
        {"n_labelled": FEW},
        {"teachers": base.data.teachers[:1]},
        {"teachers": base.data.teachers[::-1]},
    ]
    prints = {fingerprint(base.with_data(**change)) for change in ({}, *changes)}
    assert len(prints | {load(split="validation").fingerprint_of(base.data.teachers)}) == 6


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"teachers": ["nobody"]}, r"teachers: {name} has no 'nobody'; {name} has {first}"),
        ({"teachers": []}, r"teachers: none is named; {name} has {first}"),
        ({"split": "train"}, "split: got 'train', allowed: test, validation"),
        ({"n_labelled": 30_000}, "data.n_labelled: got 30000, allowed for {name}: at most {most}"),
    ],
)
def test_what_the_task_does_not_have_is_refused_with_what_it_has(name: str, options: dict[str, Any], line: str) -> None:
    info = task_info(name)
    with pytest.raises(
        UserError, match="^" + line.format(name=name, first=info.teachers[0].name, most=info.most_labelled)
    ):
        load_task(name, **options)


def test_a_loaded_task_refuses_an_unknown_teacher(name: str, load: Any) -> None:
    task = load()
    for ask in (task.teacher_logits, task.fingerprint_of, task.training_set):
        with pytest.raises(UserError, match=f"teachers: {name} has no 'nobody'; it has {next(iter(task.teachers))}"):
            ask(["nobody"])


def test_a_configuration_asks_for_no_more_than_the_task_has(name: str) -> None:
    info, base = task_info(name), default_config(name)
    most = info.most_labelled - FEW if info.spare else 0
    beside = f" beside {FEW} labelled ones" if info.spare else ""
    with pytest.raises(
        UserError, match=f"data.n_unlabelled: got {most + 1}, allowed for {name}: at most {most}{beside}$"
    ):
        fingerprint(base.with_data(n_labelled=FEW, n_unlabelled=most + 1))


def test_a_first_run_has_the_tasks_own_settings_and_teachers(name: str) -> None:
    config, info = default_config(name), task_info(name)
    assert (config.data.task, config.data.teachers) == (name, info.default_teachers)
    assert config == build_config(info.defaults.items(), base=config)


def test_tasks_are_listed_without_loading_any(own_home: Path) -> None:
    assert [info.name for info in task_infos()] == list(built_in())
    assert all(task_info(info.name) is info for info in task_infos())
    assert not list(own_home.iterdir())


@pytest.mark.parametrize("ask", [load_task, task_info, lambda name: fingerprint(build_config([("task", name)]))])
def test_an_unknown_task_is_refused_with_those_that_there_are(ask: Any) -> None:
    with pytest.raises(UserError, match=r"^task: got 'cats', allowed: digits, synthetic"):
        ask("cats")
