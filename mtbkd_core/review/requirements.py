"""Requirements that a student has to meet, set beforehand: as controls on a page, and as a YAML file."""

from __future__ import annotations

import json
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mtbkd_core.common.plain_yaml import plain_yaml
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.parse import describe
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
#: What an address says of requirements that nobody has changed.
_DEFAULTS = "default"
#: Bytes of a requirements file that are read.
LARGEST = 2**16


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassAccuracy(_Part):
    """The accuracy that every class needs; one with fewer test examples is not judged."""

    at_least: Share = 0.5
    min_examples: int = Field(20, ge=1)


class Answered(_Part):
    """The share of cases that the student answers by itself, and the share of wrong answers among them."""

    share: Share = 0.6
    max_risk: Share = 0.05


class Requirements(_Part):
    """What is asked of a student; one that is None is not asked.

    Attributes:
        accuracy: share of right answers, at least.
        class_accuracy: the same within each class.
        ece: expected calibration error, at most.
        coverage: of the 95 % credible sets, at least.
        answered: see `Answered`.
        ood_auroc: how well the epistemic part tells out-of-distribution inputs, at least, for every shift of the task.
        max_bytes: of the smallest export that is level with the run, at most.
        latency_ms: of its answer to one input, at most, in milliseconds.
        r_hat: of the mean log probability, its 95th percentile over examples and the log joint, at most.
    """

    accuracy: Share | None = 0.8
    class_accuracy: ClassAccuracy | None = ClassAccuracy()
    ece: Share | None = 0.05
    coverage: Share | None = 0.93
    answered: Answered | None = Answered()
    ood_auroc: Share | None = None
    max_bytes: Positive | None = None
    latency_ms: Positive | None = None
    r_hat: Annotated[float, Field(gt=1, le=10)] | None = R_HAT_LIMIT

    @property
    def needs_costs(self) -> bool:
        """Whether size or time has to be measured."""
        return self.max_bytes is not None or self.latency_ms is not None

    def as_yaml(self) -> str:
        """The text of a file that `read_requirements` takes."""
        text: str = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
        return text

    def as_link(self) -> str:
        """What differs from the defaults, as `from_link` takes it from an address."""
        default = Requirements().model_dump(mode="json")
        changed = {name: value for name, value in self.model_dump(mode="json").items() if value != default[name]}
        return json.dumps(changed, separators=(",", ":")) if changed else _DEFAULTS


def from_link(text: str) -> Requirements:
    """Requirements from an address; those that it leaves out are the defaults.

    Raises:
        UserError: as `read_requirements`.
    """
    if text == _DEFAULTS:
        return Requirements()
    return _checked(Requirements().model_dump(mode="json") | _values(text))


def read_requirements(text: bytes | str) -> Requirements:
    """Requirements from the text of a YAML file; what it leaves out is not asked.

    Raises:
        UserError: too large, no YAML, an unknown name or a value that is not allowed.
    """
    values = _values(text)
    absent = {name: None for name in Requirements.model_fields if name not in values}
    return _checked(absent | values)


def _values(text: bytes | str) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise UserError(f"requirements: the file is larger than {LARGEST // 1024} KiB")
    values: Any = plain_yaml(text, "requirements")
    if not isinstance(values, dict) or not values:
        raise UserError(f"requirements: names and values are needed, such as 'accuracy: 0.9'; got {str(values)[:60]!r}")
    return values


def _checked(values: dict[str, Any]) -> Requirements:
    try:
        return Requirements.model_validate(values)
    except ValidationError as error:
        raise UserError(f"requirements: {describe(error)}") from None
