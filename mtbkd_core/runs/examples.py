"""Examples: runs and studies that come with the program, for pages on which nothing has been measured yet.

Each lies in `data/runs` under a fixed name. It is found by its kind and task and by the version of its data, never by
an id, and reading it trains nothing. `make` computes one anew, as an ordinary job, and keeps what is small of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.catalog.settings import default_config
from mtbkd_core.common.files import make_folder, read_json
from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.predictions import Predictions
from mtbkd_core.evaluation.predictive import thin
from mtbkd_core.result import Result
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, V
from mtbkd_core.runs.kinds import coverage, run, sampler_benchmark, sweep
from mtbkd_core.runs.kinds.coverage import CoverageSpec
from mtbkd_core.runs.kinds.parts import ROWS
from mtbkd_core.runs.kinds.sampler_benchmark import sampler_benchmark_spec
from mtbkd_core.runs.kinds.sweep import sweep_spec
from mtbkd_core.runs.naming import fingerprints
from mtbkd_core.teachers.shipped import DATA

#: Where they lie, beside the shipped teachers.
FOLDER = DATA / "runs"
#: What an example's id begins with; no job's does.
PREFIX = "example:"
#: Numbers that the draws, and the predictions of single draws, may have of each run; and the fewest draws.
_MOST_NUMBERS, _FEWEST = 75_000, 16
#: Of the sweep.
_STRENGTHS = ("0.0", "0.3", "1.0", "3.0")


@dataclass(frozen=True)
class Example:
    """What is shipped: a kind of job, and what one is asked for."""

    kind: JobKind[Any, Any]
    spec: Callable[[], Any]


def _benchmark(task: str) -> Example:
    return Example(sampler_benchmark.KIND, lambda: sampler_benchmark_spec(default_config(task), 10.0))


EXAMPLES: Mapping[str, Example] = {
    "digits": Example(run.KIND, lambda: default_config("digits")),
    "synthetic": Example(run.KIND, lambda: default_config("synthetic")),
    "coverage": Example(coverage.KIND, lambda: CoverageSpec(points=150, wrong_factor=2.0)),
    "sweep": Example(sweep.KIND, lambda: sweep_spec(default_config("digits"), "prior.strength", _STRENGTHS, seeds=3)),
    "samplers-digits": _benchmark("digits"),
    "samplers-synthetic": _benchmark("synthetic"),
}


def find(kind: JobKind[Any, V], task: str | None = None) -> V | None:
    """The example of a kind on a task, or on the first that there is; None where none can be shown.

    That is so where it is not there, cannot be read, or is of data or teachers that have changed since.
    """
    for name, example in EXAMPLES.items():
        if example.kind is kind:
            view = read(kind, name)
            if view is not None and task in (None, view.config.data.task):
                return view
    return None


def read(kind: JobKind[Any, V], name: str) -> V | None:
    """One example by its name; None as in `find`."""
    path = FOLDER / name
    try:
        spec = kind.parsed((path / files.CONFIG).read_bytes())
        if not is_todays(kind, path, spec):
            return None
        return kind.view(
            id=PREFIX + name,
            folder=path,
            spec=spec,
            state=State.DONE,
            reason=None,
            created=datetime.fromtimestamp((path / kind.result).stat().st_mtime, UTC),
            attempt=0,
            **kind.view.contents(path, State.DONE),
        )
    except (OSError, ValueError, UserError):
        return None


def is_todays(kind: JobKind[Any, Any], path: Path, spec: Any) -> bool:
    """Whether an example is of the data and the teachers that its spec means today.

    Raises:
        UserError: a file that cannot be read, or a task or teacher that is no more.
    """
    kept = read_json(path / kind.result).get("fingerprints")
    if kept is None:
        kept = [read_json(path / "environment.json").get("fingerprint")]
    return list(kept) == list(fingerprints(kind, spec))


def make(name: str) -> Path:
    """Compute an example as a job of one's own, unless there is one, and put what is small of it into `FOLDER`.

    Returns:
        its folder.
    Raises:
        UserError: no example of that name, or the job failed.
    """
    if name not in EXAMPLES:
        raise UserError(f"example: got {name!r}, allowed: {', '.join(EXAMPLES)}")
    kind, spec = EXAMPLES[name].kind, EXAMPLES[name].spec()
    view, _ = store.enqueue(kind, spec, engine="none")
    execute(str(view.folder))
    view = store.read(kind, view.id)
    if view.state is not State.DONE:
        raise UserError(f"example {name}: {view.state} ({view.reason})")
    path = FOLDER / name
    shutil.rmtree(path, ignore_errors=True)
    make_folder(path)
    if kind is run.KIND:
        small(run.load_result(view.id)).save(path)
    else:
        for file in (files.CONFIG, kind.result, ROWS):
            if (view.folder / file).exists():
                shutil.copyfile(view.folder / file, path / file)
    return path


def small(result: Result) -> Result:
    """A result with fewer draws, in half precision; its scores stay those of all draws.

    Log joints stay as they are: half precision has three digits, and they differ in the fourth.
    """
    test = result.predictions.test
    named = {name: _halved(value) for name, value in result.predictions.tensors().items()}
    named |= {"test.draws": _few(test.draws), "trace.log_joint": result.predictions.log_joint}
    return replace(
        result, draws=_halved(_few(result.draws)), predictions=Predictions.from_tensors(named), standing=None
    )


def _few(draws: Tensor) -> Tensor:
    return thin(draws, max(_FEWEST, _MOST_NUMBERS // draws[0, 0].numel()))


def _halved(value: Tensor) -> Tensor:
    return value.to(torch.float16) if value.dtype == torch.float32 else value
