"""Every task by name: the built-in ones and those made of a user's own files.

Every function here raises a `UserError` where there is no task of that name.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import DataConfig, RunConfig
from mtbkd_core.imports import image_task, table_task
from mtbkd_core.tasks import digits, fashion, proteins, synthetic
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.source import Fetches, Source, TaskInfo, Trains
from mtbkd_core.teachers.shipped import Rebuilds

_SOURCES: tuple[Source, ...] = (
    digits,
    synthetic.CURVED,
    synthetic.LINEAR,
    proteins,
    fashion.FASHION,
    fashion.FASHION_LEFT_OUT,
)
_BUILT_IN: dict[str, Source] = {source.INFO.name: source for source in _SOURCES}


def built_in() -> tuple[str, ...]:
    """Names of the tasks that come with the program."""
    return tuple(_BUILT_IN)


def _tasks() -> dict[str, Source]:
    """Every task by name; looked up anew each time, because tasks can be imported and forgotten at any time."""
    added: dict[str, Source] = {**table_task.found(), **image_task.found()}
    return {**_BUILT_IN, **{name: task for name, task in added.items() if name not in _BUILT_IN}}


def own() -> tuple[str, ...]:
    """Names of the tasks made of a user's own files."""
    return tuple(name for name in _tasks() if name not in _BUILT_IN)


def task_infos() -> tuple[TaskInfo, ...]:
    """Every task, without loading any."""
    return tuple(source.INFO for source in _tasks().values())


def task_info(name: str) -> TaskInfo:
    """One task, without loading it."""
    return _source(name).INFO


def missing_data(name: str) -> str | None:
    """One line on how to get the data of a task that is not on this machine; None where all is there."""
    return _source(name).missing()


def rebuilds(name: str) -> Rebuilds:
    """A task with teachers' outputs that are shipped, for training them anew.

    Raises:
        UserError: the task ships none.
    """
    source = _source(name)
    if not isinstance(source, Rebuilds):
        able = [task for task, each in _BUILT_IN.items() if isinstance(each, Rebuilds)]
        raise UserError(f"task: {name} ships no teachers' outputs; allowed: {', '.join(able) or 'none'}")
    return source


def fetches(name: str) -> Fetches:
    """A task with data that can be downloaded.

    Raises:
        UserError: its data is no download.
    """
    source = _source(name)
    if not isinstance(source, Fetches):
        able = [task for task, each in _BUILT_IN.items() if isinstance(each, Fetches)]
        raise UserError(f"task: the data of {name} is not downloaded; allowed: {', '.join(able) or 'none'}")
    return source


def can_fetch(name: str) -> bool:
    """Whether a task lacks data that `fetches(name).fetch()` would bring."""
    source = _source(name)
    return isinstance(source, Fetches) and source.can_fetch()


def trains(name: str) -> bool:
    """Whether training a task's teachers takes minutes; `untrained` gives those that are still to be trained."""
    return isinstance(_source(name), Trains)


def untrained(name: str, teachers: Sequence[str] | None = None) -> tuple[str, ...]:
    """Those of a task's teachers (None: of all) that are still to be trained, which takes minutes.

    Raises:
        UserError: an unknown teacher, or data that cannot be read.
    """
    source = _source(name)
    return source.untrained(teachers) if isinstance(source, Trains) else ()


def load_task(
    data: str | DataConfig | RunConfig,
    *,
    teachers: Sequence[str] | None = None,
    split_seed: int | None = None,
    split: str = "test",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    n_labelled: int | None = None,
    n_train: int | None = None,
) -> Task:
    """Load a task: its data and its teachers' logits, training teachers that the cache does not hold.

    Args:
        data: a task's name, with all of its teachers; or `RunConfig.data`, or the whole configuration.
        teachers: names of the teachers to load, in place of those of `data`.
        split_seed: seed of the data split and of the teachers' training, in place of that of `data`.
        split: "test", or "validation": other examples, for choosing settings without the test examples.
        on_progress: called during the teachers' training.
        should_stop: called often; once it returns true, the load ends with `Cancelled`.
        n_labelled: labelled examples for the student, in place of those of `data`; None: the task's default.
        n_train: the former name of `n_labelled`.
    Raises:
        UserError: an unknown teacher or split; more labelled examples than the task has; changes by hand that it cannot
            have; data that is not on this machine; a home folder that cannot be written.
        Cancelled: `should_stop` returned true.
    """
    data = data.data if isinstance(data, RunConfig) else data
    if isinstance(data, str):
        data = DataConfig().model_copy(update={"task": data})
        teachers = [teacher.name for teacher in task_info(data.task).teachers] if teachers is None else teachers
    count = n_train if n_labelled is None else n_labelled
    given = {"teachers": teachers, "split_seed": split_seed, "n_labelled": count}
    data = data.model_copy(update={name: value for name, value in given.items() if value is not None})
    source = _source(data.task)
    source.INFO.check_changes(data.changes)
    if problem := source.missing():
        raise UserError(problem)
    if teachers is None and not data.teachers:
        data = data.model_copy(update={"teachers": source.INFO.default_teachers})
    return source.load(data, split, on_progress, should_stop)


def fingerprint(data: RunConfig | DataConfig) -> str:
    """Digest of the data and the teachers that a run would use; cheap, trains nothing.

    Raises:
        UserError: an unknown teacher, or more examples, labelled or not, than the task has.
    """
    data = data.data if isinstance(data, RunConfig) else data
    source = _source(data.task)
    source.INFO.check_changes(data.changes)
    source.INFO.check_unlabelled(data.n_unlabelled, data.n_labelled)
    teachers = data.teachers or source.INFO.default_teachers
    return source.fingerprint(data.model_copy(update={"teachers": teachers}), "test")


def _source(name: str) -> Source:
    known = _BUILT_IN if name in _BUILT_IN else _tasks()
    if name not in known:
        raise UserError(f"task: got {name!r}, allowed: {', '.join(known)}")
    return known[name]
