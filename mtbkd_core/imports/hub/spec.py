"""What a person says of a data set and models of the Hub, or in folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.limits import MAX_ROWS
from mtbkd_core.imports.spec import MAX_TEACHERS, check_name

#: A model reads a text, or two that belong together, such as a premise and a hypothesis.
_MOST_INPUTS = 2


@dataclass(frozen=True)
class HubSpec:
    """Everything that makes a task of a data set and of models: each a folder, or a name on the Hub.

    Attributes:
        data: the data set.
        label: its column of labels.
        inputs: its column of texts or of pictures that models read; two of texts are read together.
        teachers: name -> model with a head for classes; its logits are worked out.
        encoder: model whose mean hidden states are the student's inputs; empty: `columns` are.
        columns: columns of numbers, or of lists of numbers, that are the student's inputs.
        subset: the data set's configuration, where it has several.
        split, test: its parts for the student and for testing; an empty `test`: a fifth of `split` is kept.
        rows: so many of each part, drawn at random with seed 0; None: all.
        classes: names of the classes in order, where the data set's labels have none; None: its own.
        outputs: teacher -> the classes of its outputs in order, where its own names for them say nothing.
        normalise: whether the probabilities of a model that answers for each class by itself are divided by their sum.
        unseen, unlabelled: as `TableSpec`.
    """

    data: str
    label: str
    inputs: tuple[str, ...]
    teachers: Mapping[str, str]
    encoder: str = ""
    columns: tuple[str, ...] = ()
    subset: str = ""
    split: str = "train"
    test: str = ""
    rows: int | None = None
    classes: tuple[str, ...] | None = None
    outputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    normalise: bool = False
    unseen: bool = False
    unlabelled: bool = False

    def __post_init__(self) -> None:
        """Refuse what says nothing or contradicts itself."""
        if not 1 <= len(self.inputs) <= _MOST_INPUTS or self.label in self.inputs:
            raise UserError("inputs: expected a column of texts or of pictures, or two of texts, and not the label's")
        if not 1 <= len(self.teachers) <= MAX_TEACHERS:
            raise UserError(f"teachers: got {len(self.teachers)} models, expected 1 to {MAX_TEACHERS}")
        for name in self.teachers:
            check_name("teacher", name)
        if bool(self.encoder) == bool(self.columns):
            raise UserError("student's inputs: name an encoder, or columns of numbers, and not both")
        if self.label in self.columns:
            raise UserError(f"student's inputs: column {self.label!r} is the label, which the student must not see")
        if self.test == self.split:
            raise UserError(f"test: got {self.test!r}, which the student learns from; name another split, or none")
        if self.rows is not None and not 1 <= self.rows <= MAX_ROWS:
            raise UserError(f"rows: got {self.rows:,}, allowed: 1 to {MAX_ROWS:,}")
        if unknown := next((name for name in self.outputs if name not in self.teachers), None):
            raise UserError(f"outputs: {unknown!r} is no teacher, there are {', '.join(self.teachers)}")
