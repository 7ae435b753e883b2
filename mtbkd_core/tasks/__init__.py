"""What can be learned: one file a task, and the registry of them."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from mtbkd_core.config import RunConfig
from mtbkd_core.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.tasks import digits
from mtbkd_core.tasks.base import Task, TaskInfo

#: Each module offers `INFO`, `load` and `fingerprint`.
_TASKS: dict[str, ModuleType] = {digits.INFO.name: digits}


def task_infos() -> tuple[TaskInfo, ...]:
    """Every task, without loading any."""
    return tuple(module.INFO for module in _TASKS.values())


def task_info(name: str) -> TaskInfo:
    """One task, without loading it.

    Raises:
        UserError: no such task.
    """
    info: TaskInfo = _module(name).INFO
    return info


def load_task(
    name: str,
    *,
    teachers: Sequence[str] | None = None,
    split_seed: int = 0,
    split: str = "test",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Task:
    """Load a task: its data and what its teachers say, training teachers that the cache does not hold.

    Args:
        name: see `task_infos`.
        teachers: names of the teachers to load; None for all.
        split_seed: seed of the data split and of the teachers' training.
        split: "test", or "validation" for settling settings without a look at the test examples.
        on_progress: told how far the teachers' training is.
        should_stop: asked often; when true, the load ends with `Cancelled`.
    Raises:
        UserError: an unknown task, teacher or split; a home folder that cannot be written.
        Cancelled: `should_stop` said so.
    """
    task: Task = _module(name).load(teachers, split_seed, split, on_progress, should_stop)
    return task


def fingerprint(config: RunConfig) -> str:
    """Digest of the data and the teachers that a run would use; cheap, trains nothing.

    Raises:
        UserError: an unknown task or teacher.
    """
    digest: str = _module(config.task).fingerprint(config.teachers, config.split_seed)
    return digest


def _module(name: str) -> ModuleType:
    if name not in _TASKS:
        raise UserError(f"task: got {name!r}, allowed: {', '.join(_TASKS)}")
    return _TASKS[name]
