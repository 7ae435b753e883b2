"""Making a task of a folder of images: IDX files such as MNIST's, MedMNIST's NPZ, or a folder for each class."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mtbkd_core.catalog.adding import check_free, owners_of, taking
from mtbkd_core.common.files import home, make_folder, write_tensors
from mtbkd_core.common.owners import write_owners
from mtbkd_core.common.progress import UserError, UserErrors
from mtbkd_core.config.models import DataConfig
from mtbkd_core.images.files import ImageFiles
from mtbkd_core.images.idx import write_idx
from mtbkd_core.images.pictures import Pictures, read_pictures
from mtbkd_core.imports import image_sets, store
from mtbkd_core.imports.image_labels import check_enough, check_folder, classes_of
from mtbkd_core.imports.image_outputs import TeacherFiles, files_rows, image_rows, read_outputs
from mtbkd_core.imports.image_sets import GivenTeacher, ImageSet
from mtbkd_core.imports.image_task import TOGETHER, OwnImageTask, digest_of, task_of
from mtbkd_core.imports.spec import check_title
from mtbkd_core.tasks.fashion import SIZES
from mtbkd_core.tasks.images import Sizes
from mtbkd_core.teachers.temperatures import fit_temperatures

#: Two halvings of a smaller picture leave a teacher nothing.
SMALLEST_SIDE = 4
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
    only_check: bool = False,
) -> OwnImageTask:
    """Check a folder's images and make a task of them, which every process with this home folder then has.

    Args:
        name: of the task; as `check_name`.
        folder: with four IDX files, plain or gzipped: training and test images and labels; or what `read_pictures`
            reads, of which a copy is kept.
        title: as `check_title`; empty: the name.
        class_names: in the order of the labels; None: the folders' names, or the labels' numbers.
        transposed, prefix, epochs: as `ImageSet`.
        replaces: as `import_table`.
        sizes: as `ImageSet`; None: those of the clothes, or less of a set that is smaller.
        outputs: teachers' own outputs, in place of teachers that are trained here, or beside them.
        say: is given what was made of these, a line each; one that begins with "warning: " tells what may be wrong.
        only_check: whether nothing is kept; of the task that comes back, `INFO` alone is then of use.
    Raises:
        UserError: the first problem of the images, one line; everything that is wrong with teachers' files; a name that
            is taken; names of classes that do not fit the labels;
            a title or a name of a class that is not one line; a home folder that cannot be written.
    """
    check_free(name, replaces or only_check)
    title, folder = check_title(title), check_folder(folder)
    copies, trains = image_sets.new_copies(name), outputs is None or outputs.beside
    chosen = ImageSet(name, title or name, folder, (), (0, 0), transposed, SIZES, epochs, "", prefix, trains=trains)
    try:
        chosen = _made(chosen, class_names, sizes, outputs, copies, say)
        if only_check:
            shutil.rmtree(copies, ignore_errors=True)
            return task_of(chosen)
        with taking(name, replaces):
            owners = owners_of(name)
            image_sets.write(chosen)
            image_sets.remove_copies(name, but=(chosen.folder, copies))
            if (table := store.folder_of(name)).is_dir():
                store.remove(table)
                write_owners(image_sets.owners_of(name), owners)
    except BaseException as error:
        shutil.rmtree(copies, ignore_errors=True)
        if isinstance(error, UserError):  # a person knows the folder that was given, not the copy of it
            problems = [line.replace(str(copies), str(folder)) for line in error.problems]
            raise (UserErrors(problems) if len(problems) > 1 else UserError(problems[0])) from None
        raise
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
        if not all(len(labels) for _, labels in pictures.parts.values()):
            count = sum(len(labels) for _, labels in pictures.parts.values())
            raise UserError(f"{images.folder}: its {count:,} pictures are too few to keep some for testing")
        _copy(pictures, copies)
        pictures = replace(pictures, parts={})  # they are read from the copy
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
    parts = image_rows({part: task.files.read(part)[1] for part in ("train", "test")}, names)
    rows, order = files_rows(parts, pictures is not None and pictures.divided and not files.tests)
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
    names = classes_of(folder, labels, class_names)
    if min(pixels.shape[1:]) < SMALLEST_SIDE:
        size = " x ".join(map(str, pixels.shape[1:]))
        raise UserError(f"{folder}: its pictures are of {size}, needs {SMALLEST_SIDE} pixels a side or more")
    test_labels = files.read("test")[1]
    check_enough(folder, names, labels, test_labels, images.trains)
    return replace(
        images,
        class_names=names,
        shape=(int(pixels.shape[1]), int(pixels.shape[2])),
        sizes=sizes or _fitting(len(labels), len(test_labels), images.trains),
        first_label=first,
        notes=(*images.notes, *notes),
    )


def _fitting(training: int, test: int, trains: bool) -> Sizes:
    """The sizes for a set of so many training and test images; teachers that are trained need most of the former."""
    validation = training // (10 if trains else 5)
    student = training // 4 if trains else training - validation
    return Sizes(min(SIZES.student, student), min(SIZES.validation, validation), min(SIZES.test, test))
