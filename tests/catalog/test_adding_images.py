"""A folder of images is checked before it becomes a task; what is wrong is one line and makes none."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtbkd_core import UserError, load_task
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import own
from mtbkd_core.tasks.images import Sizes
from tests.imports.files import SIZES, write_idx, write_images


@pytest.fixture
def folder(tmp_path: Path, own_home: Path) -> Path:
    return write_images(tmp_path / "set")


def refused(images: Path, **changes: object) -> str:
    with pytest.raises(UserError) as raised:
        import_images(**({"name": "marks", "folder": images, "sizes": SIZES} | changes))  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    assert own() == ()
    return str(raised.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
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
        ({"prefix": "emnist-letters"}, "that begins with emnist-letters, has none"),
        ({"sizes": Sizes(6_000, 2_000, 2_000)}, "are 120 training images, needed: at least 8,001"),
    ],
)
def test_what_is_asked_for_and_cannot_be_is_refused(folder: Path, changes: dict[str, object], problem: str) -> None:
    assert problem in refused(folder, **changes)


@pytest.mark.parametrize(
    ("part", "labels", "problem"),
    [
        ("train", [0] * 120, "has labels up to 0, needs 2 to 100 classes"),
        ("train", [0, 1, 3, 4] * 30, "no training image has the label 2, needs every one from 0 to 4"),
        (
            "train",
            [*range(8)] * 15,
            "has 15 training images of class 0, needs 20 of each: a quarter is for the student",
        ),
        ("train", [3, *[0, 1, 2] * 39, 0, 1], "has 1 training image of class 3, needs 20 of each"),
        ("test", [3] * 4 + [0, 1, 2] * 12, "has 4 test images of class 3, needs 5 of each"),
        ("test", [200, *[0, 1, 2] * 13], "a test image has the label 200, the training images go from 0 to 3"),
    ],
)
def test_labels_that_make_no_task_are_refused(folder: Path, part: str, labels: list[int], problem: str) -> None:
    write_idx(folder, f"{part}-labels-idx1", np.array(labels))
    assert problem in refused(folder)


def test_pictures_of_two_sizes_or_too_small_are_refused(folder: Path, tmp_path: Path) -> None:
    write_idx(folder, "test-images-idx3", np.zeros((40, 8, 9)))
    assert refused(folder) == f"{folder}: its pictures are of 8 x 10 for training, 8 x 9 for testing"
    small = write_images(tmp_path / "small", side=(3, 9))
    assert "its pictures are of 3 x 9, needs 4 pixels a side or more" in refused(small)
    import_images("least", write_images(tmp_path / "least", side=(4, 4)), sizes=SIZES, epochs=1)
    assert load_task("least").x_train.shape == (36, 16)


def test_a_folder_with_too_few_pictures_for_testing_is_told_so(own_home: Path, tmp_path: Path) -> None:
    for place in range(12):
        file = tmp_path / "pictures" / "abc"[place % 3] / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), place).save(file)
    problem = refused(tmp_path / "pictures")
    assert problem == f"{tmp_path / 'pictures'}: its 12 pictures are too few to keep some for testing"


def test_a_name_that_is_taken_is_refused(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES)
    with pytest.raises(UserError, match="'marks' is there already"):
        import_images("marks", folder, sizes=SIZES)


def test_of_several_sets_in_a_folder_the_prefix_says_which(folder: Path) -> None:
    for path in list(folder.iterdir()):
        other = path.with_name(path.name.replace("digits", "balanced"))
        other.write_bytes(b"not read" if "train" in path.name else path.read_bytes())
    problem = refused(folder)
    assert "has emnist-balanced-train-images-idx3-ubyte, emnist-digits-train-images-idx3-ubyte; " in problem
    assert problem.endswith("a prefix says which, as emnist-digits does")
    import_images("marks", folder, prefix="emnist-digits", sizes=SIZES, epochs=1)
    assert load_task("marks", teachers=["generalist"]).x_train.shape == (36, 80)
