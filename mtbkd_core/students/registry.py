"""Students by name: a kind's file exports its `SPEC`, and bears the kind's name."""

from __future__ import annotations

from importlib import import_module

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.base import Student, StudentSpec


def student_spec(kind: StudentKind) -> StudentSpec:
    """The kind's `SPEC`."""
    spec: StudentSpec = import_module(f"mtbkd_core.students.{kind.value}").SPEC
    return spec


def build_student(
    config: StudentConfig, n_features: int, n_classes: int, image_shape: tuple[int, int] | None = None
) -> Student:
    """The student that a configuration asks for, on F inputs, which may be images, and C classes.

    Raises:
        UserError: a kind that needs images where the inputs are none, or settings that do not fit the images.
    """
    if config.kind.needs_pictures and image_shape is None:
        allowed = ", ".join(kind for kind in StudentKind if not kind.needs_pictures)
        raise UserError(f"student.kind: got '{config.kind}', but the task's inputs are not images; allowed: {allowed}")
    return student_spec(config.kind).build(config, n_features, n_classes, image_shape)
