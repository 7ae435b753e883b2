"""Your own data, a table: its first rows, the check and what it found, adding the task, and the list of own tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from mtbkd_core.common.progress import OnProgress
from mtbkd_core.imports import preview as previews
from mtbkd_core.imports.check import Checked, check_table
from mtbkd_core.imports.classes import split_names
from mtbkd_core.imports.preview import Preview
from mtbkd_core.imports.spec import Files, TableSpec
from mtbkd_core.imports.uploads import Upload, in_folder
from pages.setup.own_data import kept
from pages.setup.own_data.checked import UNNAMED, checked_once
from pages.ui.words import plain

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


class Features(StrEnum):
    """Where the features come from."""

    DESCRIPTORS = "Of the sequence"
    COLUMNS = "Columns"
    FILE = "A file"
    MODEL = "A protein model"


@dataclass(frozen=True)
class ImportForm:
    """What the person chose, files as the browser sent them."""

    table: UploadedFile
    kind: Features
    label: str | None
    classes: str
    sequence: str | None
    accession: str | None
    columns: tuple[str, ...]
    model: str
    embeddings: UploadedFile | None
    teachers: Mapping[str, UploadedFile]
    test: UploadedFile | None
    test_teachers: Mapping[str, UploadedFile]
    test_embeddings: UploadedFile | None
    normalise: bool
    unlabelled: bool

    def missing(self) -> str:
        """What the person has to choose next, in one line; empty where all is there."""
        if self.label is None:
            return "Choose the column of labels."
        if self.kind in (Features.DESCRIPTORS, Features.MODEL) and self.sequence is None:
            return "Choose the column of sequences, or other features."
        if self.kind is Features.COLUMNS and not self.columns:
            return "Choose at least one column of numbers."
        if self.kind is Features.FILE and self.embeddings is None:
            return "Choose the file of embeddings."
        if self.kind is Features.MODEL and not self.model:
            return "Name the protein model: a folder on this machine, or its name on the Hugging Face hub."
        if not self.teachers:
            return "Choose a file for each teacher: its outputs for every row of the table."
        if self.test is not None and (absent := [name for name in self.teachers if name not in self.test_teachers]):
            return f"Choose the outputs of {absent[0]} for the test table."
        if self.test is not None and self.kind is Features.FILE and self.test_embeddings is None:
            return "Choose the embeddings of the test table."
        return ""

    def uploads(self) -> dict[str, Upload]:
        """The files by what they are for."""
        files: dict[str, UploadedFile | None] = {"table": self.table, "embeddings": self.embeddings, "test": self.test}
        files |= {"test embeddings": self.test_embeddings}
        files |= {f"teacher {name}": file for name, file in self.teachers.items()}
        files |= {f"test teacher {name}": file for name, file in self.test_teachers.items()}
        return {role: Upload(file.name, file.getvalue()) for role, file in files.items() if file is not None}

    def spec(self, paths: Mapping[str, Path]) -> TableSpec:
        """The choices as the core takes them, with the files' paths; only where nothing is `missing`."""
        assert self.label is not None
        classes = tuple(split_names(self.classes)) or None
        own = Files(paths["table"], {name: paths[f"teacher {name}"] for name in self.teachers}, paths.get("embeddings"))
        test = None
        if self.test is not None:
            others = {name: paths[f"test teacher {name}"] for name in self.test_teachers}
            test = Files(paths["test"], others, paths.get("test embeddings"))
        model = self.model or None
        return TableSpec(
            own,
            self.label,
            self.sequence,
            self.columns,
            model,
            classes,
            self.accession,
            test,
            normalise=self.normalise,
            unlabelled=self.unlabelled,
        )

    def mark(self) -> str:
        """Changes with the files and the choices."""
        files = [
            self.table,
            self.embeddings,
            self.test,
            self.test_embeddings,
            *self.teachers.values(),
            *self.test_teachers.values(),
        ]
        ids = [file.file_id if file is not None else "" for file in files]
        columns = (self.label, self.sequence, self.accession, self.columns, self.normalise, self.unlabelled)
        return repr((columns, self.classes, self.model, list(self.teachers), ids))


def preview(file: UploadedFile) -> Preview:
    """The beginning of a table; raises `UserError` where it cannot be read."""
    mark = f"{file.file_id}:{file.name}"
    if st.session_state.get("own:looked", ("",))[0] != mark:
        with in_folder({"table": Upload(file.name, file.getvalue())}) as paths:
            st.session_state["own:looked"] = (mark, previews.preview(paths["table"]))
    seen: Preview = st.session_state["own:looked"][1]
    return seen


def draw_head(seen: Preview) -> None:
    """The first five rows."""
    head = pd.DataFrame({name: texts[:5] for name, texts in seen.head.items()})
    st.dataframe(head.iloc[:, :50], hide_index=True, height="content")
    more = f"; the first 50 of {len(seen.names):,} columns" if len(seen.names) > 50 else ""
    st.caption(f"The table's first rows{more}.")


def choose_column(title: str, seen: Preview, guess: str | None, help: str, *, optional: bool = False) -> str | None:
    """A column by its name, or none where it is optional; the guess stands there at first."""
    options = [*([""] if optional else []), *(name for name in seen.names if name)]
    chosen = st.selectbox(
        title,
        options,
        index=options.index(guess or "") if optional or guess is not None else None,
        format_func=lambda name: name or "None",
        placeholder="Choose a column",
        key=f"own:choice:{title}:{sha256(repr(seen.names).encode()).hexdigest()[:8]}",
        help=help,
    )
    return chosen or None


def name_teachers(files: Sequence[UploadedFile]) -> dict[str, UploadedFile]:
    """Files by the teacher's name, at first made of the file's name."""
    named: dict[str, UploadedFile] = {}
    for file in files:
        guess = previews.teacher_name(file.name)
        name = st.text_input(
            f"Name of the teacher in {plain(file.name)}",
            guess if guess not in named else f"{guess[:36]}-{len(named) + 1}",
            max_chars=40,
            key=f"own:choice:teacher:{file.file_id}",
            help="Short: a to z, 0 to 9 and hyphens. Charts and links use it.",
        ).strip()
        if name in named:
            st.error(plain(f"Two teachers have the name {name!r}; each needs its own."), icon=":material/error:")
            st.stop()
        named[name] = file
    return named


def test_files(teachers: Iterable[str], tested: str, key: str, help: str) -> dict[str, UploadedFile]:
    """Fields for the teachers' outputs on what is tested; the files by teacher, of those that were given."""
    found = {
        name: kept.one_file(f"Outputs of {plain(name)} for {tested}", kept.NUMBERS, f"{key}:{name}", help)
        for name in teachers
    }
    return {name: file for name, file in found.items() if file is not None}


def check(form: ImportForm) -> Checked | None:
    """The checked table, or None and the problem on the page."""

    def work(show: OnProgress) -> Checked:
        with in_folder(form.uploads()) as paths:
            return check_table(UNNAMED, form.spec(paths), on_progress=show)

    return checked_once(form.mark(), work)
