"""Making a task of a folder of images: IDX files such as MNIST's, MedMNIST's NPZ, or a folder for each class."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mtbkd_core.catalog.adding import check_free, owners_of
from mtbkd_core.common.files import expanded, home, make_folder, write_tensors
from mtbkd_core.common.owners import write_owners
from mtbkd_core.common.progress import UserError, UserErrors
from mtbkd_core.config.models import DataConfig
from mtbkd_core.images.files import ImageFiles
from mtbkd_core.images.idx import write_idx
from mtbkd_core.images.pictures import Pictures, read_pictures
from mtbkd_core.imports import image_sets, store
from mtbkd_core.imports.classes import check_class_names
from mtbkd_core.imports.image_outputs import ImageRows, TeacherFiles, read_outputs
from mtbkd_core.imports.image_sets import FEWEST_CLASSES, MOST_CLASSES, GivenTeacher, ImageSet
from mtbkd_core.imports.image_task import TOGETHER, OwnImageTask, digest_of, task_of
from mtbkd_core.imports.labels import LEAST_OF_CLASS
from mtbkd_core.imports.table import count_of
from mtbkd_core.tasks.fashion import SIZES
from mtbkd_core.tasks.images import Sizes
from mtbkd_core.teachers.temperatures import fit_temperatures

#: Two halvings of a smaller picture leave a teacher nothing.
SMALLEST_SIDE = 4
#: Training images for each class, where teachers are trained: a quarter is for the student, a tenth for validation.
FEWEST_PER_CLASS = 20
FEWEST_FOR_TESTING = 5
LONGEST_TITLE = 60
_OUTPUTS = "teachers.safetensors"


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
    outputs: TeacherFiles | None = None,
    say: Callable[[str], None] | None = None,
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
        outputs: teachers' own outputs, in place of teachers that are trained here, or beside them.
        say: is given what was made of these, a line each; one that begins with "warning: " tells what may be wrong.
    Raises:
        UserError: the first problem of the images, one line; everything that is wrong with teachers' files; a name that
            is taken; names of classes that do not fit the labels;
            a title or a name of a class that is not one line; a home folder that cannot be written.
    """
    check_free(name, replaces)
    title = title.strip()
    _check_one_line(title, "title")
    if len(title) > LONGEST_TITLE:
        raise UserError(f"title: got {len(title)} letters, allowed: at most {LONGEST_TITLE}")
    folder = expanded(folder, "folder")
    if not folder.is_dir():
        raise UserError(f"folder: {str(folder)!r} is no folder")
    copies, trains = image_sets.new_copies(name), outputs is None or outputs.beside
    chosen = ImageSet(name, title or name, folder, (), (0, 0), transposed, SIZES, epochs, "", prefix, trains=trains)
    try:
        chosen = _made(chosen, class_names, sizes, outputs, copies, say)
        owners = owners_of(name)
        image_sets.write(chosen)
    except BaseException as error:
        shutil.rmtree(copies, ignore_errors=True)
        if isinstance(error, UserError):  # a person knows the folder that was given, not the copy of it
            problems = [line.replace(str(copies), str(folder)) for line in error.problems]
            raise (UserErrors(problems) if len(problems) > 1 else UserError(problems[0])) from None
        raise
    image_sets.remove_copies(name, but=(chosen.folder, copies))
    if (table := store.folder_of(name)).is_dir():
        store.remove(table)
        write_owners(image_sets.owners_of(name), owners)
    return task_of(chosen)


def _made(
    images: ImageSet,
    class_names: Sequence[str] | None,
    sizes: Sizes | None,
    outputs: TeacherFiles | None,
    copies: Path,
    say: Callable[[str], None] | None,
) -> ImageSet:
    """An image set of which only the folder and what was asked for is known, read and checked."""
    files = ImageFiles(images.name, "", installed=images.folder, prefix=images.prefix)
    pictures = None if files.holds_all(images.folder) else read_pictures(images.folder)
    if pictures is not None:
        _copy(pictures, copies)
        images = replace(images, folder=copies, prefix="", notes=pictures.notes)
        class_names = pictures.class_names if class_names is None else class_names
    images = _checked(images, class_names, sizes)
    images = replace(images, digest=task_of(images).image_pool().digest)  # refuses what cannot be divided
    return images if outputs is None else _with_outputs(images, outputs, pictures, copies, say or (lambda line: None))


def _copy(pictures: Pictures, folder: Path) -> None:
    """Pictures as four IDX files."""
    home()
    make_folder(folder)
    for part, (images, labels) in pictures.parts.items():
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)


def _with_outputs(
    images: ImageSet, files: TeacherFiles, pictures: Pictures | None, folder: Path, say: Callable[[str], None]
) -> ImageSet:
    """An image set with teachers' outputs, of which those for a student's images are kept in a folder."""
    task = task_of(images)
    if taken := sorted(set(files.teachers) & set(task.recipes)):
        raise UserError(f"teacher: {taken[0]!r} is one that is trained on this machine; choose another name")
    names = pictures.names if pictures is not None else {}
    rows = [
        ImageRows(f"the {title} set", task.files.read(part)[1].astype(np.int64), names.get(part, ()))
        for part, title in (("train", "training"), ("test", "test"))
    ]
    order = np.arange(sum(len(each.labels) for each in rows))
    if pictures is not None and pictures.divided and not files.tests:
        labels, every = np.concatenate([each.labels for each in rows]), (*rows[0].names, *rows[1].names)
        order = np.array(sorted(order, key=lambda place: (labels[place], every[place])))  # as they lie in the folders
        rows = [ImageRows("the image set", labels[order], tuple(every[place] for place in order))]
    read = read_outputs(files, rows, images.class_names)
    for line in (*read.notes, *(f"warning: {line}" for line in read.warnings)):
        say(line)
    shown = torch.from_numpy(np.argsort(order))[task.image_pool().index]
    masks = {TOGETHER + who: mask for who, mask in read.together.items()}
    tensors = {key: values[shown] for key, values in (read.logits | masks).items()}
    home()
    make_folder(folder)
    write_tensors(folder / _OUTPUTS, tensors)
    given = tuple(GivenTeacher(who, line, digest_of(tensors, who)) for who, line in read.lines.items())
    images = replace(images, given=given, outputs=folder / _OUTPUTS, unseen=files.unseen)
    return _calibrated(images) if files.unseen else images


def _calibrated(images: ImageSet) -> ImageSet:
    """The same with each given teacher's temperature, fitted on the labels of the student of split seed 0."""
    names = tuple(teacher.name for teacher in images.given)
    data = DataConfig(task=images.name, teachers=names)
    task = task_of(images).load(data, "test", None, None)
    found = fit_temperatures(task.teacher_logits(names), task.y_train).values
    given = (replace(teacher, temperature=value) for teacher, value in zip(images.given, found, strict=True))
    return replace(images, given=tuple(given))


def _checked(images: ImageSet, class_names: Sequence[str] | None, sizes: Sizes | None) -> ImageSet:
    """An image set with all that its folder of IDX files tells; arguments and errors as `import_images`."""
    folder, files = images.folder, ImageFiles(images.name, "", installed=images.folder, prefix=images.prefix)
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
    _check_enough(folder, names, labels, test_labels, images.trains)
    return replace(
        images,
        class_names=names,
        shape=(int(pixels.shape[1]), int(pixels.shape[2])),
        sizes=sizes or _fitting(len(labels), len(test_labels), images.trains),
        first_label=first,
        notes=(*images.notes, *notes),
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


def _check_enough(
    folder: Path, names: Sequence[str], labels: np.ndarray, test_labels: np.ndarray, trains: bool
) -> None:
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


def _check_one_line(text: str, said_in: str) -> None:
    if len(text.strip().splitlines()) > 1:
        raise UserError(f"{said_in}: got {text[:40]!r}, expected one line")


def _fitting(training: int, test: int, trains: bool) -> Sizes:
    """The sizes for a set of so many training and test images; teachers that are trained need most of the former."""
    validation = training // (10 if trains else 5)
    student = training // 4 if trains else training - validation
    return Sizes(min(SIZES.student, student), min(SIZES.validation, validation), min(SIZES.test, test))
