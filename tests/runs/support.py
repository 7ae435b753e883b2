"""What the tests of runs share."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
import torch

from mtbkd_core.catalog.settings import build_config
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.result import FORMAT, Result
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView
from tests.made_up import made_up_predictions

T = TypeVar("T")


def config(**changes: Any) -> RunConfig:
    """The smallest run there is; `sampler__draws=9` changes a setting."""
    small = {"student.kind": "linear", "teachers": "digits-0-4", "sampler.chains": 2, "sampler.draws": 4}
    small |= {"sampler.thinning": 1, "sampler.warm_start_steps": 5, "sampler.burn_in": 5, "device": "cpu"}
    return build_config({**small, **{name.replace("__", "."): value for name, value in changes.items()}}.items())


def eventually(look: Callable[[], T], timeout: float = 180.0) -> T:
    """Wait until `look` answers something true; fails after a time that only a fault takes."""
    deadline = time.monotonic() + timeout
    while not (answer := look()):
        assert time.monotonic() < deadline, f"still {answer!r} after {timeout} s"
        time.sleep(0.01)
    return answer


def report(step: int, phase: Phase = Phase.SAMPLING, steps: int = 100) -> Progress:
    return Progress(phase, step, steps, step / steps, "", (-1.5, float("nan")), (0.25, 0.75))


def endless(seed: int) -> RunConfig:
    """A run that is still computing when the test is over, unless something ends it."""
    return config(seed=seed, sampler__burn_in=1_000_000)


def processes_of(pid: int) -> list[psutil.Process]:
    """The engine's processes under `pid`: not the trackers that Python itself starts."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "resource_tracker" not in command(child)]


def command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def finished(run: RunView) -> RunView:
    """Wait until a run is over."""
    eventually(lambda: store.read(RUN, run.id).finished)
    return store.read(RUN, run.id)


def computing(run: RunView, attempt: int = 1) -> RunView:
    """Wait until an attempt has got as far as sampling."""

    def look():
        view = store.read(RUN, run.id)
        assert not view.finished, view
        return view if view.attempt == attempt and view.progress and view.progress[-1].phase >= Phase.SAMPLING else None

    return eventually(look)


class FakeResult:
    """As little as can be saved and loaded again."""

    def save(self, folder: Path) -> None:
        environment = {"format": FORMAT, "n_features": 64, "class_names": [str(digit) for digit in range(10)]}
        Result(
            config=config(),
            metrics=Metrics.model_validate({"student": {"accuracy": 0.9}}),
            draws=torch.zeros(2, 4, 650),
            predictions=made_up_predictions(),
            environment=environment,
        ).save(folder)
