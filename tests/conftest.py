"""What all tests share: a home folder of their own, one thread, and the digits with teachers trained once."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import Task, Teacher, load_task, task_info
from mtbkd_core.baselines import fitting
from mtbkd_core.common import lock
from mtbkd_core.studies import tuning


@pytest.fixture(scope="session", autouse=True)
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Home folder of everything that lives as long as the session; no test touches the person's own."""
    folder = tmp_path_factory.mktemp("session_home")
    # What takes seconds to work out is shared by all of xdist's workers.
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared_home"
    for name in ("teachers", "features"):
        (shared / name).mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(shared / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTBKD_HOME", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def own_home(session_home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder for each test."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MTBKD_HOME", str(folder))
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def load_once(home: Path, *given: Any, **named: Any) -> Task:
    """`load_task`; what trains or describes something for the session's home is done by one worker, and kept."""
    with lock.hold((home / "teachers").resolve().parent / "gate"):
        return load_task(*given, **named)


@pytest.fixture(scope="session")
def digits(session_home: Path) -> Task:
    """The digits with their three default teachers, which are trained once a session."""
    return load_once(session_home, "digits", teachers=task_info("digits").default_teachers)


@pytest.fixture(scope="session")
def few_digits(digits: Task) -> Task:
    """The digits with 40 test images: most of a small run's time is its evaluation."""
    return part_of_test(digits, slice(40))


def part_of_test(task: Task, part: slice) -> Task:
    """A task with some of its test examples."""
    teachers = {
        name: replace(teacher, logits_test=teacher.logits_test[part]) for name, teacher in task.teachers.items()
    }
    return replace(task, x_test=task.x_test[part], y_test=task.y_test[part], teachers=teachers)


def without_some_labels(task: Task, count: int) -> Task:
    """A task whose last so many training examples have lost their labels."""
    kept = slice(len(task.y_train) - count)
    teachers = {
        name: replace(
            teacher, logits_train=teacher.logits_train[kept], logits_unlabelled=teacher.logits_train[kept.stop :]
        )
        for name, teacher in task.teachers.items()
    }
    return replace(
        task,
        x_train=task.x_train[kept],
        y_train=task.y_train[kept],
        x_unlabelled=task.x_train[kept.stop :],
        teachers=teachers,
    )


@pytest.fixture(scope="session")
def tiny() -> Task:
    """A task of 12 examples, 2 inputs, 3 classes and three teachers, made up: its chains mix at once."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(12, 2, generator=generator), torch.arange(12) % 3
    names = ("one", "other", "third")
    teachers = {name: Teacher(name, name, "", *torch.randn(2, 12, 3, generator=generator)) for name in names}
    return Task("tiny", "Tiny", "", x, y, x.clone(), y.clone(), ("a", "b", "c"), teachers, "0" * 16)


@pytest.fixture
def trained_home(digits: Task, session_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The session's home folder, where the digits' default teachers lie trained, for tests that load them by name."""
    monkeypatch.setenv("MTBKD_HOME", str(session_home))
    return session_home


@pytest.fixture
def short_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Baselines that are fitted for a quarter of the usual steps: enough to have learned something."""
    monkeypatch.setattr(fitting, "FIT_STEPS", 150)


@pytest.fixture
def quick_tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that are chosen by few steps on one fold."""
    monkeypatch.setattr(tuning, "STEPS", 20)
    monkeypatch.setattr(tuning, "ROWS", 2)


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded source of random numbers."""
    return torch.Generator().manual_seed(20260527)


#: They mostly wait for processes, so they begin first, beside others that compute.
LONGEST = ("test_engine.py", "test_engine_ends.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that none is left for the end, when all others are done.

    The browser's tests come last: their app lives to the session's end, and other tests count processes.
    """
    items.sort(key=lambda item: (item.get_closest_marker("browser") is not None, item.path.name not in LONGEST))
