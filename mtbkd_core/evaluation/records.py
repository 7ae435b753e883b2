"""Numbers that are saved as JSON: a record is read by attribute or by key, and what a saved file lacks is None."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


#: A number, or None where it is not defined: JSON has no NaN and no infinity.
Number = Annotated[float | None, BeforeValidator(_finite)]


class Record(BaseModel):
    """Saved numbers by name."""

    model_config = ConfigDict(frozen=True)

    def __getitem__(self, name: str) -> Any:
        """A number by its key in the JSON; None where it is not known."""
        if name not in type(self).model_fields:
            raise KeyError(name)
        return getattr(self, name)

    def keys(self) -> list[str]:
        """Names of the numbers that were set, so that `{**record}` works."""
        return [name for name in type(self).model_fields if name in self.model_fields_set]

    def dump(self) -> dict[str, Any]:
        """The record as JSON holds it: what was never set is left out."""
        return self.model_dump(mode="json", exclude_unset=True)

    def updated(self, **values: Any) -> Self:
        """A copy with other values, which are validated."""
        return self.model_validate(self.dump() | values)
