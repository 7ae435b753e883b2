"""Images of which a student sees embeddings: rows by names or in order, pictures to show, and what is wrong."""

from base64 import b64decode
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from mtbkd_core import UserError, default_config, load_task, task_info
from mtbkd_core.catalog.adding import forget, import_embedded, owners_of
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import fingerprint, own
from mtbkd_core.common.owners import write_owners
from mtbkd_core.common.progress import UserErrors
from mtbkd_core.images.idx import write_idx
from mtbkd_core.imports import image_sets
from mtbkd_core.imports.check import Checked
from mtbkd_core.imports.embedded import EmbeddedImages, check_embedded
from mtbkd_core.imports.image_outputs import TeacherFiles
from tests.imports.files import write_csv
from tests.imports.hub.made import picture_model
from tests.imports.test_image_outputs import COUNTS, given, names_of, outputs_of, shuffled, write_named

#: What the student sees of the picture whose every pixel is its number.
WIDTH = 5


def vector(place: int) -> list[float]:
    return [place, *np.round(np.random.default_rng(place).normal(size=WIDTH - 1), 4)]


def named(path: Path, names: Sequence[str], places: Sequence[int] = range(75)) -> Path:
    """Embeddings with a column of names."""
    header = ["picture", *(f"f{place}" for place in range(WIDTH))]
    return write_csv(path, header, [[names[place], *vector(place)] for place in places])


def in_order(path: Path) -> Path:
    """Embeddings in the order of the folders and names."""
    order = sorted(range(75), key=lambda place: (place % 3, place))
    np.save(path, np.array([vector(place) for place in order]))
    return path


@pytest.fixture
def teacher(tmp_path: Path, own_home: Path) -> TeacherFiles:
    return TeacherFiles({"mine": write_named(tmp_path / "mine.csv", names_of("{folder}/{name}.png"), shuffled())})


def check(folder: Path, outputs: TeacherFiles | None, **more: Any) -> Checked:
    return check_embedded("marks", EmbeddedImages(folder, outputs, **more))


def refused(folder: Path, outputs: TeacherFiles | None, **more: Any) -> str:
    with pytest.raises(UserError) as raised:
        check(folder, outputs, **more)
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value)


def check_rows(found: Checked, first: str = "abc") -> None:
    """Each row has its own picture's embeddings, label, outputs, name and thumbnail."""
    expected = outputs_of(np.arange(75) % 3, classes=3)
    seen = []
    for rows in found.data.parts().values():
        for row in range(len(rows)):
            place = round(float(rows.features[row, 0]))
            seen.append(place)
            assert rows.features[row].tolist() == pytest.approx(vector(place), abs=1e-4)
            assert rows.labels[row] == place % 3
            assert rows.logits["mine"][row].tolist() == pytest.approx(expected[place].tolist(), abs=1e-4)
            assert rows.accessions[row] == f"{first[place % 3]}/im{place:03}.png"
            assert np.asarray(thumbnail(rows.shown[row])).mean() == pytest.approx(place, abs=2)
    assert sorted(seen) == list(range(75))
    assert len(found.data.test or ()) == 15


def thumbnail(uri: str) -> Image.Image:
    return Image.open(BytesIO(b64decode(uri.removeprefix("data:image/jpeg;base64,"))))


# Rows


@pytest.mark.parametrize("spelled", ["{folder}/{name}.png", "/data/{folder}/{name}.png", "{name}.png", "{name}"])
def test_embeddings_are_matched_by_the_pictures_names_however_these_are_spelled(
    by_class: Path, tmp_path: Path, teacher: TeacherFiles, spelled: str
) -> None:
    found = check(by_class, teacher, embeddings=named(tmp_path / "emb.csv", names_of(spelled), shuffled()))
    check_rows(found)
    assert any("emb.csv" in line and "joined with those of the image set by 'picture'" in line for line in found.notes)
    assert any("Every fifth picture" in line for line in found.notes)
    assert found.data.about.feature_names == tuple(f"f{place}" for place in range(WIDTH))


def test_without_names_embeddings_are_in_the_order_of_the_folders(
    by_class: Path, tmp_path: Path, teacher: TeacherFiles
) -> None:
    found = check(by_class, teacher, embeddings=in_order(tmp_path / "emb.npy"))
    check_rows(found)
    assert any("emb.npy" in line and "their order could not be checked" in line for line in found.notes)


@pytest.mark.parametrize("spelled", ["{folder}/{name}.png", "{name}"])
def test_vectors_by_name_in_hdf5_belong_to_the_pictures_of_these_names(
    by_class: Path, tmp_path: Path, teacher: TeacherFiles, spelled: str
) -> None:
    with h5py.File(tmp_path / "emb.h5", "w") as file:
        for place, name in enumerate(names_of(spelled)):
            file[name] = np.array(vector(place), np.float32)
        file["other"] = np.zeros(WIDTH, np.float32)
    check_rows(check(by_class, teacher, embeddings=tmp_path / "emb.h5"))


def test_an_array_of_several_is_named_by_its_key(by_class: Path, tmp_path: Path, teacher: TeacherFiles) -> None:
    values = np.load(in_order(tmp_path / "emb.npy"))
    np.savez(tmp_path / "emb.npz", first=values[::-1], second=values)
    check_rows(check(by_class, teacher, embeddings=tmp_path / "emb.npz:second"))


def test_a_column_of_labels_is_not_seen_by_the_student(by_class: Path, tmp_path: Path, teacher: TeacherFiles) -> None:
    header = ["picture", "label", *(f"f{place}" for place in range(WIDTH))]
    rows = [[name, place % 3, *vector(place)] for place, name in enumerate(names_of("{name}"))]
    found = check(by_class, teacher, embeddings=write_csv(tmp_path / "emb.csv", header, rows))
    check_rows(found)
    assert any("its column 'label' was left out" in line for line in found.notes)


def test_classes_with_pictures_of_one_name_are_told_apart_in_hdf5_by_their_folders(
    by_class: Path, tmp_path: Path, own_home: Path
) -> None:
    for path in by_class.glob("*/*.png"):
        path.rename(path.with_name(f"{int(path.stem[2:]) // 3}.png"))
    names = [f"{'abc'[place % 3]}/{place // 3}.png" for place in range(75)]
    with h5py.File(tmp_path / "emb.h5", "w") as file:
        for place, name in enumerate(names):
            file[name] = np.array(vector(place), np.float32)
    found = check(
        by_class, TeacherFiles({"mine": write_named(tmp_path / "mine.csv", names)}), embeddings=tmp_path / "emb.h5"
    )
    for rows in found.data.parts().values():
        assert [names[round(float(row[0]))] for row in rows.features] == list(rows.accessions)


@pytest.fixture
def in_parts(by_class: Path, tmp_path: Path) -> Path:
    """The pictures below train, and every fifth of a class below test."""
    for path in sorted(by_class.glob("*/*.png")):
        part = "test" if int(path.stem[2:]) // 3 % 5 == 4 else "train"
        (tmp_path / "parts" / part / path.parent.name).mkdir(parents=True, exist_ok=True)
        path.rename(tmp_path / "parts" / part / path.parent.name / path.name)
    return tmp_path / "parts"


def files_of_parts(folder: Path, write: Callable[..., Path], name: str) -> list[Path]:
    """A file for the training and one for the test pictures, which stand in another order."""
    parts = [[place for place in shuffled() if (place // 3 % 5 == 4) == tested] for tested in (False, True)]
    names = names_of("{folder}/{name}.png")
    return [write(folder / f"{each}-{name}.csv", names, places) for each, places in zip("ab", parts, strict=True)]


def test_a_test_part_of_its_own_has_files_of_its_own(in_parts: Path, tmp_path: Path) -> None:
    outputs, emb = (files_of_parts(tmp_path, write, name) for write, name in ((write_named, "mine"), (named, "emb")))
    teacher = TeacherFiles({"mine": outputs[0]}, {"mine": outputs[1]})
    check_rows(check(in_parts, teacher, embeddings=emb[0], tests=emb[1]))


def test_vectors_by_name_may_be_of_both_parts_where_names_tell_these_apart(in_parts: Path, tmp_path: Path) -> None:
    outputs = files_of_parts(tmp_path, write_named, "mine")
    teacher = TeacherFiles({"mine": outputs[0]}, {"mine": outputs[1]})
    with h5py.File(tmp_path / "emb.h5", "w") as file:
        for path in in_parts.glob("*/*/*.png"):
            file[str(path.relative_to(in_parts))] = np.array(vector(int(path.stem[2:])), np.float32)
    both = {"embeddings": tmp_path / "emb.h5", "tests": tmp_path / "emb.h5"}
    check_rows(check(in_parts, teacher, **both))
    path = in_parts / "test" / "a" / "im012.png"
    path.rename(path.with_name("im000.png"))
    with h5py.File(tmp_path / "emb.h5", "a") as file:
        file.move("test/a/im012.png", "test/a/im000.png")
    teacher = TeacherFiles({"mine": outputs[0]}, {"mine": outputs[1]})
    assert "are called 'a/im000.png': expected a file of embeddings for each part" in refused(in_parts, teacher, **both)


# Pictures


def test_arrays_have_thumbnails_turned_as_they_are_asked_to(folder: Path, tmp_path: Path) -> None:
    emb = save_parts(tmp_path)
    plain, turned = (check(folder, given(tmp_path), **emb, transposed=turned).data for turned in (False, True))
    for rows, other in zip(plain.parts().values(), turned.parts().values(), strict=True):
        assert thumbnail(rows.shown[0]).size == (10, 8)
        assert thumbnail(other.shown[0]).size == (8, 10)
    assert plain.test is not None
    assert (len(plain.rows), len(plain.test)) == (120, 40)


def test_colours_are_shown_and_labels_may_count_from_1(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    for part, count in COUNTS.items():
        images = np.zeros((count, 8, 8, 3), np.uint8)
        images[..., 0] = 200
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", np.arange(count) % 4 + 1)
    found = check(folder, given(tmp_path), **save_parts(tmp_path))
    red, green, _ = thumbnail(found.data.rows.shown[5]).getpixel((4, 4))  # type: ignore[misc]
    assert red > 150 > 50 > green
    assert "Its labels count from 1." in found.notes
    assert found.data.rows.labels.tolist() == (np.arange(120) % 4).tolist()


def save_parts(folder: Path, test_width: int = 6) -> dict[str, Path]:
    for part, width in (("train", 6), ("test", test_width)):
        np.save(folder / f"{part}.npy", np.random.default_rng(1).normal(size=(COUNTS[part], width)))
    return {"embeddings": folder / "train.npy", "tests": folder / "test.npy"}


# An encoder


def test_an_encoder_makes_the_embeddings_of_the_pictures_in_colour(
    by_class: Path, tmp_path: Path, teacher: TeacherFiles
) -> None:
    pytest.importorskip("transformers")
    from transformers import AutoImageProcessor, AutoModel

    for path in by_class.glob("*/*.png"):
        Image.new("RGB", (12, 10), (int(path.stem[2:]), 0, 200)).save(path)
    folder = picture_model(tmp_path / "vit")
    found = check(by_class, teacher, encoder=folder)
    rows = found.data.test
    assert rows is not None
    pictures = [Image.open(by_class / name).convert("RGB") for name in rows.accessions]
    with torch.no_grad():
        inputs = AutoImageProcessor.from_pretrained(folder)(images=pictures, return_tensors="pt")
        expected = AutoModel.from_pretrained(folder).eval()(**inputs).last_hidden_state.mean(1)
    assert torch.allclose(rows.features, expected, atol=1e-5)
    assert any("8 hidden states are the student's inputs" in line for line in found.notes)


def test_an_encoder_that_is_not_there_is_one_line(by_class: Path, teacher: TeacherFiles) -> None:
    pytest.importorskip("transformers")
    assert refused(by_class, teacher, encoder="/nowhere/vit").startswith("encoder: '/nowhere/vit' is no folder")


# What is wrong


@pytest.mark.parametrize(
    ("names", "places", "problem"),
    [
        ({}, range(70), "emb.csv: "),
        ({3: "a/other.png"}, range(75), "'a/other.png', which the image set has in no row"),
        ({3: "b/im004.png"}, range(75), "'b/im004.png', which stands in emb.csv: line"),
    ],
)
def test_pictures_without_embeddings_and_foreign_and_doubled_names_are_refused(
    by_class: Path, tmp_path: Path, teacher: TeacherFiles, names: dict[int, str], places: range, problem: str
) -> None:
    spelled = [names.get(place, name) for place, name in enumerate(names_of("{folder}/{name}.png"))]
    assert problem in refused(by_class, teacher, embeddings=named(tmp_path / "emb.csv", spelled, places))


def test_a_name_that_two_pictures_have_is_refused(by_class: Path, tmp_path: Path, teacher: TeacherFiles) -> None:
    (by_class / "b" / "im004.png").rename(by_class / "b" / "im003.png")
    spelled = [name.replace("b/im004", "b/im003") for name in names_of("{folder}/{name}.png")]
    teacher = TeacherFiles({"mine": write_named(tmp_path / "mine.csv", spelled)})
    emb = named(tmp_path / "emb.csv", [name.partition("/")[2] for name in spelled])
    assert "'im003.png' may be 'a/im003.png' and 'b/im003.png'" in refused(by_class, teacher, embeddings=emb)


def test_another_number_of_rows_or_of_features_is_refused(folder: Path, tmp_path: Path) -> None:
    teachers, emb = given(tmp_path), save_parts(tmp_path)
    assert "train.npy: has 120 rows, expected 40" in refused(folder, teachers, **(emb | {"tests": emb["embeddings"]}))
    assert "test.npy: 7 features, expected 6" in refused(folder, teachers, **save_parts(tmp_path, test_width=7))
    assert "there is no file for the test images" in refused(folder, teachers, embeddings=emb["embeddings"])


def test_what_is_wrong_with_teachers_and_embeddings_is_named_at_once(
    by_class: Path, tmp_path: Path, own_home: Path
) -> None:
    few = write_csv(tmp_path / "few.csv", None, outputs_of(np.arange(7) % 3, classes=3).tolist())
    np.save(tmp_path / "emb.npy", np.ones((9, 2)))
    with pytest.raises(UserErrors) as raised:
        check(by_class, TeacherFiles({"mine": few}), embeddings=tmp_path / "emb.npy")
    assert [line.partition(",")[0] for line in raised.value.problems] == [
        "few.csv: has 7 rows",
        "emb.npy: has 9 rows",
    ]


def test_a_class_with_too_few_pictures_is_refused(by_class: Path, tmp_path: Path, teacher: TeacherFiles) -> None:
    for path in sorted((by_class / "c").iterdir())[5:]:
        path.unlink()
    assert "training images of class c, needs 8 of each" in refused(
        by_class, teacher, embeddings=in_order(tmp_path / "emb.npy")
    )


def test_a_feature_that_gives_the_label_away_is_told_of(by_class: Path, tmp_path: Path, teacher: TeacherFiles) -> None:
    np.save(tmp_path / "emb.npy", np.stack([np.arange(75) // 25, np.random.default_rng(0).normal(size=75)], 1))
    assert any(
        "gives the label away" in line for line in check(by_class, teacher, embeddings=tmp_path / "emb.npy").warnings
    )


# The task


def make(folder: Path, outputs: TeacherFiles, emb: Path, **more: Any) -> None:
    import_embedded("marks", EmbeddedImages(folder, outputs, emb), title="My marks", **more)


def test_it_is_a_task_whose_examples_have_pictures(by_class: Path, tmp_path: Path, teacher: TeacherFiles) -> None:
    make(by_class, teacher, in_order(tmp_path / "emb.npy"))
    info, task = task_info("marks"), load_task("marks")
    assert (info.title, info.item, info.n_labelled, info.image_shape) == ("My marks", "image", 60, None)
    assert task.x_train.shape == (60, WIDTH)
    for part, labels in (("train", task.y_train), ("test", task.y_test)):
        numbers = [round(float(np.asarray(thumbnail(uri)).mean())) for uri in task.shown[part]]
        assert [number % 3 for number in numbers] == labels.tolist()


def test_other_embeddings_are_another_task_of_the_same_name_and_owner(
    by_class: Path, tmp_path: Path, teacher: TeacherFiles
) -> None:
    import_images("marks", by_class, outputs=teacher)
    write_owners(image_sets.owners_of("marks"), {"somebody"})
    emb = in_order(tmp_path / "emb.npy")
    make(by_class, teacher, emb, replaces=True)
    assert (own(), image_sets.found(), owners_of("marks")) == (("marks",), (), {"somebody"})
    before = fingerprint(default_config("marks"))
    np.save(emb, np.load(emb) + 1)
    with pytest.raises(UserError, match="'marks' is there already"):
        make(by_class, teacher, emb)
    make(by_class, teacher, emb, replaces=True)
    assert fingerprint(default_config("marks")) != before
    import_images("marks", by_class, outputs=teacher, replaces=True)
    assert (len(image_sets.found()), owners_of("marks")) == (1, {"somebody"})
    assert load_task("marks").image_shape is not None
    forget("marks")
    assert own() == ()
