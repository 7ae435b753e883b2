"""Image tasks from IDX files: a fixed division, outputs that belong to the images, and classes left out.

A tiny set is written and its teachers are trained and shipped for real; the real Fashion-MNIST where it is installed.
"""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core import Task, UserError, load_task
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.config.models import DataConfig
from mtbkd_core.images.files import ImageFiles
from mtbkd_core.tasks.fashion import FASHION, FASHION_LEFT_OUT, FILES, digit_images
from mtbkd_core.tasks.images import ImageTask, Sizes
from mtbkd_core.tasks.shipped_images import ShippedImageTask
from mtbkd_core.tasks.source import ShiftInfo, TaskInfo
from mtbkd_core.teachers import shipped
from mtbkd_core.teachers.base import TeacherInfo
from mtbkd_core.teachers.convolutional import Recipe

TRAIN, TEST = 90, 40
HERE = FILES.installed is not None and FILES.installed.is_dir()
needs_fashion = pytest.mark.skipif(not HERE, reason="Debian's dataset-fashion-mnist is not installed")


def idx(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


def write_set(folder: Path, *, test: int = TEST) -> Path:
    """Pictures of 8 x 8 of three classes; no two are equal, and the first pixel is the label."""
    random = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for part, count in (("train", TRAIN), ("t10k", test)):
        images = random.integers(0, 256, (count, 8, 8)).astype(np.uint8)
        labels = (np.arange(count) % 3).astype(np.uint8)
        images[:, 0, 0] = labels
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


def toys(**more: object) -> ShippedImageTask:
    quick = {"channels": (2, 2), "hidden": 4, "epochs": 2, "batch_size": 16}
    task = ShippedImageTask(
        INFO=TaskInfo(
            name="toys",
            title="Toys",
            description="Three kinds.",
            n_classes=3,
            teachers=(TeacherInfo("one", "One", "Knows two."), TeacherInfo("all", "All", "Knows all.")),
            default_teachers=("one", "all"),
            n_labelled=12,
            most_labelled=30,
            shifts=(ShiftInfo("grey", "Grey pictures", "One grey."),),
        ),
        files=ImageFiles("toys", "MTBKD_TOYS_FOLDER"),
        class_names=("ball", "kite", "doll"),
        recipes={"one": Recipe((0, 1), **quick), "all": Recipe((0, 1, 2), **quick)},  # type: ignore[arg-type]
        sizes=Sizes(student=30, validation=15, test=21),
        shipped_as="toys",
        origin_of_data=shipped.Origin("made here", "none", "place"),
        shifts={"grey": lambda: torch.full((2, 64), 0.5)},
    )
    return replace(task, **more)  # type: ignore[arg-type]


def load(task: ImageTask, split: str = "test", **data: int) -> Task:
    """The task with all of its teachers."""
    return task.load(DataConfig(teachers=tuple(task.recipes), **data), split, None, None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, session_home: Path) -> Path:
    """A folder with the images, and beside it the teachers' outputs."""
    folder = write_set(tmp_path_factory.mktemp("toys") / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTBKD_TOYS_FOLDER", str(folder))
        patch.setattr(shipped, "DATA", folder.parent / "data")
        task = toys()
        shipped.write("toys", task.rebuild(), task.origin())
    return folder


@pytest.fixture
def folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTBKD_TOYS_FOLDER", str(made))
    monkeypatch.setattr(shipped, "DATA", made.parent / "data")
    return made


# The split


def test_parts_are_of_the_sizes_asked_for_and_share_no_picture(folder: Path) -> None:
    task = toys()
    test, validation = load(task, n_labelled=30), load(task, "validation", n_labelled=30)
    parts = [{tuple(row) for row in x.tolist()} for x in (test.x_train, test.x_test, validation.x_test)]
    assert [len(part) for part in parts] == [30, 21, 15]
    assert len(set.union(*parts)) == 30 + 21 + 15
    assert torch.equal(test.x_train, validation.x_train)


def test_labels_belong_to_their_pictures_and_values_go_from_0_to_1(folder: Path) -> None:
    task = load(toys())
    for x, labels in ((task.x_train, task.y_train), (task.x_test, task.y_test)):
        assert torch.equal((255 * x[:, 0]).round().long(), labels)
    assert 0 <= task.x_test.min() < 0.1 < 0.9 < task.x_test.max() <= 1
    assert task.image_shape == (8, 8)


def test_the_seed_draws_other_pictures_of_the_student_s_part_and_nothing_else(folder: Path) -> None:
    task = toys()
    one, two = load(task, split_seed=0), load(task, split_seed=1)
    assert one.y_train.bincount().tolist() == [4, 4, 4]
    assert not torch.equal(one.x_train, two.x_train)
    assert torch.equal(one.x_test, two.x_test)
    assert torch.equal(one.teachers["all"].logits_test, two.teachers["all"].logits_test)


def test_logits_belong_to_the_picture_beside_them(folder: Path) -> None:
    """A picture drawn by two seeds has one answer; the whole part holds every answer of a smaller draw."""
    task = toys()
    some, whole = load(task, split_seed=0), load(task, split_seed=1, n_labelled=30)
    places = [int((whole.x_train == x).all(-1).nonzero()) for x in some.x_train]
    assert torch.equal(some.teachers["one"].logits_train, whole.teachers["one"].logits_train[places])


# Classes left out


def test_classes_left_out_are_in_no_example_and_no_logit_and_are_a_shift(folder: Path) -> None:
    info = replace(toys().INFO, n_classes=2, shifts=(ShiftInfo("left-out", "Kites", "Test images."),))
    whole = load(toys(), n_labelled=30)
    task = load(toys(INFO=info, left_out=(1,)), n_labelled=8)
    assert task.class_names == ("ball", "doll")
    assert task.y_train.bincount().tolist() == [4, 4]
    assert task.x_unlabelled is not None
    assert (255 * task.x_unlabelled[:, 0]).round().long().bincount().tolist() == [6, 0, 6]
    assert len(task.y_test) == 14
    assert (255 * task.shifts["left-out"][:, 0]).round().tolist() == [1] * 7
    place = int((whole.x_test == task.x_test[0]).all(-1).nonzero())
    expected = whole.teachers["all"].logits_test[place, [0, 2]]
    assert torch.equal(task.teachers["all"].logits_test[0], expected)


def test_shifts_are_those_that_are_announced(folder: Path) -> None:
    assert load(toys()).shifts["grey"].tolist() == [[0.5] * 64] * 2


# What is refused


def test_other_images_than_the_outputs_are_about_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"are not those of Toys; their digest is [0-9a-f]{16}, not 0123"):
        load(toys(digest="0123"))
    with pytest.raises(UserError, match=r"toys-teachers.safetensors: is about other images .* rebuild toys"):
        load(toys(sizes=Sizes(student=30, validation=15, test=20)))


def test_too_few_images_and_unknown_labels_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="are 40 test images, needed: at least 41"):
        load(toys(sizes=Sizes(30, 15, 41)))
    with pytest.raises(UserError, match="have a label 2, allowed: 0 to 1"):
        load(toys(class_names=("ball", "kite")))


def test_as_many_labels_as_images_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(39, np.uint8)))
    monkeypatch.setenv("MTBKD_TOYS_FOLDER", str(folder))
    with pytest.raises(UserError, match="holds 40 test images and 39 labels"):
        load(toys())


def test_images_that_change_on_the_disk_are_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_set(tmp_path / "set")
    monkeypatch.setenv("MTBKD_TOYS_FOLDER", str(folder))
    task = toys()
    before = task.image_pool().digest
    assert task.image_pool() is task.image_pool()
    write_set(folder, test=39)
    assert task.image_pool().digest != before


# Where the files are


def test_a_missing_set_is_refused_with_the_ways_to_get_it(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTBKD_FASHION_FOLDER", raising=False)
    nowhere = replace(FASHION, files=replace(FILES, installed=Path("/nowhere")))
    line = nowhere.missing()
    assert line is not None
    with pytest.raises(UserError) as caught:
        nowhere.fingerprint(DataConfig(), "test")
    assert str(caught.value) == line
    for way in ("MTBKD_FASHION_FOLDER", "dataset-fashion-mnist", "python -m mtbkd_core fetch fashion"):
        assert way in line
    assert "\n" not in line
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", "/nowhere")
    assert missing_data("fashion") == "MTBKD_FASHION_FOLDER: /nowhere is no folder"
    with pytest.raises(UserError, match="/nowhere is no folder"):
        load_task("fashion")


# The real thing


def test_the_digits_are_enlarged_to_the_size_of_the_clothes() -> None:
    images = digit_images()
    assert images.shape == (600, 784)
    assert images.min() >= 0
    assert images.max() <= 1


@needs_fashion
@pytest.mark.parametrize("task", [FASHION, FASHION_LEFT_OUT], ids=lambda task: str(task.INFO.name))
def test_teachers_of_clothing_know_their_part(task: ImageTask) -> None:
    loaded = load(task, "validation")
    assert loaded.y_train.bincount().tolist() == [task.INFO.n_labelled // task.INFO.n_classes] * task.INFO.n_classes
    kept = [label for label in range(10) if label not in task.left_out]
    for name, recipe in task.recipes.items():
        right = loaded.teachers[name].logits_test.argmax(-1) == loaded.y_test
        own = torch.isin(torch.tensor(kept)[loaded.y_test], torch.tensor(recipe.classes))
        assert right[own].float().mean() > 0.85, name
