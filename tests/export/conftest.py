"""Small runs of every kind of student, and of students on features, each exported once."""

from typing import Any

import pytest

from mtbkd_core import Result, Task, distill
from tests.small import small

#: What is exported -> settings of a run on the digits.
KINDS: dict[str, dict[str, Any]] = {
    "linear": {},
    "mlp": {"student__kind": "mlp", "student__hidden": "12,9"},
    "cnn": {"student__kind": "cnn", "student__channels": "3,4", "sampler__draws": 6},
    "patches": {"student__features": "patches", "student__n_features": 40},
    "kernel": {"student__kind": "mlp", "student__hidden": "8", "student__features": "kernel"},
}


@pytest.fixture(scope="session")
def runs(few_digits: Task) -> dict[str, Result]:
    return {kind: distill(small(**settings), task=few_digits) for kind, settings in KINDS.items()}
