"""Teachers' own outputs for images: by order or by the file's name, in place of trained teachers or beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core import UserError, default_config, load_task, task_info
from mtbkd_core.catalog.adding import forget
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import fingerprint, untrained
from mtbkd_core.common.progress import UserErrors
from mtbkd_core.imports import image_sets
from mtbkd_core.imports.image_outputs import TeacherFiles
from mtbkd_core.imports.image_task import OwnImageTask
from tests.imports.files import write_csv

COUNTS = {"train": 120, "test": 40}


def outputs_of(labels: np.ndarray, seed: int = 0, classes: int = 4) -> np.ndarray:
    """Logits [N, C] of which the first column tells the row, of a teacher that mostly names the label."""
    random = np.random.default_rng(seed)
    return np.round(3 * np.eye(classes)[labels] + random.normal(size=(len(labels), classes)), 4)


def write_outputs(folder: Path, who: str, seed: int = 0) -> tuple[Path, Path]:
    """A teacher's files for the images of `write_images`, without a header."""
    paths = [
        write_csv(folder / f"{who}-{part}.csv", None, outputs_of(np.arange(count) % 4, seed).tolist())
        for part, count in COUNTS.items()
    ]
    return paths[0], paths[1]


def given(folder: Path, seed: int = 0, **more: bool) -> TeacherFiles:
    train, test = write_outputs(folder, "mine", seed)
    return TeacherFiles({"mine": train}, {"mine": test}, **more)


def imported(folder: Path, files: TeacherFiles, **more: object) -> OwnImageTask:
    return import_images("marks", folder, title="Marks", epochs=1, outputs=files, **more)  # type: ignore[arg-type]


def logits_by_image(teacher: str = "mine") -> dict[bytes, list[float]]:
    """A teacher's logits by the image that a student is shown, of every part."""
    task = load_task("marks", teachers=[teacher])
    x = torch.cat([task.x_train, task.x_test, task.x_unlabelled])  # type: ignore[list-item]
    found = task.teachers[teacher]
    logits = torch.cat([found.logits_train, found.logits_test, found.logits_unlabelled])  # type: ignore[list-item]
    pictures = (255 * x).round().to(torch.uint8).numpy()
    return {image.tobytes(): row for image, row in zip(pictures, logits.tolist(), strict=True)}


# Rows


def test_each_image_has_the_outputs_that_stand_in_its_row(folder: Path, tmp_path: Path) -> None:
    task = imported(folder, given(tmp_path))
    found = logits_by_image()
    for part, count in COUNTS.items():
        for image, row in zip(task.files.read(part)[0], outputs_of(np.arange(count) % 4), strict=True):
            if image.tobytes() in found:
                assert found[image.tobytes()] == pytest.approx(row.tolist(), abs=1e-4)
    assert len(found) > COUNTS["test"] + COUNTS["train"] / 2


def names_of(spelled: str) -> list[str]:
    return [spelled.format(folder="abc"[place % 3], name=f"im{place:03}") for place in range(75)]


def write_named(path: Path, names: Sequence[str], order: Sequence[int] = range(75)) -> Path:
    logits = outputs_of(np.arange(75) % 3, classes=3)
    return write_csv(path, ["picture", "a", "b", "c"], [[names[row], *logits[row].tolist()] for row in order])


def shuffled() -> list[int]:
    return np.random.default_rng(3).permutation(75).tolist()


def check_rows() -> None:
    expected = outputs_of(np.arange(75) % 3, classes=3)
    found = logits_by_image()
    assert len(found) == 63  # and twelve for validation
    for image, row in found.items():
        assert row == pytest.approx(expected[image[0]].tolist(), abs=1e-4)


@pytest.mark.parametrize(
    "spelled",
    ["{folder}/{name}.png", "/data/set/{folder}/{name}.png", r"C:\set\{folder}\{name}.png", "{name}.png", "{name}"],
)
def test_pictures_are_matched_by_their_files_names_however_these_are_spelled(
    by_class: Path, tmp_path: Path, spelled: str
) -> None:
    said: list[str] = []
    file = write_named(tmp_path / "mine.csv", names_of(spelled), shuffled())
    imported(by_class, TeacherFiles({"mine": file}), say=said.append)
    check_rows()
    assert any("joined with those of the image set by 'picture'" in line for line in said)


@pytest.mark.parametrize("zeros", [1, 5])
def test_pictures_may_be_called_by_numbers(by_class: Path, tmp_path: Path, zeros: int) -> None:
    for path in sorted(by_class.glob("*/*.png")):
        path.rename(path.with_name(f"{7 * int(path.stem[2:]):0{zeros}}.png"))
    logits = outputs_of(np.arange(75) % 3, classes=3)
    rows = [[7 * row, *logits[row].tolist()] for row in shuffled()]
    imported(by_class, TeacherFiles({"mine": write_csv(tmp_path / "mine.csv", ["path", "a", "b", "c"], rows)}))
    check_rows()


def test_without_names_a_file_is_in_the_order_of_the_folders(by_class: Path, tmp_path: Path) -> None:
    said: list[str] = []
    order = sorted(range(75), key=lambda place: (place % 3, place))
    rows = outputs_of(np.arange(75) % 3, classes=3)[order].tolist()
    imported(by_class, TeacherFiles({"mine": write_csv(tmp_path / "mine.csv", None, rows)}), say=said.append)
    check_rows()
    assert any("their order could not be checked" in line for line in said)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({3: "a/other.png"}, "'a/other.png', which the image set has in no row"),
        ({3: "b/im004.png"}, "'b/im004.png', which stands in mine.csv: line"),
    ],
)
def test_a_name_that_is_foreign_or_doubled_is_refused(
    by_class: Path, tmp_path: Path, change: Mapping[int, str], problem: str
) -> None:
    names = [change.get(place, name) for place, name in enumerate(names_of("{folder}/{name}.png"))]
    with pytest.raises(UserError, match=r"^mine\.csv: line") as raised:
        imported(by_class, TeacherFiles({"mine": write_named(tmp_path / "mine.csv", names)}))
    assert problem in str(raised.value)


def test_a_first_row_without_a_header_may_hold_a_number_twice(by_class: Path, tmp_path: Path) -> None:
    rows = np.eye(3)[np.arange(75) // 25] + 0.25
    imported(by_class, TeacherFiles({"mine": write_csv(tmp_path / "mine.csv", None, rows.tolist())}))
    assert "names 100.0% of the labels" in task_info("marks").teachers[0].description


def test_a_name_that_two_pictures_have_is_refused(by_class: Path, tmp_path: Path) -> None:
    (by_class / "b" / "im003.png").write_bytes((by_class / "a" / "im003.png").read_bytes())
    names = names_of("{name}.png")
    with pytest.raises(UserError, match=r"'im003\.png' may be 'a/im003\.png' and 'b/im003\.png': expected the folder"):
        imported(by_class, TeacherFiles({"mine": write_named(tmp_path / "mine.csv", names)}))


# Which teachers there are


def test_they_stand_in_place_of_trained_ones_and_the_student_gets_their_images(folder: Path, tmp_path: Path) -> None:
    imported(folder, given(tmp_path))
    info = task_info("marks")
    assert [teacher.name for teacher in info.teachers] == ["mine"]
    assert (info.n_labelled, untrained("marks")) == (96, ())
    assert "names " in info.teachers[0].description
    assert "trained" not in info.description
    assert "not told that no teacher was trained on these" in info.remark


def test_they_stand_beside_trained_ones_where_that_is_asked_for(folder: Path, tmp_path: Path) -> None:
    imported(folder, given(tmp_path, beside=True))
    names = ("mine", "first-half", "second-half", "every-second", "generalist")
    assert untrained("marks") == names[1:]
    assert default_config("marks").data.teachers == names[:-1]
    task = load_task("marks", teachers=[names[0], names[-1]])
    assert [teacher.network is None for teacher in task.teachers.values()] == [True, False]


def test_a_teacher_of_a_trained_ones_name_is_refused_beside_it(folder: Path, tmp_path: Path) -> None:
    train, test = write_outputs(tmp_path, "generalist")
    files = TeacherFiles({"generalist": train}, {"generalist": test}, beside=True)
    with pytest.raises(UserError, match="'generalist' is one that is trained on this machine"):
        imported(folder, files)


def test_teachers_that_saw_no_label_are_calibrated_on_the_students(folder: Path, tmp_path: Path) -> None:
    imported(folder, given(tmp_path, unseen=True))
    prior = default_config("marks").prior
    assert prior.calibrated_teachers
    assert prior.entropy_temperatures not in (None, (1.0,))
    assert task_info("marks").remark == ""


def test_a_teacher_may_know_some_classes_alone_or_leave_a_rest(by_class: Path, tmp_path: Path) -> None:
    names = names_of("{folder}/{name}.png")
    some = write_csv(
        tmp_path / "some.csv", ["file", "a", "b"], [[name, 2.0, place] for place, name in enumerate(names)]
    )
    rest = [[name, 0.6, 0.3] for name in names]
    imported(by_class, TeacherFiles({"some": some, "rest": write_csv(tmp_path / "rest.csv", ["file", "a", "b"], rest)}))
    task = load_task("marks")
    assert torch.isneginf(task.teachers["some"].logits_test[:, 2]).all()
    assert "knows 'a', 'b'" in task.teachers["some"].description
    assert set(task.teachers["rest"].together) == {"train", "test", "unlabelled"}
    assert task.teachers["rest"].together["test"].tolist() == [[False, False, True]] * 15


# What is wrong


def test_everything_that_is_wrong_is_named_at_once_and_nothing_is_kept(
    folder: Path, tmp_path: Path, own_home: Path
) -> None:
    train, test = write_outputs(tmp_path, "mine")
    few = write_csv(tmp_path / "few.csv", None, outputs_of(np.arange(7) % 4).tolist())
    with pytest.raises(UserErrors) as raised:
        imported(folder, TeacherFiles({"mine": few, "other": train}, {"mine": test, "other": few}))
    assert [problem.partition(", ")[0] for problem in raised.value.problems] == ["few.csv: has 7 rows"] * 2
    assert not list((own_home / "image-sets").glob("*"))


def test_a_teacher_without_a_file_for_the_test_images_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="teacher mine: has no file for the test images"):
        imported(folder, TeacherFiles({"mine": write_outputs(tmp_path, "mine")[0]}))


def test_a_teacher_that_is_no_better_than_chance_is_told_of(folder: Path, tmp_path: Path) -> None:
    files = given(tmp_path)
    write_csv(files.teachers["mine"], None, outputs_of(np.random.default_rng(5).permutation(120) % 4).tolist())
    said: list[str] = []
    imported(folder, files, say=said.append)
    assert any(line.startswith("warning: mine-train.csv") and "no better than chance" in line for line in said)
    assert "no better than chance" in task_info("marks").teachers[0].description


# What is kept


def test_other_outputs_are_another_task(folder: Path, tmp_path: Path, own_home: Path) -> None:
    imported(folder, given(tmp_path))
    before, data = task_info("marks").stamp, fingerprint(default_config("marks"))
    task = load_task("marks")
    assert task.fingerprint_of(["mine"]) == data
    imported(folder, given(tmp_path, seed=1), replaces=True)
    assert task_info("marks").stamp != before
    assert fingerprint(default_config("marks")) != data
    assert len(list((own_home / "image-sets").glob("*/"))) == 1
    forget("marks")
    assert not list((own_home / "image-sets").glob("*"))


def test_kept_outputs_that_are_others_are_one_line(folder: Path, tmp_path: Path, own_home: Path) -> None:
    imported(folder, given(tmp_path))
    (path,) = (own_home / "image-sets").glob("*/teachers.safetensors")
    path.unlink()
    with pytest.raises(UserError, match="is not what was imported; forget the task marks and import it again"):
        load_task("marks")


def test_a_set_of_a_former_version_keeps_its_stamp(marks: OwnImageTask) -> None:
    (images,) = image_sets.found()
    assert not any(name in repr(images) for name in ("given", "outputs", "trains", "unseen"))
