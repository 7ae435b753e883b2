"""Runs of tasks, kept under the home folder: benchmarks of what follows a run need not make it each time."""

from __future__ import annotations

from mtbkd_core import Result, Task, default_config, distill, load_task
from mtbkd_core.common.files import content_hash, home


def kept_run(name: str) -> tuple[Task, Result]:
    """A task with its default run, which is made where it is not kept."""
    config = default_config(name)
    task = load_task(config)
    mark = content_hash(config.model_dump_json(), task.fingerprint_of(config.data.teachers))
    folder = home() / "benchmarks" / f"run-{name}-{mark}"
    if not (folder / "metrics.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        distill(config, task=task).save(folder)
    return task, Result.load(folder)
