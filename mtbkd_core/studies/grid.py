"""Many settings in one call: configurations that agree in shape run as chains of one batch, and give a Result each.

Each configuration has its own start, step size and guard. The noise of a batch comes from one source, so a result is
that of `distill` within Monte Carlo error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from threading import Event

import torch

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.common.parallel import find_threads
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import DataConfig, PriorConfig, RunConfig, StudentConfig
from mtbkd_core.distillation import (
    MAX_DRAWS_BYTES,
    check,
    distill_together,
    draws_bytes,
    find_device,
    learner_of,
)
from mtbkd_core.evaluation.evaluate import TeacherScores, score_teachers
from mtbkd_core.evaluation.strength_path import StrengthChoice
from mtbkd_core.measuring import examples_of
from mtbkd_core.result import Result
from mtbkd_core.run_progress import Reporter
from mtbkd_core.strength import with_strength
from mtbkd_core.students.base import Student
from mtbkd_core.students.registry import student_spec
from mtbkd_core.studies.grid_progress import GridProgress, spans
from mtbkd_core.tasks.base import Task

#: Chains of a batch: enough to make up for what an operation costs by itself, few enough to stay in the cache.
_CHAINS = 32


def distill_grid(
    configs: Sequence[RunConfig],
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    memory: int = MAX_DRAWS_BYTES,
    threads: int | None = None,
) -> list[Result]:
    """Distill every configuration; one Result each, in their order.

    Any configurations will do. Those that agree in data, device, student, sampler and number of teachers run together
    as chains of one batch, unless their student gains nothing by it; the others run after one another. A strength that
    is left to the program is chosen first, once for settings that differ in the sampler and its seed alone.

    Args:
        configs: what to run; prior, teachers and seed may differ within a batch.
        task: a task for all of them that is loaded already; None: load what they name.
        on_progress: called for the grid as a whole, one call at a time, from the threads that compute.
        should_stop: asked at every step.
        memory: bytes that batches which are being computed may take, at least one configuration at a time; finished
            results come on top (see `each_result`, which lets go of them).
        threads: batches that are computed at the same time; None: `find_threads`.
    Raises:
        UserError: as `distill`, naming the configuration by its place where there are several.
        ValueError: memory or threads below 1.
        Cancelled: `should_stop` said so.
    """
    results: dict[int, Result] = {}
    for place, result in each_result(
        configs, task=task, on_progress=on_progress, should_stop=should_stop, memory=memory, threads=threads
    ):
        results[place] = result
    return [results[place] for place in range(len(configs))]


def each_result(
    configs: Sequence[RunConfig],
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    memory: int = MAX_DRAWS_BYTES,
    threads: int | None = None,
    on_problem: Callable[[int, UserError], None] | None = None,
) -> Iterator[tuple[int, Result]]:
    """As `distill_grid`, but (place, Result) as soon as a batch is done: who keeps only scores needs little memory.

    `on_problem` gets each configuration that fails while it runs, by its place, and the others go on; None: raised.
    """
    for name, value in (("memory", memory), ("threads", threads)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: got {value}, needs a whole number from 1")
    threads = find_threads() if threads is None else threads
    progress = GridProgress(len(configs), on_progress, should_stop)
    tasks = _load(configs, task, progress)
    asked, (configs, choices) = configs, _with_strengths(configs, tasks, progress)
    batches = [batch for places in _alike(configs) for batch in _batches(configs, places, tasks, memory // threads)]
    scored: dict[object, TeacherScores] = {}

    def run(places: Sequence[int]) -> list[Result]:
        chosen = [configs[place] for place in places]
        first, known, scores = chosen[0], tasks[_key(chosen[0])], None
        if len({each.data.teachers for each in chosen}) == 1:
            kind = (_key(first), first.data.teachers)
            if kind not in scored:
                logits = examples_of(known, first.data.teachers).test_logits
                scored[kind] = score_teachers(logits, known.y_test)
            scores = scored[kind]
        report = Reporter(first, progress.of(places), progress.stops)
        with torch.no_grad():
            results = distill_together(chosen, known, find_device(first.device), report, scores)
        return [
            result if choices[place] is None else replace(result, asked=asked[place], strength=choices[place])
            for place, result in zip(places, results, strict=True)
        ]

    def settled(places: Sequence[int], results: Callable[[], list[Result]]) -> Iterator[tuple[int, Result]]:
        try:
            yield from zip(places, results(), strict=True)
        except UserError as error:
            if on_problem is None:
                raise UserError(_named(places, len(configs), error)) from None
            if len(places) == 1:
                on_problem(places[0], error)
                return
            for place in places:  # which of them it was, and the results of the others
                yield from settled([place], partial(run, [place]))

    for places, results in _computed(batches, run, threads, progress.ended):
        yield from settled(places, results)


def _computed(
    batches: Sequence[list[int]], run: Callable[[list[int]], list[Result]], threads: int, ended: Event
) -> Iterator[tuple[list[int], Callable[[], list[Result]]]]:
    """Each batch and how to get its results, as batches are done; `ended` is set when no more are wanted."""
    if threads == 1:
        yield from ((places, partial(run, places)) for places in batches)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: dict[Future[list[Result]], list[int]] = {}
        try:
            queue = list(reversed(batches))
            while queue or waiting:
                while queue and len(waiting) < threads:
                    places = queue.pop()
                    waiting[pool.submit(run, places)] = places
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result
        finally:
            ended.set()


def _named(places: Sequence[int], count: int, error: UserError) -> str:
    if count == 1:
        return str(error)
    which = "configuration" if len(places) == 1 else "one of configurations"
    return f"{which} {spans(places)} of {count}: {error}"


def _key(config: RunConfig) -> DataConfig:
    """What a task is loaded by, teachers aside."""
    return config.data.model_copy(update={"teachers": (), "n_unlabelled": 0})


def _alike(configs: Sequence[RunConfig]) -> list[list[int]]:
    """Places of the configurations that can run as one batch, in the order of their first."""
    kinds: dict[object, list[int]] = {}
    for place, config in enumerate(configs):
        data = (_key(config), config.n_unlabelled_used, len(config.data.teachers))
        kinds.setdefault((data, config.device, config.student, config.sampler), []).append(place)
    return list(kinds.values())


def _load(configs: Sequence[RunConfig], task: Task | None, progress: GridProgress) -> dict[DataConfig, Task]:
    """Each task once, with every teacher that a configuration names."""
    wanted: dict[DataConfig, dict[str, None]] = {}
    for config in configs:
        wanted.setdefault(_key(config), {}).update(dict.fromkeys(config.data.teachers))
    if task is not None:
        return dict.fromkeys(wanted, task)
    load = partial(load_task, on_progress=progress.teachers, should_stop=progress.stops)
    return {data: load(data, teachers=list(teachers)) for data, teachers in wanted.items()}


def _with_strengths(
    configs: Sequence[RunConfig], tasks: dict[DataConfig, Task], progress: GridProgress
) -> tuple[list[RunConfig], list[StrengthChoice | None]]:
    """The configurations with strengths that are numbers, and how each was chosen; None where it was given."""
    known: dict[tuple[DataConfig, PriorConfig, StudentConfig], StrengthChoice] = {}
    open_ones = {_decisive(config): place for place, config in enumerate(configs) if config.prior.strength is None}
    for number, (key, place) in enumerate(open_ones.items()):
        config = configs[place]
        report = Reporter(config, progress.choosing(number, len(open_ones)), progress.stops)
        try:
            learner = learner_of(config, tasks[_key(config)], find_device(config.device))
            _, choice = with_strength(config, *learner, report)
        except UserError as error:
            raise UserError(_named([place], len(configs), error)) from None
        assert choice is not None
        known[key] = choice
    choices = [known[_decisive(config)] if config.prior.strength is None else None for config in configs]
    chosen = [
        config if choice is None else choice.applied(config) for config, choice in zip(configs, choices, strict=True)
    ]
    return chosen, choices


def _decisive(config: RunConfig) -> tuple[DataConfig, PriorConfig, StudentConfig]:
    """What a choice of the strength depends on."""
    return config.data, config.prior, config.student


def _batches(
    configs: Sequence[RunConfig], places: list[int], tasks: dict[DataConfig, Task], memory: int
) -> list[list[int]]:
    """Configurations that are alike, as many to a batch as `_batch_size` says; all are checked before one runs."""
    for place in places:
        config, task = configs[place], tasks[_key(configs[place])]
        try:
            find_device(config.device)
            task.fingerprint_of(config.data.teachers)
            student = check(config, task)
        except UserError as error:
            raise UserError(_named([place], len(configs), error)) from None
    size = _batch_size(config, student, task, memory)
    return [places[start : start + size] for start in range(0, len(places), size)]


def _batch_size(config: RunConfig, student: Student, task: Task, memory: int) -> int:
    """Configurations of a batch: as many as fill `_CHAINS` chains, if student and memory allow it.

    Those that a precision or a budget ends are run one by one, for each ends when it has enough.
    """
    if config.sampler.open_ended or not student_spec(config.student.kind).batched:
        return 1
    examples, chains = len(task.y_train) + config.n_unlabelled_used, config.sampler.chains
    # a step holds every layer's units about three times, the teachers' terms about twice, and ten states
    units = examples * (3 * sum(student.sizes[1:]) + 2 * len(config.data.teachers) * student.sizes[-1])
    bytes_each = draws_bytes(config, student) + 4 * chains * (units + 10 * student.n_parameters)
    return max(1, min(_CHAINS // chains, memory // bytes_each))
