"""Lessons: a list of steps with a sentence each, which the playground shows one after the other.

A lesson is YAML: `title`, `line` (what it is about), and `steps`, each with `text`, `play` (a state of the playground,
as its link has it after `play=`; nothing: the start) and, if wanted, `show` (the pictures of the stage), `pin` (compare
with the last step that has another state), `guess` (what to ask for before it is shown) and `edit` (clicks on the map
change points; else they only choose the point that is looked at).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mtbkd_core.common.plain_yaml import plain_yaml
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.parse import describe
from mtbkd_core.teachers.shipped import DATA

#: Bytes of a lesson file that are read.
LARGEST = 2**18


class Picture(StrEnum):
    """What can stand on the stage."""

    PREDICTION = "prediction"
    UNSURE = "unsure"
    TRUTH = "truth"
    BORDERS = "borders"
    RELIABILITY = "reliability"
    POINT = "point"
    SHARES = "shares"
    NUMBERS = "numbers"


class Guess(StrEnum):
    """What a step may ask for before it shows it."""

    SHARES = "shares"
    RELIABILITY = "reliability"


def _state(value: Any) -> Any:
    """A state from itself or from a whole link."""
    if isinstance(value, str) and "://" in value:
        return parse_qs(urlsplit(value.strip()).query).get("play", [""])[0]
    return "" if value is None else value


class Step(BaseModel):
    """One step of a lesson."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1, max_length=1000)
    play: Annotated[str, BeforeValidator(_state), Field(max_length=4000, pattern=r"^[\w.*+-]*$")] = ""
    show: tuple[Picture, ...] = Field((Picture.PREDICTION,), min_length=1)
    pin: bool = False
    guess: Guess | None = None
    edit: bool = False


class Lesson(BaseModel):
    """A lesson."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1, max_length=120)
    line: str = Field("", max_length=300)
    steps: tuple[Step, ...] = Field(min_length=1, max_length=40)

    def as_yaml(self) -> str:
        """The lesson as the text of a file that `read_lesson` takes."""
        text: str = yaml.safe_dump(
            self.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True
        )
        return text


def read_lesson(text: bytes | str) -> Lesson:
    """A lesson from the text of its file.

    Raises:
        UserError: too large, no YAML, or not a lesson.
    """
    if len(text) > LARGEST:
        raise UserError(f"lesson: the file is larger than {LARGEST // 1024} KiB")
    try:
        return Lesson.model_validate(plain_yaml(text, "lesson"))
    except ValidationError as error:
        raise UserError(f"lesson: {describe(error)}") from None


@cache
def shipped() -> Mapping[str, Lesson]:
    """The lessons that come with the program, by name."""
    found: dict[str, Any] = plain_yaml((DATA / "lessons.yaml").read_bytes(), "lessons.yaml")
    return {name: Lesson.model_validate(lesson) for name, lesson in found.items()}
