"""What an image set of one's own starts with: settings, a student, and out-of-distribution inputs."""

from pathlib import Path

import pytest
import torch

from mtbkd_core import default_config, load_task, task_info
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import fingerprint, untrained
from mtbkd_core.config.choices import FeatureKind
from mtbkd_core.imports import image_sets
from mtbkd_core.imports.image_sets import ImageSet
from mtbkd_core.students.registry import build_student
from mtbkd_core.tasks.fashion import FASHION, FILES, clothing_images
from mtbkd_core.tasks.images import Sizes
from tests.imports.files import SIZES
from tests.tasks.test_images import needs_fashion


def write(student: int, classes: int = 4, shape: tuple[int, int] = (8, 10)) -> None:
    """Say in the home folder that there is a set with so many images for the student; there are no images."""
    names = tuple(f"c{number}" for number in range(classes))
    sizes = Sizes(student, validation=12, test=20)
    image_sets.write(ImageSet("marks", "Marks", Path("nowhere"), names, shape, sizes=sizes))


@pytest.mark.parametrize(
    ("student", "labelled", "unlabelled"),
    [(36, 36, 0), (1_200, 1_000, 200), (6_000, 1_000, 3_000), (9_000, 1_000, 3_000)],
)
def test_at_first_a_student_gets_what_is_left_up_to_3000(
    own_home: Path, student: int, labelled: int, unlabelled: int
) -> None:
    write(student)
    config, info = default_config("marks"), task_info("marks")
    assert (info.n_labelled, info.most_labelled, config.data.n_labelled) == (labelled, student, None)
    assert info.check_unlabelled(config.data.n_unlabelled, config.data.n_labelled) == unlabelled
    assert (f"and {unlabelled:,} for which it has only the teachers' answers" in info.description) is (unlabelled > 0)
    # what was fitted to the clothes' teachers is not for others
    assert (config.prior.entropy_temperatures, config.prior.calibrated_teachers) == (None, False)


@pytest.mark.parametrize(
    ("shape", "features"),
    [((28, 28), FeatureKind.PATCHES), ((6, 400), FeatureKind.PATCHES), ((400, 5), FeatureKind.NONE)],
)
def test_a_student_sees_patches_where_the_pictures_are_large_enough_for_one(
    own_home: Path, shape: tuple[int, int], features: FeatureKind
) -> None:
    write(6_000, 4, shape)
    assert default_config("marks").student.features is features


def test_the_students_last_layer_has_a_laplace_approximation(own_home: Path) -> None:
    write(6_000, 40, (64, 64))
    config = default_config("marks").student
    assert build_student(config, config.n_features, 40).fits_laplace


@pytest.fixture
def clothes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the images of clothes would be, with every file there and none that is read."""
    shelf = tmp_path / "clothes"
    shelf.mkdir()
    for name in FILES.sha256:
        (shelf / name).touch()
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", str(shelf))
    return shelf


def shifts(name: str = "marks") -> list[str]:
    return [shift.name for shift in task_info(name).shifts]


def test_other_inputs_are_clothes_for_digits_and_digits_for_all_else(folder: Path, clothes: Path) -> None:
    import_images("marks", folder, class_names=["3", "1", "9", "0"], sizes=SIZES, epochs=1)
    assert shifts() == ["clothes"]
    import_images("more", folder, class_names=["3", "1", "9", "ten"], sizes=SIZES, epochs=1)
    assert shifts("more") == ["digits"]


@needs_fashion
def test_clothes_that_are_called_by_numbers_are_not_compared_with_clothes(own_home: Path) -> None:
    folder = FILES.folder()
    assert folder is not None
    import_images("wardrobe", folder)
    assert shifts("wardrobe") == ["digits"]


def test_digits_have_no_other_inputs_while_there_are_no_clothes(
    folder: Path, clothes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clothes.parent / "empty").mkdir()
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", str(clothes.parent / "empty"))
    import_images("marks", folder, sizes=SIZES, epochs=1)
    before, data = task_info("marks"), fingerprint(default_config("marks"))
    assert load_task("marks", teachers=["generalist"]).shifts == {}
    for name, there in (("empty", []), ("nowhere", []), ("clothes", ["clothes"])):
        monkeypatch.setenv("MTBKD_FASHION_FOLDER", str(clothes.parent / name))
        assert shifts() == there
    assert task_info("marks").stamp != before.stamp
    assert fingerprint(default_config("marks")) != data
    assert untrained("marks", ["generalist"]) == ()


@needs_fashion
def test_clothes_are_brought_to_the_size_of_the_pictures_as_they_stand(folder: Path) -> None:
    import_images("marks", folder, sizes=SIZES, epochs=1, transposed=True)
    pictures = load_task("marks", teachers=["generalist"]).shifts["clothes"]
    assert pictures.shape == (600, 80)
    whole = clothing_images((28, 28))
    pool = FASHION.image_pool()
    assert torch.equal(whole, pool.x[-2_000:][:600])
    assert pool.labels[-2_000:][:600].bincount().tolist() == [60] * 10
    # rows of a picture of 10 x 8 are 2.8 rows of one of 28 x 28, and are as dark
    rows, tall = pictures.reshape(600, 10, 8).mean(2), whole.reshape(600, 28, 28).mean(2)
    assert torch.corrcoef(torch.stack([rows[:, 0], tall[:, :3].mean(1)]))[0, 1] > 0.9
    assert torch.corrcoef(torch.stack([rows[:, 9], tall[:, 25:].mean(1)]))[0, 1] > 0.9
