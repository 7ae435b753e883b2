"""A job of each kind in turn, and computations that take no time."""

import pytest

from mtbkd_core.runs import execute
from mtbkd_core.runs.kinds.registry import KINDS
from tests.runs.kinds.samples import SAMPLES, Sample, Steps


@pytest.fixture(params=KINDS, ids=lambda kind: kind.noun)
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param.noun]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Computations of all kinds that take no time, and what they did."""
    monkeypatch.setattr(execute, "_CANCEL_LOOK_SECONDS", 0.0)
    found = Steps()
    for each in SAMPLES.values():
        each.fake(monkeypatch, found)
    return found
