"""How a setting is described: once, beside its field; controls, sentences, links, sweeps and --help read it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import Field


class Relative(StrEnum):
    """What a sweep's proposed values are multiples of."""

    NOTHING = "nothing"
    TASK_DEFAULT = "the task's default"
    CLASSES = "the number of classes"
    LABELLED = "the task's labelled examples"
    SPARE = "the examples that can be shown without labels"


def always(config: Any) -> bool:
    """A setting that matters under every configuration."""
    return True


@dataclass(frozen=True)
class Setting:
    """What a person needs to know of a setting.

    Attributes:
        title: its one name.
        help: one or a few sentences; what happens when the number goes up.
        phrase: how a sentence names its value, with `{}` in the value's place.
        symbol: in formulas.
        unit: of the number; empty where it has none.
        low, high, step: of its control; a value beyond them is allowed as far as the field allows it.
        logarithmic: whether its range is looked at on a logarithmic scale.
        placeholder: what an empty text field means.
        sweep: values to try; empty where it cannot be swept.
        relative: what `sweep` are multiples of.
        sweep_title: where a sweep's values mean something narrower than the setting's.
        matters: whether it changes anything under a configuration.
        per_teacher: whether it holds one number for each teacher.
        unset: the word, in text, for a value that is left to the program.
    """

    title: str
    help: str
    phrase: str = ""
    symbol: str = ""
    unit: str = ""
    low: float = 0
    high: float = 0
    step: float = 1
    logarithmic: bool = False
    placeholder: str = ""
    sweep: tuple[Any, ...] = ()
    relative: Relative = Relative.NOTHING
    sweep_title: str = ""
    matters: Callable[[Any], bool] = always
    per_teacher: bool = False
    unset: str = "none"

    @property
    def label(self) -> str:
        """The title with its symbol."""
        return f"{self.title} ({self.symbol})" if self.symbol else self.title


def setting(default: Any, title: str, help: str, *, field: dict[str, Any] | None = None, **about: Any) -> Any:
    """A pydantic field with its description; `field` holds bounds for pydantic, `about` the rest of `Setting`."""
    described = Setting(title, help, **about)
    info = Field(default, title=title, description=help, **(field or {}))
    info.metadata.append(described)
    return info
