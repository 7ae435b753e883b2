"""Trainings: a part for each teacher, scores of each, what is trained is not trained again, and a cancel in between."""

from pathlib import Path

import pytest

from mtbkd_core import UserError, load_task
from mtbkd_core.catalog.adding import forget
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import untrained
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute as run_job
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.training import KIND, TrainingView, training_spec
from mtbkd_core.runs.naming import id_of
from mtbkd_core.runs.progress_log import read_progress
from mtbkd_core.runs.state import look
from mtbkd_core.teachers import convolutional
from tests.imports.files import SIZES, write_images

TEACHERS = ("first-half", "second-half", "every-second", "generalist")


@pytest.fixture(autouse=True)
def images(own_home: Path, tmp_path: Path) -> None:
    import_images("marks", write_images(tmp_path / "set"), title="Marks", sizes=SIZES, epochs=1)


def execute() -> TrainingView:
    view, _ = store.enqueue(KIND, training_spec("marks"), engine="none")
    run_job(str(view.folder))
    return store.read(KIND, view.id)


def test_it_trains_every_teacher_and_keeps_the_scores_that_the_task_gives() -> None:
    view = execute()
    assert (view.state, view.reason) == (State.DONE, None)
    assert untrained("marks") == ()
    task = load_task("marks")
    assert list(view.scores()) == list(TEACHERS)
    for name, row in view.scores().items():
        assert row["nll"] == pytest.approx(scores(task.teachers[name].logits_test.softmax(-1), task.y_test)["nll"])
    reports = read_progress(files.progress_file(view.folder, 1))  # some reports are not written
    assert (reports[0].step, reports[0].message, reports[0].fraction) == (0, "0, 1, epoch 1 of 1", 0.25)
    assert [each.fraction for each in reports] == sorted(each.fraction for each in reports)
    assert {each.steps for each in reports} == {4}


def test_teachers_that_are_there_are_not_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    load_task("marks", teachers=["first-half", "generalist"])
    real, trained = convolutional.train, []

    def train(recipe: convolutional.Recipe, *arguments: object, **more: object) -> object:
        trained.append(recipe.classes)
        return real(recipe, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(convolutional, "train", train)
    assert execute().state is State.DONE
    assert trained == [(2, 3), (0, 2)]


def test_one_that_is_stopped_keeps_whole_teachers_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    id = id_of(KIND, training_spec("marks"))
    real = convolutional.train

    def train(recipe: convolutional.Recipe, *arguments: object, **more: object) -> object:
        if recipe.classes == (0, 2):
            store.request_cancel(KIND, id)
        return real(recipe, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(convolutional, "train", train)
    monkeypatch.setattr("mtbkd_core.runs.execute._CANCEL_LOOK_SECONDS", 0.0)  # a teacher takes less here
    view = execute()
    assert view.state is State.CANCELLED
    assert list(view.scores()) == ["first-half", "second-half"]
    assert untrained("marks") == ("every-second", "generalist")
    monkeypatch.setattr(convolutional, "train", real)
    again = execute()
    assert again.id == view.id
    assert again.state is State.DONE
    assert list(again.scores()) == list(TEACHERS)


def test_going_on_trains_anew_what_was_deleted_meanwhile(own_home: Path) -> None:
    view = execute()
    (own_home / "trainings" / view.id / "training.json").unlink()
    for path in (own_home / "teachers").glob("marks-second-half-*"):
        path.unlink()
    again = execute()
    assert again.state is State.DONE
    assert list(again.scores()) == list(TEACHERS)
    assert untrained("marks") == ()


def test_images_imported_anew_under_the_name_have_a_training_of_their_own(tmp_path: Path) -> None:
    before = execute()
    forget("marks")
    import_images("marks", write_images(tmp_path / "other", side=(9, 9)), sizes=SIZES, epochs=1)
    assert store.find(KIND, training_spec("marks")) is None
    assert id_of(KIND, training_spec("marks")) != before.id


def test_a_training_of_a_task_that_is_replaced_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = convolutional.train

    def train(recipe: convolutional.Recipe, *arguments: object, **more: object) -> object:
        if recipe.classes == (2, 3):
            forget("marks")
            import_images("marks", write_images(tmp_path / "other", side=(9, 9)), sizes=SIZES, epochs=1)
        return real(recipe, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(convolutional, "train", train)
    view, _ = store.enqueue(KIND, training_spec("marks"), engine="none")
    run_job(str(view.folder))
    state, reason = look(view.folder, KIND)
    assert state is State.FAILED
    assert reason == "its data or its teachers were replaced since it was launched; launch it again"


def test_a_task_that_is_no_more_is_one_line() -> None:
    with pytest.raises(UserError, match="'nothing'"):
        training_spec("nothing")
