"""Image tasks from IDX files: a split that leaks nothing, outputs that belong to the images, and classes left out.

A tiny set is written and its teachers are trained and shipped for real; the real Fashion-MNIST where it is installed.
"""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core import Progress, UserError, load_task, task_info
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.images.files import ImageFiles, find_file
from mtbkd_core.tasks.fashion import FASHION, FASHION_LEFT_OUT, FILES, digit_images
from mtbkd_core.tasks.images import ImageTask, ShippedImageTask, Sizes, spread
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
            n_train=12,
            most_train=30,
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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, session_home: Path) -> Path:
    """A folder with the images, and beside it what the teachers say of them."""
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


def test_every_beginning_of_an_order_has_the_classes_in_proportion() -> None:
    labels = np.array([0] * 60 + [1] * 30 + [2] * 10)
    order = spread(labels, 3)
    assert sorted(order) == list(range(100))
    for length in (10, 50, 90):
        counts = np.bincount(labels[order[:length]], minlength=3)
        assert np.abs(counts - length * np.array([0.6, 0.3, 0.1])).max() <= 1
    assert not np.array_equal(order, spread(labels, 4))
    assert np.array_equal(order, spread(labels, 3))


def test_parts_are_of_the_sizes_asked_for_and_share_no_picture(folder: Path) -> None:
    task = toys()
    test, validation = task.load(None, n_train=30), task.load(None, split="validation", n_train=30)
    parts = [{tuple(row) for row in x.tolist()} for x in (test.x_train, test.x_test, validation.x_test)]
    assert [len(part) for part in parts] == [30, 21, 15]
    assert len(set.union(*parts)) == 30 + 21 + 15
    assert torch.equal(test.x_train, validation.x_train)


def test_labels_belong_to_their_pictures_and_values_go_from_0_to_1(folder: Path) -> None:
    task = toys().load()
    for x, labels in ((task.x_train, task.y_train), (task.x_test, task.y_test)):
        assert torch.equal((255 * x[:, 0]).round().long(), labels)
    assert 0 <= task.x_test.min() < 0.1 < 0.9 < task.x_test.max() <= 1
    assert task.image_shape == (8, 8)


def test_the_seed_draws_other_pictures_of_the_student_s_part_and_nothing_else(folder: Path) -> None:
    task = toys()
    one, two = task.load(split_seed=0), task.load(split_seed=1)
    assert len(one.y_train) == 12
    assert one.y_train.bincount().tolist() == [4, 4, 4]
    assert not torch.equal(one.x_train, two.x_train)
    assert torch.equal(one.x_test, two.x_test)
    assert torch.equal(one.teachers["all"].logits_test, two.teachers["all"].logits_test)


def test_what_a_teacher_says_is_about_the_picture_beside_it(folder: Path) -> None:
    """A picture drawn by two seeds has one answer; the whole part holds every answer of a smaller draw."""
    task = toys()
    some, whole = task.load(split_seed=0), task.load(split_seed=1, n_train=30)
    places = [int((whole.x_train == x).all(-1).nonzero()) for x in some.x_train]
    assert torch.equal(some.teachers["one"].logits_train, whole.teachers["one"].logits_train[places])


def test_the_fingerprint_is_that_of_the_loaded_task_and_follows_seed_split_and_number(folder: Path) -> None:
    task = toys()
    loaded = task.load(["all"], split_seed=2)
    assert task.fingerprint(["all"], 2) == loaded.fingerprint_of(["all"])
    others = [task.fingerprint(["all"], 3), task.fingerprint(["one"], 2), task.fingerprint(["all"], 2, "validation")]
    others.append(task.fingerprint(["all"], 2, n_train=6))
    assert len({loaded.fingerprint_of(["all"]), *others}) == 5


# Classes left out


def test_classes_left_out_are_in_no_example_and_no_logit_and_are_a_shift(folder: Path) -> None:
    info = replace(toys().INFO, n_classes=2, shifts=(ShiftInfo("left-out", "Kites", "Test images."),))
    whole = toys().load(n_train=30)
    task = toys(INFO=info, left_out=(1,)).load(n_train=20)
    assert task.class_names == ("ball", "doll")
    assert task.y_train.bincount().tolist() == [10, 10]
    assert len(task.y_test) == 14
    assert list(task.shifts) == ["left-out"]
    assert (255 * task.shifts["left-out"][:, 0]).round().tolist() == [1] * 7
    place = int((whole.x_test == task.x_test[0]).all(-1).nonzero())
    expected = whole.teachers["all"].logits_test[place, [0, 2]]
    assert torch.equal(task.teachers["all"].logits_test[0], expected)


def test_shifts_are_those_that_are_announced(folder: Path) -> None:
    assert toys().load().shifts["grey"].tolist() == [[0.5] * 64] * 2


# What is refused


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"split": "train"}, "split: got 'train', allowed: test, validation"),
        ({"teachers": ["two"]}, "teachers: toys has no 'two'; toys has one, all"),
        ({"teachers": []}, "teachers: none is named"),
        ({"n_train": 31}, "data.n_labelled: got 31, allowed for toys: at most 30"),
    ],
)
def test_what_the_task_does_not_have_is_refused_in_one_line(folder: Path, asked: dict[str, object], line: str) -> None:
    with pytest.raises(UserError, match=f"^{line}"):
        toys().load(**asked)  # type: ignore[arg-type]


def test_other_images_than_the_outputs_are_about_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"are not those of Toys; their digest is [0-9a-f]{16}, not 0123"):
        toys(digest="0123").load()
    with pytest.raises(UserError, match=r"toys-teachers.safetensors: is about other images .* rebuild toys"):
        toys(sizes=Sizes(student=30, validation=15, test=20)).load()


def test_too_few_images_and_unknown_labels_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="are 40 test images, needed: at least 41"):
        toys(sizes=Sizes(30, 15, 41)).load()
    with pytest.raises(UserError, match="have a label 2, allowed: 0 to 1"):
        toys(class_names=("ball", "kite")).load()


def test_as_many_labels_as_images_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(39, np.uint8)))
    monkeypatch.setenv("MTBKD_TOYS_FOLDER", str(folder))
    with pytest.raises(UserError, match="holds 40 test images and 39 labels"):
        toys().load()


def test_images_that_change_on_the_disk_are_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_set(tmp_path / "set")
    monkeypatch.setenv("MTBKD_TOYS_FOLDER", str(folder))
    task = toys()
    before = task.shown().digest
    assert task.shown() is task.shown()
    write_set(folder, test=39)
    assert task.shown().digest != before


# Where the files are


def test_a_set_that_is_nowhere_says_how_to_get_it(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTBKD_FASHION_FOLDER", raising=False)
    nowhere = replace(FASHION, files=replace(FILES, installed=Path("/nowhere")))
    line = nowhere.missing()
    assert line is not None
    with pytest.raises(UserError) as caught:
        nowhere.fingerprint(None, 0)
    assert str(caught.value) == line
    for way in ("MTBKD_FASHION_FOLDER", "dataset-fashion-mnist", "python -m mtbkd_core fetch fashion"):
        assert way in line
    assert "\n" not in line
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", "/nowhere")
    assert missing_data("fashion") == "MTBKD_FASHION_FOLDER: /nowhere is no folder"
    with pytest.raises(UserError, match="/nowhere is no folder"):
        load_task("fashion")


def test_a_downloaded_set_counts_once_all_of_its_files_are_there(own_home: Path) -> None:
    files = replace(FILES, installed=None)
    files.fetched().mkdir(parents=True)
    for name in list(FILES.sha256)[:3]:
        (files.fetched() / name).touch()
    assert files.folder() is None
    (files.fetched() / list(FILES.sha256)[3]).touch()
    assert files.folder() == files.fetched()


def test_a_systems_folder_counts_with_all_of_its_files_and_is_not_downloaded_again(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MTBKD_FASHION_FOLDER", raising=False)
    monkeypatch.setattr("pooch.retrieve", None)
    files = replace(FILES, installed=tmp_path)
    for name in FILES.sha256:
        assert files.folder() is None
        assert files.can_fetch()
        (tmp_path / name).touch()
    assert not files.can_fetch()
    assert files.fetch() == files.folder() == tmp_path
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", str(tmp_path / "empty"))
    with pytest.raises(UserError, match=r"empty: needs one file .*train-images.* of train data, has none$"):
        files.fetch()


def test_a_download_is_checked_and_tells_which_file_it_is_at(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    import pooch

    content = {"train-labels-idx1-ubyte": b"labels", "t10k-labels-idx1-ubyte": b"more"}

    class Shelf:
        def __init__(self, **settings: object) -> None: ...

        def __call__(self, url: str, output_file: str, pooch: object) -> None:
            Path(output_file).write_bytes(content[url.rsplit("/", 1)[1]])

    monkeypatch.setattr(pooch, "HTTPDownloader", Shelf)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    files = ImageFiles("toys", "MTBKD_TOYS_FOLDER", url="http://shelf/", sha256=digests)
    told: list[Progress] = []
    folder = files.fetch(told.append)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == content
    assert [progress.message.split()[1] for progress in told] == list(content)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(b"torn")
    assert (files.fetch() / "t10k-labels-idx1-ubyte").read_bytes() == b"more"
    wrong = replace(files, name="wrong", sha256={**digests, "t10k-labels-idx1-ubyte": "0" * 64})
    with pytest.raises(UserError, match=r"^http://shelf/t10k-labels-idx1-ubyte: cannot be downloaded"):
        wrong.fetch()


def test_files_are_found_by_what_all_such_sets_call_them(tmp_path: Path) -> None:
    for name in ("emnist-digits-train-images-idx3-ubyte.gz", "emnist-digits-test-images-idx3-ubyte.gz"):
        (tmp_path / name).touch()
    assert find_file(tmp_path, "train", 3).name.startswith("emnist-digits-train")
    assert find_file(tmp_path, "test", 3).name.startswith("emnist-digits-test")
    (tmp_path / "t10k-images.idx3-ubyte").touch()
    with pytest.raises(UserError, match=r"needs one file .* of test data, has emnist-.*, t10k-images"):
        find_file(tmp_path, "test", 3)
    with pytest.raises(UserError, match=r"has none$"):
        find_file(tmp_path, "train", 1)


def test_of_a_file_that_is_there_zipped_and_not_the_one_that_is_not_is_read(tmp_path: Path) -> None:
    for name in ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"):
        (tmp_path / name).touch()
    assert find_file(tmp_path, "train", 3).name == "train-images-idx3-ubyte"
    assert find_file(tmp_path, "test", 3).name == "t10k-images-idx3-ubyte.gz"


# The real thing


def test_the_digits_are_enlarged_to_the_size_of_the_clothes() -> None:
    images = digit_images()
    assert images.shape == (600, 784)
    assert images.min() >= 0
    assert images.max() <= 1


@needs_fashion
@pytest.mark.parametrize("task", [FASHION, FASHION_LEFT_OUT], ids=lambda task: str(task.INFO.name))
def test_fashion_loads_with_teachers_that_know_their_part(task: ImageTask) -> None:
    loaded = task.load(split="validation")
    info = task_info(task.INFO.name)
    assert (len(loaded.y_train), loaded.n_classes) == (info.n_train, info.n_classes)
    assert loaded.y_train.bincount().tolist() == [info.n_train // info.n_classes] * info.n_classes
    assert list(loaded.shifts) == [shift.name for shift in info.shifts]
    kept = [label for label in range(10) if label not in task.left_out]
    for name, recipe in task.recipes.items():
        right = loaded.teachers[name].logits_test.argmax(-1) == loaded.y_test
        own = torch.isin(torch.tensor(kept)[loaded.y_test], torch.tensor(recipe.classes))
        assert right[own].float().mean() > 0.85, name


# Images without labels


def test_the_rest_of_the_students_part_is_there_without_labels(folder: Path) -> None:
    some, whole = toys().load(n_train=12), toys().load(n_train=30)
    assert some.x_unlabelled is not None
    assert torch.equal(torch.cat([some.x_train, some.x_unlabelled]), whole.x_train)
    assert whole.x_unlabelled is not None
    assert not len(whole.x_unlabelled)
    teacher = some.teachers["one"]
    assert teacher.logits_unlabelled is not None
    expected = whole.teachers["one"].logits_train
    assert torch.equal(torch.cat([teacher.logits_train, teacher.logits_unlabelled]), expected)


def test_classes_left_out_are_among_the_images_without_labels_neither(folder: Path) -> None:
    info = replace(toys().INFO, n_classes=2, shifts=(ShiftInfo("left-out", "Kites", "Test images."),))
    task = toys(INFO=info, left_out=(1,)).load(n_train=8)
    assert task.x_unlabelled is not None
    shown = (255 * task.x_unlabelled[:, 0]).round().long()
    assert shown.bincount(minlength=3).tolist() == [6, 0, 6]
    logits = task.teachers["all"].logits_unlabelled
    assert logits is not None
    assert logits.shape == (12, 2)


def test_a_lesson_is_the_labelled_images_and_then_the_others(folder: Path) -> None:
    task = toys().load(n_train=12)
    lesson = task.lesson(["all", "one"], 7)
    assert lesson.labels.tolist() == [*task.y_train.tolist(), *[-1] * 7]
    assert task.x_unlabelled is not None
    assert torch.equal(lesson.x, torch.cat([task.x_train, task.x_unlabelled[:7]]))
    for said, name in zip(lesson.teacher_logits, ("all", "one"), strict=True):
        teacher = task.teachers[name]
        assert teacher.logits_unlabelled is not None
        assert torch.equal(said, torch.cat([teacher.logits_train, teacher.logits_unlabelled[:7]]))
    plain = task.lesson(["one"])
    assert torch.equal(plain.x, task.x_train)
    assert torch.equal(plain.labels, task.y_train)


def test_more_images_without_labels_than_there_are_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"^data.n_unlabelled: got 19, allowed for toys: at most 18$"):
        toys().load(n_train=12).lesson(["one"], 19)
