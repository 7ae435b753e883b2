"""Sampler benchmarks: all samplers on one posterior, each for the same time, against a longer exact run.

A benchmark measures the machine, so the same one asked for again is another job: its spec has a round. `standings.json`
is replaced while it goes on; `race.json` is the end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.common.files import write_atomically
from mtbkd_core.common.progress import OnProgress, Progress, UserError
from mtbkd_core.config.choices import Device
from mtbkd_core.config.models import RunConfig
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, JobSpec, JobView, Work
from mtbkd_core.studies import sampler_benchmark as study
from mtbkd_core.studies.sampler_trace import SamplerTraces

SO_FAR, RESULT = "standings.json", "race.json"
SECONDS_LIMITS = (1.0, 60.0)
_WRITE_EVERY = 0.3
#: Of the whole progress, where teachers have to be trained for it.
_TEACHERS_SHARE = 0.1


class SamplerBenchmarkSpec(JobSpec):
    """What is measured.

    Attributes:
        config: says which posterior; the sampler's settings are not used.
        seconds: of each sampler.
        round: distinguishes benchmarks that are asked for twice.
    """

    seconds: float = Field(ge=SECONDS_LIMITS[0], le=SECONDS_LIMITS[1])
    round: int = Field(0, ge=0)

    @property
    def expected_seconds(self) -> float:
        """How long the reference and all samplers take."""
        return study.reference_seconds(self.seconds) + len(study.COMPARED) * self.seconds

    @property
    def device(self) -> Device:
        """As `JobSpec.device`."""
        return Device.CPU


@dataclass(frozen=True, kw_only=True)
class SamplerBenchmarkView(JobView[SamplerBenchmarkSpec]):
    """A sampler benchmark as it was when it was looked at.

    Attributes:
        outcome: as far as it has come; from a list none.
    """

    outcome: SamplerTraces = field(default_factory=SamplerTraces)

    @classmethod
    def contents(cls, folder: Path, state: State) -> dict[str, Any]:
        """As `JobView.contents`.

        Raises:
            UserError: it is done, and its result is torn, another's, or not of a benchmark that is over.
        """
        if state is State.DONE:
            return {"outcome": _end(folder)}
        with suppress(UserError):
            return {"outcome": _read_outcome(folder / SO_FAR)}
        return {}


def sampler_benchmark_spec(config: RunConfig, seconds: float) -> SamplerBenchmarkSpec:
    """The benchmark on the posterior of these settings.

    Raises:
        UserError: seconds beyond the limits.
    """
    low, high = SECONDS_LIMITS
    if not low <= seconds <= high:
        raise UserError(f"seconds: got {seconds:g}, allowed: {low:g} to {high:g}")
    return SamplerBenchmarkSpec(config=config, seconds=seconds)


def _compute(spec: SamplerBenchmarkSpec, work: Work) -> Mapping[str, Any]:
    whole = _WholeProgress(work.on_progress)
    task = load_task(spec.config.data, on_progress=whole.teachers, should_stop=work.should_stop)
    written = float("-inf")

    def show(outcome: SamplerTraces) -> None:
        nonlocal written
        if time.monotonic() - written >= _WRITE_EVERY:
            write_atomically(work.folder / SO_FAR, json.dumps(outcome.to_json(), allow_nan=False))
            written = time.monotonic()

    outcome = study.run_benchmark(
        spec.config,
        task,
        spec.seconds,
        on_progress=whole.samplers,
        on_traces=show,
        should_stop=work.should_stop,
    )
    return outcome.to_json()


class _WholeProgress:
    """The whole benchmark's progress, which never falls: teachers' training, where there is any, is its first part."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._before = self._fraction = 0.0

    def teachers(self, progress: Progress) -> None:
        self._before = _TEACHERS_SHARE
        self._report(progress, _TEACHERS_SHARE * progress.fraction)

    def samplers(self, progress: Progress) -> None:
        self._report(progress, self._before + (1 - self._before) * progress.fraction)

    def _report(self, progress: Progress, fraction: float) -> None:
        self._fraction = max(self._fraction, fraction)
        self._on_progress(replace(progress, fraction=self._fraction))


def _end(folder: Path) -> SamplerTraces:
    outcome = _read_outcome(folder / RESULT)
    if outcome.reference is None or not outcome.scores:
        raise UserError(f"sampler benchmark {folder.name}: {RESULT} holds no benchmark that is over")
    return outcome


def _read_outcome(file: Path) -> SamplerTraces:
    what = f"sampler benchmark {file.parent.name}: {file.name}"
    try:
        return SamplerTraces.from_json(json.loads(file.read_bytes()))
    except OSError as error:
        raise UserError(f"{what} cannot be read ({error.strerror or error})") from None
    except UserError as error:
        raise UserError(f"{what} {error}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{what} is not valid JSON ({error})") from None


KIND: JobKind[SamplerBenchmarkSpec, SamplerBenchmarkView] = JobKind(
    noun="sampler benchmark",
    folder="races",
    result=RESULT,
    spec=SamplerBenchmarkSpec,
    view=SamplerBenchmarkView,
    compute=_compute,
    again=lambda spec: spec.model_copy(update={"round": spec.round + 1}),
)
