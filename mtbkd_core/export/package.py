"""What is taken away: student.onnx, README.md (the model card) and config.json, in a folder or a zip file."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.common.files import content_hash, make_folder, write_atomically
from mtbkd_core.common.progress import ShouldStop, UserError
from mtbkd_core.evaluation.predictive import predict
from mtbkd_core.evaluation.sets import LEVEL
from mtbkd_core.export.card import write_card
from mtbkd_core.export.draws import Sizes, choose_draws, measure_sizes
from mtbkd_core.export.extra import check_libraries
from mtbkd_core.export.facts import Facts
from mtbkd_core.export.features import numbers_per_input
from mtbkd_core.export.graph import OPSET
from mtbkd_core.export.measured import measure, measure_single
from mtbkd_core.export.model import INPUT, build_model
from mtbkd_core.export.runtime import Runtime, largest_difference
from mtbkd_core.export.single import distil_single
from mtbkd_core.export.summary import MEANINGS, OUTPUTS, OUTPUTS_OF_ONE
from mtbkd_core.result import Result
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.raw import as_inputs, describe_inputs, raw_inputs

MODEL, CARD, CONFIG = "student.onnx", "README.md", "config.json"
#: The exported network and the run answer the same to this, or there is no export.
TOLERANCE = 1e-5
_COMPARED = 100


@dataclass(frozen=True)
class Package:
    """An export in memory.

    Attributes:
        files: name -> content.
        config: what config.json holds.
    """

    files: dict[str, bytes]
    config: dict[str, Any]

    def write(self, folder: str | Path) -> None:
        """Write the files; config.json comes last.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        make_folder(Path(folder))
        for name, content in self.files.items():
            write_atomically(Path(folder) / name, content)

    def zipped(self) -> bytes:
        """The files as a zip file."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                archive.writestr(name, content)
        return file.getvalue()


def make_package(
    result: Result,
    *,
    task: Task | None = None,
    run: str | None = None,
    draws: int | None = None,
    single: bool = False,
    sizes: Sizes | None = None,
    should_stop: ShouldStop | None = None,
) -> Package:
    """Export a run's student.

    Args:
        result: the run.
        task: the task that it was made with; None: load it.
        run: the run's name; None: the hash of its settings and data.
        draws: how many, over all chains; None: the fewest with which the NLL is that of all within the sampler's error.
        single: one network in place of the draws, see `single`.
        sizes: what `measure_sizes` gave; None: measured now.
        should_stop: asked while a single network is fitted.
    Raises:
        UserError: libraries that are missing, a task whose data are not those of the run, a number of draws that is not
            allowed, a student that cannot be exported.
        Cancelled: `should_stop` was true.
    """
    check_libraries()
    task = task or load_task(result.config)
    check_task(result, task)
    sizes = sizes or measure_sizes(result, task)
    theta = (
        distil_single(result, task, should_stop=should_stop)
        if single
        else choose_draws(result, sizes.proposed if draws is None else draws)
    )
    run = run or content_hash(result.config.model_dump_json(), result.environment["fingerprint"])
    about = {"run": run, "task": result.config.data.task, "kind": "single" if single else "posterior"}
    content = build_model(result.student, theta, task.standardisation, result.features, single=single, about=about)
    facts = _facts(result, task, theta, content, run, sizes, single)
    config = _config(facts)
    return Package(
        {
            MODEL: content,
            CARD: write_card(facts).encode(),
            CONFIG: json.dumps(config, indent=2, allow_nan=False).encode(),
        },
        config,
    )


def check_task(result: Result, task: Task) -> None:
    """Whether a task has the data that a run was made with.

    Raises:
        UserError: other labels, other inputs or other classes.
    """
    same = result.environment["n_features"] == task.x_train.shape[1] and result.has_labels_of(task)
    if same:
        few = task.x_test[:_COMPARED]
        found = predict(result.student, result.reported, few, inputs=result.student_inputs).mean
        same = bool((found - result.predictions.test.mean[: len(few)]).abs().max() < 1e-3)
    if not same:
        raise UserError(f"task: the data of {task.name} on this machine are not those that the run was made with")


def _facts(result: Result, task: Task, theta: Tensor, content: bytes, run: str, sizes: Sizes, single: bool) -> Facts:
    student, seed = result.student, result.config.data.split_seed
    runtime, raw = Runtime(content), raw_inputs(task)[:_COMPARED]
    own = predict(student, theta, as_inputs(task, raw), inputs=result.student_inputs)
    difference = largest_difference(runtime.run(raw.numpy()), own)
    if difference > TOLERANCE:
        raise UserError(f"export: the network is off by {difference:.2g}, allowed: {TOLERANCE}; please report it")
    x = result.student_inputs(task.x_test)

    def probabilities(draws: Tensor) -> Tensor:
        found: Tensor = student.probabilities(draws.flatten(0, 1), x).unflatten(0, draws.shape[:2])
        return found

    if single:
        measured = measure_single(probabilities(theta)[0, 0], probabilities(result.reported), task.y_test, seed)
    else:
        measured = measure(probabilities(theta), task.y_test, seed)
    numbers = max(theta.shape[0] * theta.shape[1] * max(student.sizes[1:]), numbers_per_input(result.features))
    return Facts(
        result=result,
        task=task,
        run=run,
        single=single,
        draws=theta.shape[0] * theta.shape[1],
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        measured=measured,
        sizes=sizes,
        difference=difference,
        latency=runtime.latency(raw.numpy(), numbers),
    )


def _config(facts: Facts) -> dict[str, Any]:
    """The content of config.json."""
    result, outputs = facts.result, OUTPUTS_OF_ONE if facts.single else OUTPUTS
    return {
        "run": facts.run,
        "kind": "single" if facts.single else "posterior",
        "file": {"name": MODEL, "bytes": facts.bytes, "sha256": facts.sha256, "opset": OPSET},
        "draws": facts.draws,
        "parameters": result.student.n_parameters,
        "input": {"name": INPUT, "type": "float32", "shape": ["N", facts.task.x_train.shape[1]]}
        | describe_inputs(facts.task),
        "outputs": {name: {"shape": list(outputs[name][1]), "meaning": MEANINGS[name]} for name in outputs},
        "class_names": list(result.environment["class_names"]),
        "level": LEVEL,
        "sets": facts.measured.sets.dump(),
        "scores": facts.measured.scores.dump(),
        "posterior_minus_single": {name: found.dump() for name, found in facts.measured.gained.items()},
        "sizes": [asdict(row) for row in facts.sizes.rows],
        "sampler_error_nll": facts.sizes.error,
        "proposed_draws": facts.sizes.proposed,
        "largest_difference": facts.difference,
        "milliseconds": asdict(facts.latency),
        "environment": {name: value for name, value in result.environment.items() if name != "class_names"},
        "config": result.config.model_dump(mode="json"),
    }
