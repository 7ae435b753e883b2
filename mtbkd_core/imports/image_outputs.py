"""Teachers' own outputs for images, read as those of a table are: a row for each image."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError, UserErrors, one_line
from mtbkd_core.imports.id_names import is_index_name, looks_like_id
from mtbkd_core.imports.reading import read_table
from mtbkd_core.imports.spec import MAX_TEACHERS, check_name
from mtbkd_core.imports.table import Table, is_number
from mtbkd_core.imports.teacher_outputs import TeacherOutputs, agree, described, read_teacher

#: Letters of what a teacher is, with how its files were read.
_MOST_LETTERS = 2_000


@dataclass(frozen=True)
class TeacherFiles:
    """What a person says of teachers' outputs for images.

    Attributes:
        teachers: name -> file of logits or probabilities for the training images.
        tests: likewise, for the test images; empty where the program chooses these, and one file is about all images.
        beside: whether teachers are trained on this machine as well.
        unseen, normalise: as `TableSpec`.
    """

    teachers: Mapping[str, Path]
    tests: Mapping[str, Path] = field(default_factory=dict)
    beside: bool = False
    unseen: bool = False
    normalise: bool = False

    def __post_init__(self) -> None:
        """Refuse a bad name, too many teachers, and one without a file for the training images."""
        for name in self.teachers:
            check_name("teacher", name)
        if not 1 <= len(self.teachers) <= MAX_TEACHERS:
            raise UserError(f"teachers: got {len(self.teachers)} files, expected 1 to {MAX_TEACHERS}")
        if lone := sorted(set(self.tests) - set(self.teachers)):
            raise UserError(f"teacher {lone[0]}: has no file for the training images; every teacher needs one")


@dataclass(frozen=True)
class ImageRows:
    """Images as the rows that files are about.

    Attributes:
        title: such as "the training set".
        labels: [N] indices of classes.
        names: "class/file" of each image; empty where images have no names.
    """

    title: str
    labels: np.ndarray
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageOutputs:
    """Teachers' outputs.

    Attributes:
        logits: teacher -> [N, C] float32, rows of all parts one after another; -inf as in `TeacherOutputs`.
        together: teacher -> [N, C], see `Teacher`; without teachers that name all classes that they know.
        lines: teacher -> what it is and what may be wrong with it, for people.
        notes, warnings: what was made of the files, and what may be wrong with them, a line each.
    """

    logits: dict[str, Tensor]
    together: dict[str, Tensor]
    lines: dict[str, str]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def image_rows(labels: Mapping[str, np.ndarray], names: Mapping[str, tuple[str, ...]]) -> list[ImageRows]:
    """The training and the test images as rows, of their labels and names by part."""
    return [
        ImageRows(f"the {title} set", labels[part].astype(np.int64), names.get(part, ()))
        for part, title in (("train", "training"), ("test", "test"))
    ]


def files_rows(parts: list[ImageRows], together: bool) -> tuple[list[ImageRows], np.ndarray]:
    """The parts that files are about, and the places [N] of their rows among those of `parts`.

    Args:
        together: whether one file is about all images, as they lie in folders that the program divided.
    """
    order = np.arange(sum(len(each.labels) for each in parts))
    if not together:
        return parts, order
    labels, names = np.concatenate([each.labels for each in parts]), [name for each in parts for name in each.names]
    order = np.array(sorted(order, key=lambda place: (labels[place], names[place])))
    return [ImageRows("the image set", labels[order], tuple(names[place] for place in order))], order


def read_outputs(files: TeacherFiles, parts: Sequence[ImageRows], class_names: Sequence[str]) -> ImageOutputs:
    """Read and check all teachers' files.

    Args:
        parts: the training images and the test images; or all of them at once.
    Raises:
        UserError: everything that is wrong, a line each; a teacher without a file for the test images.
    """
    if len(parts) == 2 and (absent := [name for name in files.teachers if name not in files.tests]):
        raise UserError(f"teacher {absent[0]}: has no file for the test images; every teacher needs one for each part")
    problems: list[str] = []
    logits, together, lines = dict[str, Tensor](), dict[str, Tensor](), dict[str, str]()
    notes, warnings = list[str](), list[str]()
    for who, own in files.teachers.items():
        paths = [own, files.tests[who]] if len(parts) == 2 else [own]
        found: list[TeacherOutputs] = []
        for path, rows in zip(paths, parts, strict=True):
            try:
                like = found[0].columns if found else ()
                found.append(_read(path, rows, class_names, like, files.normalise))
            except MemoryError:
                problems.append(f"{path.name}: takes more memory than there is")
            except UserError as error:
                problems += error.problems
        if len(found) < len(parts):
            continue
        if len(found) == 2:
            agree(*found)
        logits[who] = torch.from_numpy(np.concatenate([each.logits for each in found]))
        masks = [np.zeros_like(each.logits, bool) if each.together is None else each.together for each in found]
        if any(each.together is not None for each in found):
            together[who] = torch.from_numpy(np.concatenate(masks))
        said = [line for each in found for line in each.warnings]
        lines[who] = one_line(" ".join([described(own.name, found[0], class_names), *said]), _MOST_LETTERS)
        notes += [line for each in found for line in each.notes]
        warnings += said
    if problems:
        raise UserErrors(problems) if len(problems) > 1 else UserError(problems[0])
    return ImageOutputs(logits, together, lines, tuple(map(one_line, notes)), tuple(map(one_line, warnings)))


def _read(
    path: Path, rows: ImageRows, class_names: Sequence[str], like: Sequence[str], normalise: bool
) -> TeacherOutputs:
    table, column = table_for(path, rows)
    return read_teacher(path, table, rows.labels, class_names, column, like=like, normalise=normalise)


def table_for(path: Path, rows: ImageRows) -> tuple[Table, str | None]:
    """A table of images as a file speaks of them, and its column of their names; None: the file names none."""
    column, names = _names_in(path, rows.names) if rows.names else (None, ())
    cells = {column: names} if column is not None else {"index": tuple(map(str, range(len(rows.labels))))}
    return Table(rows.title, tuple(cells), pa.table({name: list(texts) for name, texts in cells.items()})), column


def _names_in(path: Path, names: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The column of a file that names most images, by what it holds, and the images' names as they are spelled there.

    An image "class/file.png" may have folders before it, or be "file.png" or "file" where that names one image alone; a
    number may have lost the zeros before it.
    """
    file, files = read_table(path, has_header=lambda lines: False, gaps=True), [PurePosixPath(name) for name in names]
    short = [names, [each.name for each in files], [each.stem for each in files]]
    short += [[str(each.with_suffix("")) for each in files], [each.stem.lstrip("0") or "0" for each in files]]
    best, column, spelled = 0, None, tuple[str, ...]()
    for name in file.cells.column_names if len(file) else ():
        cells = file.cells.column(name)
        title = name if file.first_line is None else cells[0].as_py()  # of text the first line may be a row
        if pa.types.is_nested(cells.type) or (is_number(str(cells[-1].as_py())) and not _may_name_files(title)):
            continue
        texts = {text.strip() for text in file.texts(name)}
        for form in (*short, _below_folders(texts, names)):
            if (count := len(texts.intersection(form))) > best:
                best, column, spelled = count, title, tuple(form)
    if len(set(spelled)) < len(spelled):
        twice = next(each for place, each in enumerate(spelled) if each in spelled[:place])
        which = " and ".join(map(repr, [name for name, each in zip(names, spelled, strict=True) if each == twice][:2]))
        raise UserError(f"{file.file}: column {column!r}: {twice[:40]!r} may be {which}: expected the folder before it")
    return column, spelled


def _may_name_files(title: str) -> bool:
    """Whether a column of numbers may hold the names of files, rather than count the rows or be outputs."""
    return looks_like_id(title) and not is_index_name(title)


def _below_folders(texts: Collection[str], names: Sequence[str]) -> list[str]:
    """The images' names with the folders, and the slashes, with which one of them stands among texts."""
    known = set(names)
    for text in texts:
        end = "/".join(text.replace("\\", "/").split("/")[-2:])
        if end in known:
            slash = "\\" if "\\" in text else "/"
            return [text[: -len(end)] + name.replace("/", slash) for name in names]
    return []
