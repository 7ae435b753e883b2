"""Making a task of a folder of images: IDX files such as MNIST's, MedMNIST's NPZ, or a folder for each class."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtbkd_core.catalog.adding import check_free, owners_of
from mtbkd_core.common.files import expanded, home, make_folder
from mtbkd_core.common.owners import write_owners
from mtbkd_core.common.progress import UserError
from mtbkd_core.images.files import ImageFiles
from mtbkd_core.images.idx import write_idx
from mtbkd_core.images.pictures import Pictures, read_pictures
from mtbkd_core.imports import image_sets, store
from mtbkd_core.imports.classes import check_class_names
from mtbkd_core.imports.image_sets import FEWEST_CLASSES, MOST_CLASSES, ImageSet
from mtbkd_core.imports.image_task import OwnImageTask, task_of
from mtbkd_core.imports.table import count_of
from mtbkd_core.tasks.fashion import SIZES
from mtbkd_core.tasks.images import Sizes

#: Two halvings of a smaller picture leave a teacher nothing.
SMALLEST_SIDE = 4
#: Training images for each class: a quarter is for the student, a tenth for validation, the rest for the teachers.
FEWEST_PER_CLASS = 20
FEWEST_FOR_TESTING = 5
LONGEST_TITLE = 60


def import_images(
    name: str,
    folder: Path,
    *,
    title: str = "",
    class_names: Sequence[str] | None = None,
    transposed: bool = False,
    prefix: str = "",
    sizes: Sizes | None = None,
    epochs: int = ImageSet.epochs,
    replaces: bool = False,
) -> OwnImageTask:
    """Check a folder's images and make a task of them, which every process with this home folder then has.

    Args:
        name: of the task; as `check_name`.
        folder: with four IDX files, plain or gzipped: training and test images and labels; or what `read_pictures`
            reads, of which a copy is kept.
        title: for people, in one line of at most `LONGEST_TITLE` letters; empty: the name.
        class_names: in the order of the labels; None: the folders' names, or the labels' numbers.
        transposed, prefix, epochs: as `ImageSet`.
        replaces: as `import_table`.
        sizes: as `ImageSet`; None: those of the clothes, or less of a set that is smaller.
    Raises:
        UserError: the first problem of the files, one line; a name that is taken; names of classes that do not fit the
            labels; a title or a name of a class that is not one line; a home folder that cannot be written.
    """
    check_free(name, replaces)
    title = title.strip()
    _check_one_line(title, "title")
    if len(title) > LONGEST_TITLE:
        raise UserError(f"title: got {len(title)} letters, allowed: at most {LONGEST_TITLE}")
    folder = expanded(folder, "folder")
    if not folder.is_dir():
        raise UserError(f"folder: {str(folder)!r} is no folder")
    copies, given = image_sets.new_copies(name), folder
    try:
        notes: tuple[str, ...] = ()
        pictures = (
            None if ImageFiles(name, "", installed=folder, prefix=prefix).holds_all(folder) else read_pictures(folder)
        )
        if pictures is not None:
            _copy(pictures, copies)
            folder, prefix, notes = copies, "", pictures.notes
            class_names = pictures.class_names if class_names is None else class_names
        chosen = _chosen(name, folder, title, class_names, transposed, prefix, sizes, epochs)
        chosen = replace(chosen, notes=(*notes, *chosen.notes))
        chosen = replace(chosen, digest=task_of(chosen).image_pool().digest)  # refuses what cannot be divided
        owners = owners_of(name)
        image_sets.write(chosen)
    except BaseException as error:
        shutil.rmtree(copies, ignore_errors=True)
        if isinstance(error, UserError):  # a person knows the folder that was given, not the copy of it
            raise UserError(str(error).replace(str(copies), str(given))) from None
        raise
    image_sets.remove_copies(name, but=folder)
    if (table := store.folder_of(name)).is_dir():
        store.remove(table)
        write_owners(image_sets.owners_of(name), owners)
    return task_of(chosen)


def _copy(pictures: Pictures, folder: Path) -> None:
    """Pictures as four IDX files."""
    home()
    make_folder(folder)
    for part, (images, labels) in pictures.parts.items():
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)


def _chosen(
    name: str,
    folder: Path,
    title: str,
    class_names: Sequence[str] | None,
    transposed: bool,
    prefix: str,
    sizes: Sizes | None,
    epochs: int,
) -> ImageSet:
    """What a folder of IDX files is, checked; arguments and errors as `import_images`."""
    files = ImageFiles(name, "", installed=folder, prefix=prefix)
    pixels, labels = files.read("train")
    notes = ["Colours were turned to grey."] if files.has_colours() else []
    first = int(len(labels) > 0 and labels.min() == 1)
    if first:
        files, labels = replace(files, first_label=1), labels - 1
        notes.append("Its labels count from 1.")
    names = _names_of(folder, labels, class_names)
    if min(pixels.shape[1:]) < SMALLEST_SIDE:
        size = " x ".join(map(str, pixels.shape[1:]))
        raise UserError(f"{folder}: its pictures are of {size}, needs {SMALLEST_SIDE} pixels a side or more")
    test_labels = files.read("test")[1]
    _check_enough(folder, names, labels, test_labels)
    if sizes is None:
        sizes = _fitting(len(labels), len(test_labels))
    shape = (int(pixels.shape[1]), int(pixels.shape[2]))
    return ImageSet(
        name, title or name, folder, names, shape, transposed, sizes, epochs, "", prefix, first, tuple(notes)
    )


def _names_of(folder: Path, labels: np.ndarray, class_names: Sequence[str] | None) -> tuple[str, ...]:
    """The classes of training labels [N], each of which has to occur."""
    count = int(labels.max()) + 1
    if not FEWEST_CLASSES <= count <= MOST_CLASSES:
        raise UserError(f"{folder}: has labels up to {count - 1}, needs {FEWEST_CLASSES} to {MOST_CLASSES} classes")
    names = tuple(str(label) for label in range(count)) if class_names is None else tuple(class_names)
    if len(names) != count:
        raise UserError(f"classes: got {len(names)} names, needs {count} different ones, for labels 0 to {count - 1}")
    for index, name in enumerate(names):
        _check_one_line(name, f"classes: name {index + 1} of {count}")
    absent = sorted(set(range(count)) - set(np.unique(labels).tolist()))
    if absent:
        raise UserError(f"{folder}: no training image has the label {absent[0]}, needs every one from 0 to {count - 1}")
    return check_class_names(names)


def _check_enough(folder: Path, names: Sequence[str], labels: np.ndarray, test_labels: np.ndarray) -> None:
    """Refuse a class with too few training or test images, and a test image of a class without training images."""
    last = len(names) - 1
    if (highest := int(test_labels.max(initial=0))) > last:
        raise UserError(f"{folder}: a test image has the label {highest}, the training images go from 0 to {last}")
    for part, given, needed in (("training", labels, FEWEST_PER_CLASS), ("test", test_labels, FEWEST_FOR_TESTING)):
        counts = np.bincount(given, minlength=len(names))
        rarest = int(counts.argmin())
        if counts[rarest] < needed:
            got = count_of(int(counts[rarest]), f"{part} image")
            shared = ": a quarter is for the student, most are for its teachers" if part == "training" else ""
            raise UserError(f"{folder}: has {got} of class {names[rarest]}, needs {needed} of each{shared}")


def _check_one_line(text: str, said_in: str) -> None:
    if len(text.strip().splitlines()) > 1:
        raise UserError(f"{said_in}: got {text[:40]!r}, expected one line")


def _fitting(training: int, test: int) -> Sizes:
    """The sizes for a set of so many training and test images."""
    return Sizes(min(SIZES.student, training // 4), min(SIZES.validation, training // 10), min(SIZES.test, test))
