"""Your own data, images: a folder of IDX files is checked and made a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.catalog import adding
from mtbkd_core.catalog.adding_images import LONGEST_TITLE, import_images
from mtbkd_core.catalog.registry import untrained
from mtbkd_core.catalog.settings import change_task
from mtbkd_core.imports.classes import split_names
from mtbkd_core.imports.image_outputs import TeacherFiles
from mtbkd_core.imports.spec import suggest_name
from mtbkd_core.imports.uploads import Upload, in_folder
from pages.setup.own_data import checked, kept, tables
from pages.ui import link, navigation, owner
from pages.ui.jobs import training
from pages.ui.words import plain

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


@dataclass(frozen=True)
class _Given:
    """Files of teachers of one's own as the browser sent them, and how they are to be used."""

    teachers: Mapping[str, UploadedFile]
    tests: Mapping[str, UploadedFile]
    how: Mapping[str, bool]

    def uploads(self) -> dict[str, Upload]:
        """The files by what they are for."""
        files = {f"teacher {name}": file for name, file in self.teachers.items()}
        files |= {f"test teacher {name}": file for name, file in self.tests.items()}
        return {role: Upload(file.name, file.getvalue()) for role, file in files.items()}

    def outputs(self, paths: Mapping[str, Path]) -> TeacherFiles | None:
        """What the core takes, with the files' paths; None where no teacher is given."""
        own = {name: paths[f"teacher {name}"] for name in self.teachers}
        return (
            TeacherFiles(own, {name: paths[f"test teacher {name}"] for name in self.tests}, **self.how) if own else None
        )


def draw() -> None:
    """The form, and the task that it makes."""
    left, right = st.columns(2, gap="large")
    with left:
        folder = st.text_input(
            "Folder",
            key="own:images:folder",
            placeholder="/data/mnist",
            help="A folder on the machine that runs the app: with four IDX files, as MNIST, KMNIST, EMNIST and "
            "Fashion-MNIST have them; with MedMNIST's NPZ; or with a folder of pictures for each class, below train "
            "and test or by themselves. IDX files are not copied.",
        )
        prefix = st.text_input(
            "Prefix",
            key="own:images:prefix",
            placeholder="emnist-digits",
            help="How the names of its files begin. Needed only where the folder holds several sets, as EMNIST's does.",
        )
        transposed = st.toggle(
            "Turn the pictures",
            key="own:images:transposed",
            help="Mirrors each picture along its diagonal: EMNIST's lie on their side.",
        )
    with right:
        title = st.text_input(
            "Title",
            key="own:images:title",
            max_chars=LONGEST_TITLE,
            placeholder="My images",
            help="The task's name on the pages. Links use a short name made from the title.",
        )
        classes = st.text_input(
            "Classes",
            key="own:images:classes",
            placeholder="0, 1, 2, …",
            help="Names in the order of the labels, with commas between them. A name that holds a comma stands in "
            "double quotes. Empty: the labels' numbers.",
        )
    given = _draw_teachers()
    name = suggest_name(title)
    replaces = checked.may_replace(name)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        pressed = st.button(
            "Replace the task" if replaces else "Add this task",
            type="primary",
            icon=":material/add:",
            key="own:images:add",
            disabled=not (folder.strip() and name),
            help="Checks the files, chooses the task, and begins to train its teachers on this machine, unless all "
            "outputs are your own. Each takes minutes, once.",
        )
        checked.say_name(name, replaces, "Needs a folder, and a title with a letter or a digit.")
    if pressed:
        names = classes if classes.strip() else None
        about = {"title": title.strip(), "transposed": transposed, "prefix": prefix.strip(), "replaces": replaces}
        _add(name, folder.strip(), names, given, about)


def _draw_teachers() -> _Given:
    """Files of teachers of one's own, and how they are to be used."""
    with st.expander("Outputs of your own teachers"):
        files = kept.files(
            "Teachers' outputs",
            kept.NUMBERS,
            "own:images:teachers",
            "One file per teacher: a row for each training image in the order of the files, or with a column of file "
            "names in any order; a column for each class. Logits or probabilities. Where the folder has no test "
            "images of its own, a row for each image.",
        )
        teachers = tables.name_teachers(files)
        tests = tables.test_files(
            teachers,
            "the test images",
            "own:images:test",
            "Like the teacher's other file. It is needed where the folder has test images of its own.",
        )
        beside = st.toggle(
            "Train teachers as well",
            key="own:choice:images:beside",
            help="Beside your own, four teachers that are trained on this machine. The student then gets a quarter of "
            "the training images, for they need the rest; otherwise all but those for validation.",
        )
        unseen = st.checkbox(
            "No teacher was trained on these images",
            key="own:choice:images:unseen",
            help="Each teacher is then calibrated on the student's labels. On images that it was trained on, a teacher "
            "looks better than it is: leave this open then.",
        )
        normalise = st.checkbox(
            "Divide each row by its sum",
            key="own:choice:images:normalise",
            help="For percentages, or a probability for each class by itself (sigmoids).",
        )
    return _Given(teachers, tests, {"beside": beside, "unseen": unseen, "normalise": normalise})


def _add(name: str, folder: str, classes: str | None, given: _Given, about: dict[str, Any]) -> None:
    """Make the task, choose it, and begin to train its teachers; every problem is a line."""
    said: list[str] = []
    try:
        names = split_names(classes) if classes is not None else None
        with st.spinner("Checking the images…"), in_folder(given.uploads()) as paths:
            outputs = given.outputs(paths)
            import_images(name, Path(folder), class_names=names, outputs=outputs, say=said.append, **about)
        adding.claim(name, owner.me())
        link.replace(change_task(link.draft(), name))
        missing = untrained(name)
    except UserError as error:
        for line in error.problems:
            st.error(plain(line), icon=":material/error:")
        return
    if warnings := [line.removeprefix("warning: ") for line in said if line.startswith("warning: ")]:
        st.session_state.hint = "; ".join(warnings)
    if missing:
        training.launch(name)
    st.switch_page(navigation.page("teachers"))
