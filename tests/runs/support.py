"""What the tests of runs share."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mtbkd_core.config import RunConfig, build_config
from mtbkd_core.files import write_atomically
from mtbkd_core.progress import Phase, Progress

T = TypeVar("T")


def config(**changes: Any) -> RunConfig:
    """The smallest run there is; `sampler__draws=9` changes a setting."""
    small = {"student.kind": "linear", "teachers": "digits-0-4", "sampler.chains": 2, "sampler.draws": 4}
    small |= {"sampler.thinning": 1, "sampler.warm_start_steps": 5, "sampler.burn_in": 5, "device": "cpu"}
    return build_config({**small, **{name.replace("__", "."): value for name, value in changes.items()}}.items())


def eventually(look: Callable[[], T], timeout: float = 60.0) -> T:
    """Wait until `look` answers something true; fails after a time that only a fault takes."""
    deadline = time.monotonic() + timeout
    while not (answer := look()):
        assert time.monotonic() < deadline, f"still {answer!r} after {timeout} s"
        time.sleep(0.01)
    return answer


def report(step: int, phase: Phase = Phase.SAMPLING, steps: int = 100) -> Progress:
    return Progress(phase, step, steps, step / steps, "", (-1.5, float("nan")), (0.25, 0.75))


class FakeResult:
    """As much of a result as `execute` touches."""

    def save(self, folder: Path) -> None:
        write_atomically(Path(folder) / "posterior.safetensors", b"draws")
        write_atomically(Path(folder) / "metrics.json", '{"student": {"accuracy": 0.9}}')
