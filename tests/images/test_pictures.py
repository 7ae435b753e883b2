"""Pictures in folders by class, in MedMNIST's NPZ, with colours, from 1: each is the same set of images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtbkd_core import UserError, task_info
from mtbkd_core.catalog.adding import forget
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.images.files import find_file
from mtbkd_core.images.idx import write_idx
from mtbkd_core.images.pictures import read_pictures
from mtbkd_core.imports.image_task import OwnImageTask
from mtbkd_core.tasks.images import Sizes

SIZES = Sizes(student=36, validation=12, test=20)
LABELS = {"train": np.arange(96) % 4, "test": np.arange(40) % 4}


def pixels(part: str) -> np.ndarray:
    return np.random.default_rng(len(part)).integers(0, 256, (len(LABELS[part]), 8, 8)).astype(np.uint8)


def _by_class(folder: Path) -> None:
    for part, labels in LABELS.items():
        for place, (image, label) in enumerate(zip(pixels(part), labels, strict=True)):
            (folder / part / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / part / str(label) / f"{place:03}.png")
            (folder / part / str(label) / f"._{place:03}.png").write_bytes(b"macOS")


def _medmnist(folder: Path) -> None:
    arrays = {f"{part}_images": pixels(part) for part in LABELS}
    np.savez(folder / "my.npz", **arrays, **{f"{part}_labels": labels[:, None] for part, labels in LABELS.items()})


def _idx(folder: Path, *, colours: bool = False, first: int = 0) -> None:
    for part, labels in LABELS.items():
        images = np.repeat(pixels(part)[..., None], 3, -1) if colours else pixels(part)
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels + first)


def _in_folders_of_their_names(folder: Path) -> None:
    _idx(folder)
    for path in list(folder.iterdir()):
        path.rename(folder / "moved")
        path.mkdir()
        (folder / "moved").rename(path / path.name)
        (folder / f"._{path.name}").write_bytes(b"macOS")


WAYS = {
    "by class": _by_class,
    "MedMNIST": _medmnist,
    "IDX": _idx,
    "colours": lambda folder: _idx(folder, colours=True),
    "from 1": lambda folder: _idx(folder, first=1),
    "folders of their names": _in_folders_of_their_names,
}


def imported(folder: Path) -> OwnImageTask:
    return import_images("marks", folder, sizes=SIZES, epochs=1)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_images(tmp_path: Path, own_home: Path, way: str) -> None:
    WAYS[way](tmp_path)
    task = imported(tmp_path)
    for part, labels in LABELS.items():
        images, found = task.files.read(part)
        order, own = np.lexsort(images.reshape(len(images), -1).T), np.lexsort(pixels(part).reshape(len(labels), -1).T)
        assert (images[order] == pixels(part)[own]).all()
        assert found[order].tolist() == labels[own].tolist()
    assert task.class_names == ("0", "1", "2", "3")


@pytest.mark.parametrize(("way", "note"), [("colours", "turned to grey"), ("from 1", "count from 1")])
def test_what_was_made_of_the_images_is_said(tmp_path: Path, own_home: Path, way: str, note: str) -> None:
    WAYS[way](tmp_path)
    assert note in imported(tmp_path).INFO.description


def copies(home: Path) -> list[Path]:
    return list((home / "image-sets").glob("*/"))


def test_copies_go_with_the_task_or_with_a_refusal(tmp_path: Path, own_home: Path) -> None:
    _by_class(tmp_path)
    imported(tmp_path)
    assert len(copies(own_home)) == 1
    with pytest.raises(UserError, match="classes: got 2 names"):
        import_images("marks", tmp_path, class_names=["a", "b"], replaces=True)
    assert task_info("marks").title == "marks"
    assert len(copies(own_home)) == 1
    import_images("marks", tmp_path, title="New marks", sizes=SIZES, replaces=True)
    assert task_info("marks").title == "New marks"
    assert len(copies(own_home)) == 1
    forget("marks")
    assert not copies(own_home)


def test_without_a_folder_for_testing_every_fifth_picture_of_a_class_is_for_it(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        for place in range(10):
            Image.fromarray(np.full((70, 90, 3), [255, 0, place], np.uint8)).save(tmp_path / label / f"{place}.jpg")
    found = read_pictures(tmp_path)
    assert found is not None
    assert found.parts["train"][0].shape == (16, 50, 64)
    assert found.parts["test"][1].tolist() == [0, 0, 1, 1]
    assert found.class_names == ("a", "b")
    assert len(found.notes) == 3


def test_pictures_of_several_sizes_are_brought_to_one(tmp_path: Path) -> None:
    for place, label in enumerate("aabbaabb"):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.fromarray(np.zeros((8 + place, 8), np.uint8)).save(tmp_path / label / f"{place}.png")
    found = read_pictures(tmp_path)
    assert found is not None
    assert found.parts["train"][0].shape[1:] == (32, 32)


def test_a_refusal_names_the_folder_that_was_given_and_not_the_copy_of_it(tmp_path: Path, own_home: Path) -> None:
    few = {f"{part}_labels": np.arange(12) % 2 for part in LABELS}
    np.savez(tmp_path / "my.npz", **few, **{f"{part}_images": pixels(part)[:12] for part in LABELS})
    with pytest.raises(UserError) as raised:
        import_images("marks", tmp_path)
    assert str(raised.value).startswith(f"{tmp_path}: has 6 training images of class 0, needs 20 of each")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n broken", b"hello"])
def test_what_is_no_picture_is_one_line(tmp_path: Path, content: bytes) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.png").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.png: is no picture"):
        read_pictures(tmp_path)


def test_a_file_counts_before_one_in_a_folder_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").mkdir()
    (tmp_path / "train-images-idx3-ubyte" / "train-images-idx3-ubyte").write_bytes(b"x")
    (tmp_path / "train-images.idx3-ubyte").write_bytes(b"y")
    assert find_file(tmp_path, "train", 3).read_bytes() == b"y"


def _tiffs(folder: Path, values: np.ndarray) -> Path:
    for place, each in enumerate(values):
        (folder / "ab"[place % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(each).save(folder / "ab"[place % 2] / f"{place:03}.tif")
    return folder


def test_fractions_are_shades_and_said_so(tmp_path: Path) -> None:
    shades = pixels("train")[:20]
    read = read_pictures(_tiffs(tmp_path, (shades / 255).astype(np.float32)))
    assert read is not None
    both = np.concatenate([images for images, _ in read.parts.values()])
    assert sorted(map(bytes, both)) == sorted(map(bytes, shades))
    assert "Fractions from 0 to 1 were read as shades of grey." in read.notes


@pytest.mark.parametrize("values", [np.full((20, 8, 8), 90.0, np.float32), np.full((20, 8, 8), 90, np.int32)])
def test_pixels_whose_scale_nobody_knows_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"its pixels are .*: save it with bytes, such as PNG$"):
        read_pictures(_tiffs(tmp_path, values))


def test_pictures_of_far_more_pixels_than_bytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    for place in range(10):
        (tmp_path / "ab"[place % 2]).mkdir(exist_ok=True)
        Image.new("L", (5_000, 4_000)).save(tmp_path / "ab"[place % 2] / f"{place}.png")
    with pytest.raises(UserError, match="its 10 pictures have 200,000,000 pixels, far more than their files are for"):
        read_pictures(tmp_path)
