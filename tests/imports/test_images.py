"""Image sets of one's own: checked, kept as a task, their teachers trained once; and what is wrong is one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core import Progress, UserError, default_config, load_task, task_info
from mtbkd_core.catalog.adding import forget
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import fingerprint, missing_data, own, untrained
from mtbkd_core.common import lock
from mtbkd_core.common.files import home, write_tensors
from mtbkd_core.common.progress import Cancelled
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.imports import images
from mtbkd_core.imports.images import ImageSet, path_of
from mtbkd_core.students.registry import build_student
from mtbkd_core.tasks.fashion import FASHION, FILES, clothing_images
from mtbkd_core.tasks.images import Sizes
from tests.tasks.test_images import idx, needs_fashion

SIZES = Sizes(student=36, validation=12, test=20)


def write_set(folder: Path, classes: int = 4, side: tuple[int, int] = (8, 10)) -> Path:
    """Random pictures; the first pixel of the second row is the label."""
    random = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for part, count in (("train", 120), ("t10k", 40)):
        images = random.integers(0, 256, (count, *side)).astype(np.uint8)
        labels = (np.arange(count) % classes).astype(np.uint8)
        images[:, 1, 0] = labels
        (folder / f"emnist-digits-{part.replace('t10k', 'test')}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"emnist-digits-{part.replace('t10k', 'test')}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


def teachers() -> Path:
    return home() / "teachers"


@pytest.fixture
def folder(tmp_path: Path, own_home: Path) -> Path:
    return write_set(tmp_path / "set")


def test_a_folder_becomes_a_task_whose_teachers_are_trained_once(folder: Path) -> None:
    import_images("marks", folder, title="Marks", sizes=SIZES, epochs=1)
    assert own() == ("marks",)
    info = task_info("marks")
    assert (info.title, info.n_classes, info.n_train, info.most_train) == ("Marks", 4, 36, 36)
    assert [teacher.title for teacher in info.teachers] == ["0, 1", "2, 3", "0, 2", "Generalist"]
    assert missing_data("marks") is None
    told: list[Progress] = []
    task = load_task("marks", on_progress=told.append)
    assert [progress.message for progress in told][-1] == "Training teacher 4 of 4: Generalist, epoch 1 of 1"
    assert task.image_shape == (8, 10)
    assert task.x_train.shape == (36, 80)
    assert torch.equal((255 * task.x_test[:, 10]).round().long(), task.y_test)
    assert [shift.name for shift in info.shifts] == list(task.shifts)
    assert set(task.teachers) == {"first-half", "second-half", "every-second", "generalist"}
    again: list[Progress] = []
    same = load_task("marks", on_progress=again.append)
    assert again == []
    assert torch.equal(same.teachers["generalist"].logits_test, task.teachers["generalist"].logits_test)


def test_a_small_set_is_divided_as_far_as_it_goes(folder: Path) -> None:
    import_images("marks", folder, epochs=1)
    info = task_info("marks")
    assert (info.n_train, info.most_train) == (30, 30)  # a quarter of 120; a tenth is for validation
    assert len(load_task("marks", teachers=["generalist"]).y_test) == 40
    assert len(load_task("marks", teachers=["generalist"], split="validation").y_test) == 12


def told_of(student: int) -> None:
    """Say in the home folder that there is a set with so many images for the student; the images are not looked at."""
    sizes = Sizes(student, validation=12, test=20)
    images.write(ImageSet("marks", "Marks", Path("nowhere"), tuple("abcd"), (8, 10), sizes=sizes))


def test_it_is_said_who_hears_what_of_the_images(own_home: Path) -> None:
    told_of(36)
    assert task_info("marks").description == (
        "Images of your own: 20 for testing. The student starts with 36 labelled ones. Teachers are trained on others, "
        "on this machine, once."
    )
    told_of(1_200)
    assert "labelled ones and 200 of which it hears from the teachers alone." in task_info("marks").description


@pytest.mark.parametrize(
    ("classes", "shape", "numbers", "kind"),
    [
        (45, (28, 28), 257, StudentKind.CNN),
        (46, (28, 28), 257, StudentKind.MLP),
        (4, (4, 400), 6_401, StudentKind.MLP),
        (4, (400, 4), 6_401, StudentKind.MLP),
        (100, (4, 4), 65, StudentKind.CNN),
    ],
)
def test_a_set_starts_with_an_mlp_where_a_cnns_laplace_approximation_would_be_too_large(
    own_home: Path, classes: int, shape: tuple[int, int], numbers: int, kind: StudentKind
) -> None:
    names = tuple(f"c{number}" for number in range(classes))
    sizes = Sizes(6_000, validation=100, test=100)
    images.write(ImageSet("marks", "Marks", Path("nowhere"), names, shape, sizes=sizes))
    chosen = default_config("marks").student
    assert chosen.kind is kind
    assert (8 * (numbers * classes) ** 2 <= 2**30) is (kind is StudentKind.CNN)
    convolutional = chosen.model_copy(update={"kind": StudentKind.CNN})
    assert build_student(convolutional, shape[0] * shape[1], classes, shape).sizes[-2] + 1 == numbers
    assert build_student(chosen, shape[0] * shape[1], classes, shape).fits_laplace


@pytest.mark.parametrize(
    ("student", "labelled", "unlabelled", "batch"),
    [(36, 36, 0, 36), (1_200, 1_000, 200, 250), (6_000, 1_000, 5_000, 250), (9_000, 1_000, 5_000, 250)],
)
def test_a_newcomers_student_is_shown_what_is_left_up_to_5000_and_warms_up_on_no_more_than_there_is(
    own_home: Path, student: int, labelled: int, unlabelled: int, batch: int
) -> None:
    told_of(student)
    config, info = default_config("marks"), task_info("marks")
    assert (info.n_train, info.most_train, config.data.n_labelled) == (labelled, student, None)
    assert info.check_n_unlabelled(config.data.n_unlabelled, config.data.n_labelled) == unlabelled
    # what was fitted to the clothes' teachers is not for others
    assert (config.prior.entropy_temperatures, config.prior.calibrated_teachers) == (None, False)
    assert (config.sampler.warm_start_batch_size, config.sampler.batch_size) == (batch, None)


def test_teachers_are_trained_as_they_are_asked_for_and_kept_one_by_one(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1)
    assert untrained("marks") == ("first-half", "second-half", "every-second", "generalist")
    load_task("marks", teachers=["generalist"])
    assert untrained("marks") == ("first-half", "second-half", "every-second")
    assert untrained("marks", ["generalist"]) == ()
    told: list[str] = []
    with pytest.raises(Cancelled):  # when the second of the three that are left is trained
        load_task(
            "marks",
            on_progress=lambda progress: told.append(progress.message),
            should_stop=lambda: any("teacher 2 of 3" in message for message in told),
        )
    assert untrained("marks") == ("every-second",)
    load_task("marks")
    assert untrained("marks") == ()
    assert not list(teachers().glob("*.checkpoint.*"))
    assert untrained("digits") == ()


def test_who_asks_for_teachers_that_another_trains_waits_and_can_be_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = import_images("marks", folder, sizes=SIZES, epochs=1)
    load_task("marks", teachers=["first-half"])
    (stamp,) = {path.stem.rpartition("-")[2] for path in teachers().glob("marks-*.safetensors")}
    lock_file = teachers() / f".marks-{stamp}.lock"
    told: list[str] = []
    with lock.hold(lock_file), pytest.raises(Cancelled):
        load_task(
            "marks",
            teachers=["generalist"],
            on_progress=lambda progress: told.append(progress.message),
            should_stop=lambda: len(told) > 1,
        )
    assert told == ["Another run is training them; waiting"] * 2
    assert task.untrained(["generalist"]) == ("generalist",)


def test_kept_outputs_that_are_damaged_are_one_line(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1)
    load_task("marks", teachers=["generalist"])
    (path,) = teachers().glob("marks-generalist-*.safetensors")
    write_tensors(path, {"generalist": torch.full((68, 4), float("nan"))})
    with pytest.raises(UserError, match="is not what it should be; delete it, and the teacher is trained anew"):
        load_task("marks", teachers=["generalist"])


def test_one_teachers_training_leaves_anothers_where_it_was(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=3)
    told: list[str] = []
    with pytest.raises(Cancelled):
        load_task(
            "marks",
            teachers=["generalist"],
            on_progress=lambda progress: told.append(progress.message),
            should_stop=lambda: len(told) == 2,
        )
    load_task("marks", teachers=["first-half"])
    told.clear()
    load_task("marks", teachers=["generalist"], on_progress=lambda progress: told.append(progress.message))
    assert [message.rpartition(", ")[2] for message in told] == ["epoch 3 of 3"]


def test_who_waited_finds_what_another_has_trained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1)
    load_task("marks", teachers=["generalist"])
    (path,) = teachers().glob("marks-generalist-*.safetensors")
    stamp = path.stem.rpartition("-")[2]
    aside = path.rename(path.with_suffix(".aside"))
    monkeypatch.setattr("mtbkd_core.tasks.images.train", None)  # nobody trains

    def bring(progress: Progress) -> None:
        aside.rename(path)

    with lock.hold(teachers() / f".marks-{stamp}.lock"):
        assert load_task("marks", teachers=["generalist"], on_progress=bring).teachers["generalist"].name


def test_other_images_under_the_same_name_are_another_task(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1)
    load_task("marks")
    before = task_info("marks").stamp
    images = folder / "emnist-digits-train-images-idx3-ubyte"
    changed = bytearray(images.read_bytes())
    changed[16:] = bytes(255 - value for value in changed[16:])
    images.write_bytes(changed)
    with pytest.raises(UserError, match="are not those of marks; their digest is"):
        load_task("marks")
    forget("marks")
    import_images("marks", folder, sizes=SIZES, epochs=1)
    assert task_info("marks").stamp != before
    assert len(untrained("marks")) == 4


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_class_of_few_images_is_named(folder: Path, part: str) -> None:
    count = {"train": 120, "test": 40}[part]
    labels = (np.arange(count) % 3).astype(np.uint8)
    labels[-4:] = 3
    (folder / f"emnist-digits-{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    needed = {"train": 20, "test": 5}[part]
    with pytest.raises(UserError, match=f"has 4 {part.replace('train', 'training')} images of class 3, needs {needed}"):
        import_images("marks", folder)


def test_one_image_is_no_plural(folder: Path) -> None:
    labels = (np.arange(120) % 3).astype(np.uint8)
    labels[0] = 3
    (folder / "emnist-digits-train-labels-idx1-ubyte").write_bytes(idx(labels))
    with pytest.raises(UserError, match="has 1 training image of class 3, needs 20 of each"):
        import_images("marks", folder)


def test_pictures_for_testing_of_another_size_are_refused(folder: Path, tmp_path: Path) -> None:
    other = write_set(tmp_path / "other", side=(8, 9)) / "emnist-digits-test-images-idx3-ubyte"
    other.replace(folder / other.name)
    with pytest.raises(UserError) as caught:
        import_images("marks", folder, sizes=SIZES)
    assert str(caught.value) == f"{folder}: its pictures are of 8 x 10 for training, 8 x 9 for testing"


def test_a_test_image_of_a_class_that_no_training_image_has_is_refused(folder: Path) -> None:
    labels = (np.arange(40) % 4).astype(np.uint8)
    labels[7] = 200
    (folder / "emnist-digits-test-labels-idx1-ubyte").write_bytes(idx(labels))
    with pytest.raises(UserError, match="a test image has the label 200, the training images go from 0 to 3"):
        import_images("marks", folder, sizes=SIZES)


def test_a_file_that_has_gone_is_one_line(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES)
    (folder / "more-ubyte").symlink_to("nowhere")
    with pytest.raises(UserError, match="more-ubyte: cannot be read"):
        load_task("marks")


def test_its_fingerprint_is_known_before_anything_is_trained(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1)
    config = default_config("marks")
    before = fingerprint(config)
    assert before == load_task("marks", teachers=config.data.teachers).fingerprint_of(config.data.teachers)


def test_pictures_on_their_side_are_turned(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1, transposed=True)
    task = load_task("marks", teachers=["generalist"])
    assert task.image_shape == (10, 8)
    assert torch.equal((255 * task.x_test[:, 1]).round().long(), task.y_test)


def test_of_several_sets_in_a_folder_the_prefix_says_which(folder: Path) -> None:
    for path in list(folder.iterdir()):
        other = path.with_name(path.name.replace("digits", "balanced"))
        other.write_bytes(b"not looked at" if "train" in path.name else path.read_bytes())
    with pytest.raises(UserError, match=r"has emnist-b\S+, emnist-d\S+; .* a prefix says which, as emnist-digits does"):
        import_images("marks", folder, sizes=SIZES, epochs=1)
    with pytest.raises(UserError, match=r"that begins with emnist-letters, has none$"):
        import_images("marks", folder, prefix="emnist-letters", sizes=SIZES, epochs=1)
    import_images("marks", folder, prefix="emnist-digits", sizes=SIZES, epochs=1)
    images._read.cache_clear()
    assert load_task("marks", teachers=["generalist"]).x_train.shape == (36, 80)


def test_it_is_forgotten_and_the_images_stay(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1)
    forget("marks")
    assert own() == ()
    assert len(list(folder.iterdir())) == 4
    with pytest.raises(UserError, match="name: got 'marks', imported are: none"):
        forget("marks")


def test_a_folder_that_has_gone_is_said(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(UserError, match="is no folder any more; forget the task and import it again"):
        load_task("marks")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "digits"}, "'digits' is a built-in task's"),
        ({"name": "No Name"}, "name: got 'No Name'"),
        ({"folder": Path("/nowhere")}, "folder: '/nowhere' is no folder"),
        ({"folder": Path("~nobody-here/images")}, "folder: '~nobody-here/images' can be no path"),
        ({"class_names": ["a", "b"]}, "classes: got 2 names, needs 4 different ones, for labels 0 to 3"),
        ({"class_names": ["a", "b", "b", "c"]}, "classes: 'b' is named twice, expected each class once"),
        ({"class_names": ["a", "b\nc", "d", "e"]}, r"classes: name 2 of 4: got 'b\nc', expected one line"),
        ({"title": "My\nmarks"}, r"title: got 'My\nmarks', expected one line"),
        ({"title": "m" * 61}, "title: got 61 letters, allowed: at most 60"),
        ({"classes": 8}, "has 15 training images of class 0, needs 20 of each"),
        ({"sizes": Sizes(6_000, 2_000, 2_000)}, "are 120 training images, needed: at least 8,001"),
    ],
)
def test_what_is_wrong_is_one_line_and_makes_no_task(folder: Path, changes: dict[str, object], said: str) -> None:
    asked = {"name": "marks", "folder": folder, "sizes": SIZES} | changes
    if classes := asked.pop("classes", None):
        write_set(folder, classes=classes)  # type: ignore[arg-type]
    with pytest.raises(UserError) as caught:
        import_images(**asked)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert own() == ()


def test_too_few_classes_and_a_name_that_is_taken(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has labels up to 1, needs 4 to 100 classes"):
        import_images("pair", write_set(tmp_path / "pair", classes=2), sizes=SIZES)
    import_images("marks", folder, sizes=SIZES)
    with pytest.raises(UserError, match="'marks' is there already"):
        import_images("marks", folder, sizes=SIZES)


def test_labels_that_no_image_has_and_pictures_that_are_too_small(tmp_path: Path, own_home: Path) -> None:
    gap = write_set(tmp_path / "gap")
    labels = np.array([0, 1, 3, 4] * 30, np.uint8)
    (gap / "emnist-digits-train-labels-idx1-ubyte").write_bytes(idx(labels))
    with pytest.raises(UserError, match="no training image has the label 2, needs every one from 0 to 4"):
        import_images("gap", gap, sizes=SIZES)
    with pytest.raises(UserError, match="its pictures are of 3 x 9, needs 4 pixels a side or more"):
        import_images("small", write_set(tmp_path / "small", side=(3, 9)), sizes=SIZES)
    least = write_set(tmp_path / "least", side=(4, 4))
    import_images("least", least, sizes=SIZES, epochs=1)
    assert load_task("least").x_train.shape == (36, 16)
    assert own() == ("least",)


@pytest.mark.parametrize("damage", ["{", "[]", '{"name": "marks"}'])
def test_a_torn_file_is_left_out(folder: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    import_images("marks", folder, sizes=SIZES)
    values = json.loads(path_of("marks").read_text())
    assert values["folder"] == str(folder)
    path_of("marks").write_text(damage)
    assert own() == ()
    assert "a task is left out" in caplog.text


def test_a_set_that_was_kept_without_a_digest_is_still_there(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1)
    values = json.loads(path_of("marks").read_text())
    del values["digest"]
    path_of("marks").write_text(json.dumps(values))
    assert own() == ("marks",)
    assert load_task("marks", teachers=["generalist"]).x_train.shape == (36, 80)


# Inputs from elsewhere


@pytest.fixture
def clothes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the images of clothes would be, with every file there and none that is looked at."""
    shelf = tmp_path / "clothes"
    shelf.mkdir()
    for name in FILES.sha256:
        (shelf / name).touch()
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", str(shelf))
    return shelf


def test_inputs_from_elsewhere_are_clothes_for_digits_and_digits_for_all_else(folder: Path, clothes: Path) -> None:
    import_images("marks", folder, class_names=["3", "1", "9", "0"], sizes=SIZES, epochs=1)
    assert [shift.name for shift in task_info("marks").shifts] == ["clothes"]
    import_images("more", folder, class_names=["3", "1", "9", "ten"], sizes=SIZES, epochs=1)
    assert [shift.name for shift in task_info("more").shifts] == ["digits"]


@needs_fashion
def test_clothes_that_are_called_by_numbers_are_not_held_against_clothes(own_home: Path) -> None:
    folder = FILES.folder()
    assert folder is not None
    import_images("wardrobe", folder)
    assert [shift.name for shift in task_info("wardrobe").shifts] == ["digits"]


def test_digits_have_no_inputs_from_elsewhere_while_there_are_no_clothes(
    folder: Path, clothes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", str(clothes / "nowhere"))
    import_images("marks", folder, sizes=SIZES, epochs=1)
    before, data = task_info("marks"), fingerprint(default_config("marks"))
    assert before.shifts == ()
    assert load_task("marks", teachers=["generalist"]).shifts == {}
    (clothes.parent / "empty").mkdir()
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", str(clothes.parent / "empty"))
    assert task_info("marks").shifts == ()
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", str(clothes))
    assert [shift.name for shift in task_info("marks").shifts] == ["clothes"]
    assert task_info("marks").stamp != before.stamp
    assert fingerprint(default_config("marks")) != data
    assert untrained("marks", ["generalist"]) == ()


@needs_fashion
def test_clothes_are_brought_to_the_size_of_the_pictures_as_they_stand(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1, transposed=True)
    pictures = load_task("marks", teachers=["generalist"]).shifts["clothes"]
    assert pictures.shape == (600, 80)
    whole = clothing_images((28, 28))
    shown = FASHION.shown()
    assert torch.equal(whole, shown.x[-2_000:][:600])
    assert shown.labels[-2_000:][:600].bincount().tolist() == [60] * 10
    # rows of a picture of 10 x 8 are 2.8 rows of one of 28 x 28, and are as dark
    rows, tall = pictures.reshape(600, 10, 8).mean(2), whole.reshape(600, 28, 28).mean(2)
    assert torch.corrcoef(torch.stack([rows[:, 0], tall[:, :3].mean(1)]))[0, 1] > 0.9
    assert torch.corrcoef(torch.stack([rows[:, 9], tall[:, 25:].mean(1)]))[0, 1] > 0.9
