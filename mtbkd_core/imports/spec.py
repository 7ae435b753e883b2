"""What a person says of their files: which file, which columns, and how they are to be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.kinds import file_and_key

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
MAX_TEACHERS = 32
LONGEST_TITLE = 60


@dataclass(frozen=True)
class Files:
    """A table with the files that belong to its rows.

    Attributes:
        table: its columns named, of any kind that `read_table` reads.
        teachers: name -> file of logits or probabilities.
        embeddings: file of numbers that are the features; None: they come from the table.
    """

    table: Path
    teachers: Mapping[str, Path]
    embeddings: Path | None = None

    def roles(self, before: str = "") -> dict[str, Path]:
        """The files by what they are for, such as "teacher esm2"."""
        named = {f"{before}teacher {who}": path for who, path in self.teachers.items()}
        return named | ({f"{before}embeddings": self.embeddings} if self.embeddings is not None else {})


@dataclass(frozen=True)
class TableSpec:
    """Everything that makes a task of files.

    Attributes:
        files: what the student learns from, and is measured on where there is no `test`.
        label: column of labels.
        sequence: column of amino acid sequences; None: the features are columns of numbers or a file.
        columns: columns of numbers that are the features.
        model: a protein model; its mean-pooled outputs on the sequences are the features: a folder or a hub's name.
        classes: names of the classes, in the order of the teachers' columns; None: the labels' own.
        accession: column that names the rows; None: one with a usual name, if there is one.
        test: files of their own to be measured on, with every teacher's outputs.
        item: what one row is called; its plural takes an s.
        unseen: whether no teacher was trained on the table's labels, so that these can calibrate the teachers.
        normalise: whether teachers' rows that are no probabilities of one class out of C are divided by their sum.
        unlabelled: whether rows without a label are used, for what the teachers say of them.
    """

    files: Files
    label: str
    sequence: str | None = None
    columns: tuple[str, ...] = ()
    model: str | None = None
    classes: tuple[str, ...] | None = None
    accession: str | None = None
    test: Files | None = None
    item: str = ""
    unseen: bool = False
    normalise: bool = False
    unlabelled: bool = False

    def __post_init__(self) -> None:
        """Refuse what says nothing or contradicts itself."""
        for name in self.files.teachers:
            check_name("teacher", name)
        if not 1 <= len(self.files.teachers) <= MAX_TEACHERS:
            raise UserError(f"teachers: got {len(self.files.teachers)} files, expected 1 to {MAX_TEACHERS}")
        if self.test is not None and set(self.test.teachers) != set(self.files.teachers):
            one = min(set(self.test.teachers) ^ set(self.files.teachers))
            lacking = "the table" if one in self.test.teachers else "the test table"
            raise UserError(f"teacher {one}: has no file for {lacking}; every teacher needs one for each table")
        if self.test is not None and (self.test.embeddings is None) != (self.files.embeddings is None):
            raise UserError("embeddings: both the table and the test table need a file, or neither")
        if self.label in self.columns:
            raise UserError(f"features: column {self.label!r} is the label, which the student must not see")
        if twice := [column for place, column in enumerate(self.columns) if column in self.columns[:place]]:
            raise UserError(f"features: column {twice[0]!r} is named twice")
        if sum([bool(self.columns), self.files.embeddings is not None, self.model is not None]) > 1:
            raise UserError("features: columns, a file of embeddings and a model exclude one another")
        if self.sequence is None and not (self.columns or self.files.embeddings):
            raise UserError("features: needs a column of sequences, columns of numbers or a file of embeddings")

    def sources(self) -> dict[str, Path]:
        """All files by what they are for."""
        sources = {"table": self.files.table, **self.files.roles()}
        if self.test is not None:
            sources |= {"test": self.test.table, **self.test.roles("test ")}
        return {role: file_and_key(path)[0] for role, path in sources.items()}


def check_title(title: str) -> str:
    """A title without blanks around it; refuses more than one line, and more than `LONGEST_TITLE` letters."""
    title = title.strip()
    check_one_line(title, "title")
    if len(title) > LONGEST_TITLE:
        raise UserError(f"title: got {len(title)} letters, allowed: at most {LONGEST_TITLE}")
    return title


def check_one_line(text: str, said_in: str) -> None:
    """Refuse text of several lines."""
    if len(text.strip().splitlines()) > 1:
        raise UserError(f"{said_in}: got {text[:40]!r}, expected one line")


def check_name(what: str, name: str) -> None:
    """Refuse a name that is no short word of lower-case letters, digits and hyphens; one line."""
    if not _NAME.fullmatch(name):
        raise UserError(f"{what}: got {name[:60]!r}, allowed: 1 to 40 of a to z, 0 to 9 and -, not at either end")


def suggest_name(text: str) -> str:
    """A name that `check_name` takes, made of a file's name: "esm2-650m-logits"; empty where nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
