"""Image sets of one's own as tasks, kept in the home folder; their teachers are trained once."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core import Progress, Task, UserError, default_config, load_task, task_info
from mtbkd_core.catalog.adding import forget
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import fingerprint, missing_data, own, untrained
from mtbkd_core.common import lock
from mtbkd_core.common.files import home, write_tensors
from mtbkd_core.common.progress import Cancelled
from mtbkd_core.imports.image_sets import path_of
from mtbkd_core.imports.image_task import OwnImageTask
from tests.imports.files import SIZES, write_images

TEACHERS = ("first-half", "second-half", "every-second", "generalist")


def kept(teacher: str) -> list[Path]:
    return list((home() / "teachers").glob(f"marks-{teacher}-*.safetensors"))


def lock_file() -> Path:
    """Of the training of the task's teachers, one of which is trained."""
    (path,) = kept("*")
    return path.with_name(f".marks-{path.stem.rpartition('-')[2]}.lock")


def load(*teachers: str, until: str = "never", times: int = 1) -> tuple[Task, list[str]]:
    """The task and the messages of its progress; stopped when `until` came so many times."""
    seen: list[str] = []
    task = load_task(
        "marks",
        teachers=teachers or None,
        on_progress=lambda progress: seen.append(progress.message),
        should_stop=lambda: sum(until in message for message in seen) >= times,
    )
    return task, seen


# The task


def test_a_folder_becomes_a_task_with_teachers_that_are_trained_once(marks: OwnImageTask) -> None:
    assert own() == ("marks",)
    info = task_info("marks")
    assert (info.title, info.n_classes, info.n_labelled, info.most_labelled) == ("Marks", 4, 36, 36)
    assert [teacher.title for teacher in info.teachers] == ["0, 1", "2, 3", "0, 2", "Generalist"]
    assert missing_data("marks") is None
    task, seen = load()
    assert seen[-1] == "Training teacher 4 of 4: Generalist, epoch 1 of 1"
    assert task.image_shape == (8, 10)
    assert task.x_train.shape == (36, 80)
    assert torch.equal((255 * task.x_test[:, 10]).round().long(), task.y_test)
    assert [shift.name for shift in info.shifts] == list(task.shifts)
    assert set(task.teachers) == set(TEACHERS)
    same, seen = load()
    assert not seen
    assert torch.equal(same.teachers["generalist"].logits_test, task.teachers["generalist"].logits_test)


@pytest.mark.parametrize(
    ("classes", "teachers"), [(2, ("generalist",)), (3, ("second-half", "every-second", "generalist"))]
)
def test_of_few_classes_no_teacher_is_to_know_a_single_one(
    folder: Path, classes: int, teachers: tuple[str, ...]
) -> None:
    import_images("few", write_images(folder, classes), epochs=1)
    task = load_task("few")
    assert tuple(task.teachers) == teachers
    assert default_config("few").data.teachers == (teachers[:-1] or teachers)
    assert task.teachers["generalist"].logits_test.shape == (40, classes)


def test_a_small_set_is_divided_as_far_as_it_goes(folder: Path) -> None:
    import_images("marks", folder, epochs=1)
    task, _ = load("generalist")
    validation = load_task("marks", teachers=["generalist"], split="validation")
    assert (len(task.y_train), len(task.y_test), len(validation.y_test)) == (30, 40, 12)


def test_pictures_on_their_side_are_turned(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1, transposed=True)
    task, _ = load("generalist")
    assert task.image_shape == (10, 8)
    assert torch.equal((255 * task.x_test[:, 1]).round().long(), task.y_test)


def test_its_fingerprint_is_known_before_anything_is_trained(marks: OwnImageTask) -> None:
    config = default_config("marks")
    before = fingerprint(config)
    assert before == load_task("marks", teachers=config.data.teachers).fingerprint_of(config.data.teachers)


# Its teachers


def test_teachers_are_trained_as_they_are_asked_for_and_kept_one_by_one(marks: OwnImageTask) -> None:
    assert untrained("marks") == TEACHERS
    load("generalist")
    assert untrained("marks") == TEACHERS[:3]
    assert untrained("marks", ["generalist"]) == ()
    with pytest.raises(Cancelled):  # when the second of the three that are left is trained
        load(until="teacher 2 of 3")
    assert untrained("marks") == ("every-second",)
    load_task("marks")
    assert untrained("marks") == untrained("digits") == ()
    assert not list((home() / "teachers").glob("*.checkpoint.*"))


def test_a_training_that_was_stopped_goes_on_though_another_came_between(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=3)
    with pytest.raises(Cancelled):
        load("generalist", until="epoch", times=2)
    load("first-half")
    _, seen = load("generalist")
    assert [message.rpartition(", ")[2] for message in seen] == ["epoch 3 of 3"]


def test_a_load_waits_for_another_process_that_trains_and_can_be_stopped(marks: OwnImageTask) -> None:
    load("first-half")
    with lock.hold(lock_file()), pytest.raises(Cancelled):
        load("generalist", until="Another run is training them; waiting", times=2)
    assert marks.untrained(["generalist"]) == ("generalist",)


def test_a_load_that_waited_finds_what_another_process_has_trained(
    marks: OwnImageTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("generalist")
    held = lock_file()
    (path,) = kept("generalist")
    aside = path.rename(path.with_suffix(".aside"))
    monkeypatch.setattr("mtbkd_core.tasks.images.train", None)  # nothing can be trained

    def bring(progress: Progress) -> None:
        aside.rename(path)

    with lock.hold(held):
        assert load_task("marks", teachers=["generalist"], on_progress=bring).teachers["generalist"].name


def test_kept_outputs_that_are_damaged_are_one_line(marks: OwnImageTask) -> None:
    load("generalist")
    (path,) = kept("generalist")
    write_tensors(path, {"generalist": torch.full((68, 4), float("nan"))})
    with pytest.raises(UserError, match="is not what it should be; delete it, and the teacher is trained anew"):
        load("generalist")


# What the home folder holds


def test_other_images_under_the_same_name_are_another_task(marks: OwnImageTask, folder: Path) -> None:
    load_task("marks")
    before = task_info("marks").stamp
    images = folder / "emnist-digits-train-images-idx3-ubyte"
    changed = np.frombuffer(images.read_bytes(), np.uint8).copy()
    changed[16:] = 255 - changed[16:]
    images.write_bytes(changed.tobytes())
    with pytest.raises(UserError, match="are not those of Marks; their digest is"):
        load_task("marks")
    forget("marks")
    import_images("marks", folder, sizes=SIZES, epochs=1)
    assert task_info("marks").stamp != before
    assert len(untrained("marks")) == 4


def test_it_is_forgotten_and_the_images_stay(marks: OwnImageTask, folder: Path) -> None:
    forget("marks")
    assert own() == ()
    assert len(list(folder.iterdir())) == 4
    with pytest.raises(UserError, match="name: got 'marks', imported are: none"):
        forget("marks")


def test_images_that_have_gone_are_one_line(marks: OwnImageTask, folder: Path) -> None:
    (folder / "more-ubyte").symlink_to("nowhere")
    with pytest.raises(UserError, match="more-ubyte: cannot be read"):
        load_task("marks")
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(UserError, match="is no folder any more; forget the task and import it again"):
        load_task("marks")


@pytest.mark.parametrize("damage", ["{", "[]", '{"name": "marks"}'])
def test_a_torn_file_is_left_out(marks: OwnImageTask, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    path_of("marks").write_text(damage)
    assert own() == ()
    assert "a task is left out" in caplog.text


def test_a_set_that_was_kept_without_a_digest_is_still_there(marks: OwnImageTask, folder: Path) -> None:
    values = json.loads(path_of("marks").read_text())
    assert values["folder"] == str(folder)
    del values["digest"]
    path_of("marks").write_text(json.dumps(values))
    assert load("generalist")[0].x_train.shape == (36, 80)
