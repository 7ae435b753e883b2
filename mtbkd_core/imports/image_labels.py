"""What is asked of a folder of images: its title, its classes, and how many images each has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtbkd_core.common.files import expanded
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import check_class_names
from mtbkd_core.imports.image_sets import FEWEST_CLASSES, MOST_CLASSES
from mtbkd_core.imports.labels import LEAST_OF_CLASS
from mtbkd_core.imports.spec import check_one_line
from mtbkd_core.imports.table import count_of

#: Training images for each class, where teachers are trained: a quarter is for the student, a tenth for validation.
FEWEST_PER_CLASS = 20
FEWEST_FOR_TESTING = 5


def check_folder(folder: Path) -> Path:
    """A folder with its home folder spelled out; refuses what is none."""
    folder = expanded(folder, "folder")
    if not folder.is_dir():
        raise UserError(f"folder: {str(folder)!r} is no folder")
    return folder


def from_zero(folder: Path, labels: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Labels of "train" and "test" [N] that count from 0, and a note where they counted from 1."""
    if not len(labels["train"]):
        raise UserError(f"{folder}: holds no training image")
    if labels["train"].min() != 1:
        return dict(labels), ()
    if labels["test"].min(initial=255) < 1:
        raise UserError(f"{folder}: a test image has the label 0, expected 1 or more")
    return {part: each - 1 for part, each in labels.items()}, ("Its labels count from 1.",)


def classes_of(folder: Path, labels: np.ndarray, class_names: Sequence[str] | None) -> tuple[str, ...]:
    """The classes of training labels [N], each of which has to occur; None: they are called by the labels."""
    count = int(labels.max()) + 1
    if not FEWEST_CLASSES <= count <= MOST_CLASSES:
        raise UserError(f"{folder}: has labels up to {count - 1}, needs {FEWEST_CLASSES} to {MOST_CLASSES} classes")
    names = tuple(str(label) for label in range(count)) if class_names is None else tuple(class_names)
    if len(names) != count:
        raise UserError(f"classes: got {len(names)} names, needs {count} different ones, for labels 0 to {count - 1}")
    for index, name in enumerate(names):
        check_one_line(name, f"classes: name {index + 1} of {count}")
    absent = sorted(set(range(count)) - set(np.unique(labels).tolist()))
    if absent:
        raise UserError(f"{folder}: no training image has the label {absent[0]}, needs every one from 0 to {count - 1}")
    return check_class_names(names)


def check_enough(folder: Path, names: Sequence[str], labels: np.ndarray, test_labels: np.ndarray, trains: bool) -> None:
    """Refuse a class with too few training or test images, and a test image of a class without training images."""
    last = len(names) - 1
    if (highest := int(test_labels.max(initial=0))) > last:
        raise UserError(f"{folder}: a test image has the label {highest}, the training images go from 0 to {last}")
    fewest = FEWEST_PER_CLASS if trains else LEAST_OF_CLASS
    for part, given, needed in (("training", labels, fewest), ("test", test_labels, FEWEST_FOR_TESTING)):
        counts = np.bincount(given, minlength=len(names))
        rarest = int(counts.argmin())
        if counts[rarest] < needed:
            got = count_of(int(counts[rarest]), f"{part} image")
            shared = ": a quarter is for the student, most are for its teachers" if needed == FEWEST_PER_CLASS else ""
            raise UserError(f"{folder}: has {got} of class {names[rarest]}, needs {needed} of each{shared}")
