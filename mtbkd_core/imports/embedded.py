"""Images of which a student sees embeddings: they become the rows of a table, with small pictures for people to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.files import sha256
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, UserErrors, one_line, stop_if
from mtbkd_core.images.files import ImageFiles
from mtbkd_core.images.originals import Originals, Part, find_pictures, look_at, thumbnail
from mtbkd_core.imports.check import Checked, fingerprint_of
from mtbkd_core.imports.data import About, Rows, TableData
from mtbkd_core.imports.features import warn_of_features
from mtbkd_core.imports.hub.models import load_model, outputs_of
from mtbkd_core.imports.image_labels import check_enough, check_folder, classes_of, from_zero
from mtbkd_core.imports.image_outputs import (
    ImageOutputs,
    ImageRows,
    TeacherFiles,
    files_rows,
    image_rows,
    read_outputs,
    table_for,
)
from mtbkd_core.imports.kinds import file_and_key
from mtbkd_core.imports.limits import check_size
from mtbkd_core.imports.number_file import open_numbers
from mtbkd_core.imports.spec import check_name, check_title
from mtbkd_core.imports.table import count_of

#: What a column of labels beside embeddings is called.
_LABEL = "label"
_PARTS = ("train", "test")
_REPORT_EVERY = 100


class _Features(NamedTuple):
    """The student's inputs [N, F], their names where they have any, and what there is to say, a line each."""

    values: Tensor
    names: tuple[str, ...]
    notes: list[str]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class EmbeddedImages:
    """Everything that makes a task of images and of embeddings that a student sees in place of them.

    Attributes:
        folder, prefix, transposed, class_names: as `import_images`.
        outputs: of teachers; the program trains none, for what these see are pixels.
        embeddings: file of numbers for each training image, or each image where the program chooses the test images.
        tests: likewise, for the test images.
        encoder: in place of files, a model of pictures whose mean hidden states they are: a folder, or a Hub's name.
    """

    folder: Path
    outputs: TeacherFiles | None
    embeddings: Path | None = None
    tests: Path | None = None
    encoder: str = ""
    prefix: str = ""
    transposed: bool = False
    class_names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what says nothing or contradicts itself."""
        if self.tests is not None and self.embeddings is None:
            raise UserError("embeddings: those of the test images need a file for the training images beside them")
        if (self.embeddings is None) == (not self.encoder):
            raise UserError("embeddings: expected a file, or an encoder that makes them, and not both")
        if self.outputs is None:
            raise UserError(
                "embeddings: a student that sees them needs teachers with outputs of their own (--teacher name=file): "
                "those that are trained on this machine see pixels"
            )
        if self.outputs.beside:
            raise UserError(
                "embeddings: teachers that are trained on this machine (--trained) see pixels; leave it out"
            )


def check_embedded(
    name: str,
    images: EmbeddedImages,
    *,
    title: str = "",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Checked:
    """Read and check images, their embeddings and teachers' outputs; nothing is written but what an encoder made.

    Args:
        name, title: as `check_table`.
        on_progress: called with how far the encoder is, and the pictures.
    Raises:
        UserError: the first problem of the images, one line; everything that is wrong with the other files.
        Cancelled: `should_stop` said so.
    """
    check_name("name", name)
    title, folder = check_title(title), check_folder(images.folder)
    found = _originals(folder, images)
    labels, notes = from_zero(folder, {part: each.labels for part, each in found.parts.items()})
    classes = classes_of(folder, labels["train"], images.class_names or found.class_names)
    check_enough(folder, classes, labels["train"], labels["test"], trains=False)
    check_size(folder.name, sum(map(len, found.parts.values())), 0)
    rows = image_rows(labels, {part: each.names for part, each in found.parts.items()})
    read, (features, names, said, doubts) = _read_all(images, found, rows, classes, on_progress, should_stop)
    own = rows[0].labels
    doubts += warn_of_features(features[: len(own)].numpy(), own, (), _source_of(images))
    shown = _thumbnails(found.parts, on_progress, should_stop)
    start, parts = 0, list[Rows]()
    for part in rows:
        which = slice(start, start := start + len(part.labels))
        parts.append(
            Rows(
                features[which],
                torch.from_numpy(part.labels),
                {who: logits[which] for who, logits in read.logits.items()},
                part.names,
                (),
                {who: mask[which] for who, mask in read.together.items()},
                tuple(shown[which]),
            )
        )
    about = About(
        name=name,
        title=title or name,
        description=f"{count_of(len(parts[0]), 'image')} of {len(classes)} classes from {folder.name}; tested on "
        f"{len(parts[1]):,} others. In place of pixels the student sees embeddings from {_source_of(images)}.",
        item="image",
        class_names=classes,
        teachers=read.lines,
        fingerprint=fingerprint_of(parts, classes, None),
        feature_names=names,
    )
    return Checked(
        TableData(about, parts[0], parts[1]),
        (*found.notes, *notes, *read.notes, *map(one_line, said)),
        (*read.warnings, *map(one_line, doubts)),
        _sources(images),
    )


def _originals(folder: Path, images: EmbeddedImages) -> Originals:
    """The pictures of a folder as they are."""
    files = ImageFiles("images", "", installed=folder, prefix=images.prefix)
    found = None if files.holds_all(folder) else find_pictures(folder)
    if found is not None:
        look_at(folder, [each for part in found.parts.values() for each in part.held if isinstance(each, Path)])
    else:
        found = Originals({part: Part(f"{folder.name}, {part}", *files.originals(part)) for part in _PARTS})
    turned = {part: replace(each, transposed=images.transposed) for part, each in found.parts.items()}
    return replace(found, parts=turned)


def _read_all(
    images: EmbeddedImages,
    found: Originals,
    rows: list[ImageRows],
    classes: Sequence[str],
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> tuple[ImageOutputs, _Features]:
    """Teachers' outputs and the student's inputs [N, F] of the training and then the test images.

    Raises:
        UserError: everything that is wrong with the files.
    """
    assert images.outputs is not None
    problems: list[str] = []
    read, features = None, None
    try:
        about, order = files_rows(rows, found.divided and not images.outputs.tests)
        read = _in_order(read_outputs(images.outputs, about, classes), order)
    except UserError as error:
        problems += error.problems
    try:
        if images.embeddings is not None:
            about, order = files_rows(rows, found.divided and images.tests is None)
            given = _from_files(images, about)
            features = given._replace(values=given.values[np.argsort(order)])
        elif not problems:  # a model takes its time
            features = _from_encoder(images.encoder, found.parts, on_progress, should_stop)
    except UserError as error:
        problems += error.problems
    except MemoryError:
        problems.append(f"{_source_of(images)}: takes more memory than there is")
    if problems or read is None or features is None:
        raise UserErrors(problems) if len(problems) > 1 else UserError(problems[0])
    return read, features


def _in_order(read: ImageOutputs, order: np.ndarray) -> ImageOutputs:
    """Outputs [N, C] whose rows stood in an order, in that of the images."""
    back = np.argsort(order)
    logits = {who: each[back] for who, each in read.logits.items()}
    return replace(read, logits=logits, together={who: mask[back] for who, mask in read.together.items()})


def _from_files(images: EmbeddedImages, parts: Sequence[ImageRows]) -> _Features:
    """Embeddings from the files, rows of all parts one after another."""
    if len(parts) == 2 and images.tests is None:
        raise UserError(
            "embeddings: there is no file for the test images (--test-embeddings); one that has vectors by name may be "
            "that of the training images"
        )
    if images.tests == images.embeddings and (twice := sorted(set(parts[0].names) & set(parts[-1].names))):
        raise UserError(
            f"{_source_of(images)}: a training image and a test image are called {twice[0][:40]!r}: expected a file of "
            "embeddings for each part"
        )
    first: tuple[str, ...] | None = None
    found, said, doubts = list[np.ndarray](), list[str](), list[str]()
    for path, rows in zip(filter(None, [images.embeddings, images.tests]), parts, strict=True):
        table, column = table_for(path, rows)
        opened = open_numbers(path, table, column, label=_LABEL)
        columns, line = (opened.feature_names(), "") if first is None else opened.features_like(first)
        first = columns if first is None else first
        found.append(opened.in_order(opened.values(columns or None, np.float32)))
        said += [*opened.notes, opened.matching, *filter(None, [line])]
        doubts += opened.warnings
    widths = [values.shape[1] for values in found]
    if len(set(widths)) > 1:
        raise UserError(f"{images.tests}: {count_of(widths[1], 'feature')}, expected {widths[0]:,} as for the training")
    return _Features(torch.from_numpy(np.concatenate(found)), first or (), said, tuple(doubts))


def _from_encoder(
    encoder: str, parts: Mapping[str, Part], on_progress: OnProgress | None, should_stop: ShouldStop | None
) -> _Features:
    """Mean hidden states of a model for all parts one after another."""
    model = load_model(encoder, "encoder", pictures=True, head=False)
    found = [outputs_of(model, parts[part], "", (), on_progress, should_stop) for part in _PARTS]
    states = torch.cat([states for states, _ in found])
    check_size(model.source.name, *states.shape)
    means = f"means of {states.shape[1]:,} hidden states are the student's inputs"
    return _Features(states, (), [f"{line}; {means}" for _, line in found])


def _thumbnails(parts: Mapping[str, Part], on_progress: OnProgress | None, should_stop: ShouldStop | None) -> list[str]:
    """Small pictures of all parts, one after another."""
    total, found = sum(map(len, parts.values())), list[str]()
    for part in (parts[each] for each in _PARTS):
        for row in range(len(part)):
            found.append(thumbnail(part.pictures("", row, row + 1)[0]))
            if len(found) % _REPORT_EVERY == 0:
                stop_if(should_stop)
                if on_progress is not None:
                    line = f"Small pictures to show: {len(found):,} of {total:,}"
                    on_progress(Progress(Phase.TEACHERS, len(found), total, len(found) / total, line))
    return found


def _source_of(images: EmbeddedImages) -> str:
    """Where the embeddings are from, in a word."""
    return Path(images.encoder).name if images.embeddings is None else file_and_key(images.embeddings)[0].name


def _sources(images: EmbeddedImages) -> dict[str, dict[str, str]]:
    """As `Checked.sources`."""
    assert images.outputs is not None
    paths = {"embeddings": images.embeddings, "test embeddings": images.tests}
    paths |= {f"teacher {who}": path for who, path in images.outputs.teachers.items()}
    paths |= {f"test teacher {who}": path for who, path in images.outputs.tests.items()}
    files = {role: file_and_key(path)[0] for role, path in paths.items() if path is not None}
    return {role: {"file": path.name, "sha256": sha256(path)} for role, path in files.items()}
