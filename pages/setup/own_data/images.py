"""Your own data, images: a folder of them, teachers' outputs and embeddings are checked and made a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import streamlit as st

from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import untrained
from mtbkd_core.common.progress import OnProgress
from mtbkd_core.imports.check import Checked
from mtbkd_core.imports.classes import split_names
from mtbkd_core.imports.embedded import EmbeddedImages, check_embedded
from mtbkd_core.imports.image_outputs import TeacherFiles
from mtbkd_core.imports.uploads import Upload, in_folder
from pages.setup.own_data import checked, kept, tables
from pages.ui.jobs import training
from pages.ui.words import plain

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_KEY = "own:choice:images:"


class Sees(StrEnum):
    """What a student sees of an image."""

    PIXELS = "Pixels"
    FILE = "Embeddings"
    ENCODER = "An encoder's outputs"


@dataclass(frozen=True)
class Looked:
    """What a check found of images of which a student sees pixels: a line, and as `Checked`."""

    line: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """What the person chose, files as the browser sent them, by what they are for.

    Attributes:
        teachers, tests: names of those with outputs of their own, and with some for the test images.
        files: what they are for, such as "teacher vit" -> the file.
        how: `beside` and `normalise` of `TeacherFiles`.
    """

    folder: str
    prefix: str
    transposed: bool
    classes: str
    sees: Sees
    encoder: str
    teachers: tuple[str, ...]
    tests: tuple[str, ...]
    files: Mapping[str, UploadedFile] = field(repr=False)
    how: Mapping[str, bool]

    def missing(self) -> str:
        """What the person has to choose next, in one line; empty where all is there."""
        if not self.folder:
            return "Name the folder of the images."
        if self.sees is Sees.FILE and "embeddings" not in self.files:
            return "Choose the file of embeddings."
        if self.sees is Sees.ENCODER and not self.encoder:
            return "Name the encoder: a folder on this machine, or its name on the Hugging Face Hub."
        return ""

    def mark(self) -> str:
        """Changes with the files and the choices."""
        return repr((self, {role: file.file_id for role, file in self.files.items()}))

    def uploads(self) -> dict[str, Upload]:
        """The files by what they are for."""
        return {role: Upload(file.name, file.getvalue()) for role, file in self.files.items()}

    def outputs(self, paths: Mapping[str, Path], unseen: bool = False) -> TeacherFiles | None:
        """The teachers' files; None where no teacher is given."""
        own = {name: paths[f"teacher {name}"] for name in self.teachers}
        tests = {name: paths[f"test teacher {name}"] for name in self.tests}
        return TeacherFiles(own, tests, unseen=unseen, **self.how) if own else None

    def about(self) -> dict[str, Any]:
        """What the core is told of the folder, whatever a student sees."""
        names = split_names(self.classes) if self.classes.strip() else None
        return {"class_names": names, "transposed": self.transposed, "prefix": self.prefix}


def draw() -> None:
    """The form, the check, and the task that it makes."""
    form = _draw_form()
    st.header("Check", anchor=False)
    if missing := form.missing():
        st.info(missing, icon=":material/edit:")
        return
    asked = st.button(
        "Check the images",
        icon=":material/fact_check:",
        key="own:images:check",
        help="Reads the images and the files. An encoder works out the student's inputs, which are kept, so that it is "
        "asked once about the same images.",
    )
    if not asked and not checked.was_checked(form.mark()):
        return
    found = checked.checked_once(form.mark(), lambda show: _check(form, show))
    called = PurePath(form.folder).name
    if isinstance(found, Checked):
        checked.draw_checked(found, form.folder, called)
    elif found is not None:
        checked.draw_findings(found.line, found.notes, found.warnings)

        def save(name: str, title: str, unseen: bool, replaces: bool) -> None:
            with st.spinner("Reading the images…"):
                _import(form, name, title=title, unseen=unseen, replaces=replaces)

        checked.draw_adding(form.folder, called, save, taught=bool(form.teachers), then=_begin_training)


def _begin_training(name: str) -> None:
    """Have the engine train the task's teachers, where it has some that are trained here."""
    if untrained(name):
        training.launch(name)


def _check(form: Form, show: OnProgress) -> Checked | Looked:
    if form.sees is Sees.PIXELS:
        return _import(form, checked.UNNAMED, only_check=True)
    with in_folder(form.uploads()) as paths:
        emb = (paths.get("embeddings"), paths.get("test embeddings"), form.encoder)
        images = EmbeddedImages(Path(form.folder), form.outputs(paths), *emb, **form.about())
        return check_embedded(checked.UNNAMED, images, on_progress=show)


def _import(form: Form, name: str, *, unseen: bool = False, **more: Any) -> Looked:
    """Make the task of pixels, or only check it; what there is to say of it."""
    said: list[str] = []
    with in_folder(form.uploads()) as paths:
        outputs = form.outputs(paths, unseen)
        task = import_images(name, Path(form.folder), outputs=outputs, say=said.append, **form.about(), **more)
    warnings = [line for line in said if line.startswith("warning: ")]
    notes = tuple(line for line in said if line not in warnings)
    return Looked(task.INFO.description, notes, tuple(line.removeprefix("warning: ") for line in warnings))


def _draw_form() -> Form:
    """The fields."""
    left, right = st.columns(2, gap="large")
    with left:
        folder = st.text_input(
            "Folder",
            key=f"{_KEY}folder",
            placeholder="/data/mnist",
            help="A folder on the machine that runs the app: with four IDX files, as MNIST, KMNIST, EMNIST and "
            "Fashion-MNIST have them; with MedMNIST's NPZ; or with a folder of pictures for each class, below train "
            "and test or by themselves. IDX files are not copied.",
        )
        prefix = st.text_input(
            "Prefix",
            key=f"{_KEY}prefix",
            placeholder="emnist-digits",
            help="How the names of its files begin. Needed only where the folder holds several sets, as EMNIST's does.",
        )
        transposed = st.toggle(
            "Turn the pictures",
            key=f"{_KEY}transposed",
            help="Mirrors each picture along its diagonal: EMNIST's lie on their side.",
        )
    with right:
        classes = st.text_input(
            "Classes",
            key=f"{_KEY}classes",
            placeholder="0, 1, 2, …",
            help="Names in the order of the labels, with commas between them. A name that holds a comma stands in "
            "double quotes. Empty: the folders' names, or the labels' numbers.",
        )
        sees, encoder, files = _draw_inputs()
    with st.expander("Outputs of your own teachers", expanded=sees is not Sees.PIXELS):
        teachers, tests, own, how = _draw_teachers(sees is Sees.PIXELS)
    return Form(
        folder.strip(), prefix.strip(), transposed, classes, sees, encoder, teachers, tests, {**own, **files}, how
    )


def _draw_inputs() -> tuple[Sees, str, dict[str, UploadedFile]]:
    """What the student sees: pixels, files of embeddings, or an encoder's name."""
    sees = Sees(
        st.segmented_control(
            "The student sees",
            list(Sees),
            default=Sees.PIXELS,
            required=True,
            key=f"{_KEY}sees",
            help="Pixels, or features that are fitted to them; or numbers that stand for each image: from files of "
            "yours, or an encoder's hidden states, averaged over the image. Those need teachers with outputs of "
            "their own, for teachers that are trained here see pixels.",
        )
    )
    encoder = ""
    files: dict[str, UploadedFile | None] = {}
    if sees is Sees.FILE:
        files["embeddings"] = kept.one_file(
            "Embeddings",
            kept.NUMBERS,
            "own:images:embeddings",
            "Numbers: a row for each training image in the order of the files, or with their names in any order. Where "
            "the folder has no test images of its own, a row for each image.",
        )
        files["test embeddings"] = kept.one_file(
            "Embeddings of the test images",
            kept.NUMBERS,
            "own:images:test-embeddings",
            "Like those of the training images. They are needed where the folder has test images of its own.",
        )
    if sees is Sees.ENCODER:
        encoder = st.text_input(
            "Encoder",
            key=f"{_KEY}encoder",
            placeholder="owner/encoder",
            help="A model of pictures of the library transformers: a folder on the machine that runs the app, or a "
            "name on the Hugging Face Hub. Only safetensors weights are read, and no code of its own is run.",
        ).strip()
    return sees, encoder, {role: file for role, file in files.items() if file is not None}


def _draw_teachers(
    may_train: bool,
) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, UploadedFile], dict[str, bool]]:
    """Teachers of one's own: all names, those with a file for the test images, files, and how they are used."""
    given = kept.files(
        "Teachers' outputs",
        kept.NUMBERS,
        "own:images:teachers",
        "One file per teacher: a row for each training image in the order of the files, or with a column of file "
        "names in any order; a column for each class. Logits or probabilities. Where the folder has no test "
        "images of its own, a row for each image.",
    )
    teachers = tables.name_teachers(given)
    files = {f"teacher {name}": file for name, file in teachers.items()}
    tests = []
    for name in teachers:
        file = kept.one_file(
            f"Outputs of {plain(name)} for the test images",
            kept.NUMBERS,
            f"own:images:test:{name}",
            "Like the teacher's other file. It is needed where the folder has test images of its own.",
        )
        if file is not None:
            tests.append(name)
            files[f"test teacher {name}"] = file
    beside = may_train and st.toggle(
        "Train teachers as well",
        key=f"{_KEY}beside",
        help="Beside your own, four teachers that are trained on this machine. The student then gets a quarter of "
        "the training images, for they need the rest; otherwise all but those for validation.",
    )
    normalise = st.checkbox(
        "Divide each row by its sum",
        key=f"{_KEY}normalise",
        help="For percentages, or a probability for each class by itself (sigmoids).",
    )
    return tuple(teachers), tuple(tests), files, {"beside": beside, "normalise": normalise}
