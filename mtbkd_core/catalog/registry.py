"""What can be learned: one file a task, and the registry of them and of what was made of a user's own files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import (
    FULL_BATCH,
    PER_TEACHER,
    Algorithm,
    PriorConfig,
    RunConfig,
    StudentKind,
    build_config,
    flatten,
)
from mtbkd_core.imports import images
from mtbkd_core.tasks import digits, fashion, proteins, synthetic
from mtbkd_core.tasks.base import Fetches, Source, Task, TaskInfo, Trains
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
    """Every task by name; looked up anew, for a table may have been imported or forgotten meanwhile."""
    from mtbkd_core.imports import source as imported  # which is made of what tasks are made of

    added: dict[str, Source] = {**imported.found(), **images.found()}
    return {**_BUILT_IN, **{name: task for name, task in added.items() if name not in _BUILT_IN}}


def own() -> tuple[str, ...]:
    """Names of the tasks that were made of a user's own files."""
    return tuple(name for name in _tasks() if name not in _BUILT_IN)


def task_infos() -> tuple[TaskInfo, ...]:
    """Every task, without loading any."""
    return tuple(source.INFO for source in _tasks().values())


def task_info(name: str) -> TaskInfo:
    """One task, without loading it.

    Raises:
        UserError: no such task.
    """
    return _source(name).INFO


def missing_data(name: str) -> str | None:
    """One line that says which data of a task is not on this machine and how to get it; None where there is all.

    Raises:
        UserError: no such task.
    """
    return _source(name).missing()


def rebuilds(name: str) -> Rebuilds:
    """A task whose teachers' outputs are shipped, as what can train them anew.

    Raises:
        UserError: no such task, or one that ships none.
    """
    source = _source(name)
    if not isinstance(source, Rebuilds):
        able = [task for task, each in _BUILT_IN.items() if isinstance(each, Rebuilds)]
        raise UserError(f"task: {name} ships no teachers' outputs; allowed: {', '.join(able) or 'none'}")
    return source


def fetches(name: str) -> Fetches:
    """A task whose data can be downloaded.

    Raises:
        UserError: no such task, or one whose data is no download.
    """
    source = _source(name)
    if not isinstance(source, Fetches):
        able = [task for task, each in _BUILT_IN.items() if isinstance(each, Fetches)]
        raise UserError(f"task: the data of {name} is not downloaded; allowed: {', '.join(able) or 'none'}")
    return source


def can_fetch(name: str) -> bool:
    """Whether a task lacks data that `fetches(name).fetch()` would bring.

    Raises:
        UserError: no such task.
    """
    source = _source(name)
    return isinstance(source, Fetches) and source.can_fetch()


def trains(name: str) -> bool:
    """Whether training a task's teachers takes minutes, so that `untrained` has to be asked first.

    Raises:
        UserError: no such task.
    """
    return isinstance(_source(name), Trains)


def untrained(name: str, teachers: Sequence[str] | None = None) -> tuple[str, ...]:
    """Those of a task's teachers (None: of all) whose training takes minutes, and is still to be done.

    Raises:
        UserError: no such task or teacher, or data that cannot be read.
    """
    source = _source(name)
    return source.untrained(teachers) if isinstance(source, Trains) else ()


def load_task(
    name: str,
    *,
    teachers: Sequence[str] | None = None,
    split_seed: int = 0,
    split: str = "test",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    n_train: int | None = None,
) -> Task:
    """Load a task: its data and what its teachers say, training teachers that the cache does not hold.

    Args:
        name: see `task_infos`.
        teachers: names of the teachers to load; None for all.
        split_seed: seed of the data split and of the teachers' training.
        split: "test", or "validation" for settling settings without a look at the test examples.
        on_progress: told how far the teachers' training is.
        should_stop: asked often; when true, the load ends with `Cancelled`.
        n_train: labelled examples for the student; None for as many as the task says.
    Raises:
        UserError: an unknown task, teacher or split; more labelled examples than the task has; data that is not on this
            machine; a home folder that cannot be written.
        Cancelled: `should_stop` said so.
    """
    source = _source(name)
    if problem := source.missing():
        raise UserError(problem)
    return source.load(teachers, split_seed, split, on_progress, should_stop, n_train)


def fingerprint(config: RunConfig) -> str:
    """Digest of the data and the teachers that a run would use; cheap, trains nothing.

    Raises:
        UserError: an unknown task or teacher, or more examples, labelled or not, than the task has.
    """
    source = _source(config.task)
    source.INFO.check_n_unlabelled(config.n_unlabelled, config.n_train)
    return source.fingerprint(config.teachers, config.split_seed, "test", config.n_train)


def default_config(task: str, preset: str = "default") -> RunConfig:
    """What a newcomer to a task starts with: its teachers and its settings, and a preset on top.

    Raises:
        UserError: no such task or preset.
    """
    info = task_info(task)
    return _start(info.name, info.default_teachers, tuple(info.defaults.items()), preset)


@cache  # asked for several times at each change on a page
def _start(task: str, teachers: tuple[str, ...], settings: tuple[tuple[str, str], ...], preset: str) -> RunConfig:
    own = [("task", task), ("teachers", teachers)]
    return build_config(base=build_config([*own, *settings]), preset=preset)


def change_task(config: RunConfig, task: str) -> RunConfig:
    """A configuration moved to another task: that task's teachers and settings; what neither task settles stays.

    But a convolutional student does not where inputs are no pictures, nor a batch size where the sampler needs all.

    Raises:
        UserError: no such task.
    """
    info = task_info(task)
    own = [("task", info.name), ("teachers", info.default_teachers), ("n_train", None), ("n_unlabelled", 0)]
    per_teacher = [(f"prior.{name}", getattr(PriorConfig(), name)) for name in (*PER_TEACHER, "calibrated_teachers")]
    plain = flatten(RunConfig())
    known = _tasks()
    left = [(name, plain[name]) for name in (known[config.task].INFO.defaults if config.task in known else ())]
    changes = dict([*own, *per_teacher, *left, *info.defaults.items()])
    # what was chosen elsewhere and cannot be here
    if info.image_shape is None and config.student.kind is StudentKind.CNN:
        changes.setdefault("student.kind", plain["student.kind"])
    if Algorithm(changes.get("sampler.algorithm", config.sampler.algorithm)) in FULL_BATCH:
        changes["sampler.batch_size"] = None
    return build_config(changes.items(), base=config)


def numbers_of_joining(config: RunConfig, teachers: Sequence[str]) -> list[tuple[str, list[float]]]:
    """Settings with a number for each teacher, for `build_config`, where others teach.

    Those that stay keep their numbers; one that joins has the number with which it starts on the task, or 1.

    Raises:
        UserError: no such task.
    """
    start, changed = default_config(config.task), build_config([("teachers", teachers)], base=config)
    found = []
    for name in PER_TEACHER:
        usual, numbers = getattr(start.prior, name), getattr(changed.prior, name)
        if usual is not None and numbers is not None:
            of_task = dict(zip(start.teachers, usual, strict=True))
            joined = {teacher for teacher in teachers if teacher not in config.teachers and teacher in of_task}
            values = [of_task[who] if who in joined else value for who, value in zip(teachers, numbers, strict=True)]
            found.append((f"prior.{name}", values))
    return found


def leaving_room(config: RunConfig) -> tuple[RunConfig, str | None]:
    """With no more examples without a label than are left beside the labelled ones, and a line that says so, or None.

    For where somebody asks for more labelled examples and says nothing of the others.

    Raises:
        UserError: no such task, or more labelled examples than it has.
    """
    info = task_info(config.task)
    left = info.most_train - info.check_n_train(config.n_train)
    if not info.spare or config.n_unlabelled <= left:
        return config, None
    usual = config.n_unlabelled == default_config(config.task).n_unlabelled
    instead = f"not the task's default of {config.n_unlabelled:,}" if usual else f"not {config.n_unlabelled:,}"
    said = f"{left:,} {info.item}s are left to be shown without labels, {instead}."
    return config.model_copy(update={"n_unlabelled": left}), said


def changed_settings(config: RunConfig) -> dict[str, str]:
    """The task, unless it is the program's default, and what differs from `default_config`: dotted name -> text.

    With these on top of the task's defaults, `build_config` gives the configuration again.
    """
    named = {} if config.task == RunConfig().task else {"task": config.task}
    start = default_config(config.task) if config.task in _tasks() else RunConfig()
    flat, base = flatten(config), flatten(build_config([("teachers", config.teachers)], base=start))
    base["teachers"] = flatten(start)["teachers"]  # numbers of these teachers, but whether they are the task's own
    return named | {name: text for name, text in flat.items() if text != base[name]}


def _source(name: str) -> Source:
    known = _BUILT_IN if name in _BUILT_IN else _tasks()
    if name not in known:
        raise UserError(f"task: got {name!r}, allowed: {', '.join(known)}")
    return known[name]
