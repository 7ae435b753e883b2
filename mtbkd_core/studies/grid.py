"""Many settings in one call: configurations that agree in shape run as chains of one batch, and give a Result each.

Each configuration has its own start, step size and guard. The noise of a batch comes from one source, so a result is
that of `distill` within Monte Carlo error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from threading import Event, Lock

import torch

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.common.parallel import find_threads
from mtbkd_core.common.progress import OnProgress, Progress, ShouldStop, UserError
from mtbkd_core.config.models import DataConfig, RunConfig
from mtbkd_core.distillation import MAX_DRAWS_BYTES, check, distill_together, draws_bytes, examples_of, find_device
from mtbkd_core.evaluation.evaluate import TeacherScores, score_teachers
from mtbkd_core.result import Result
from mtbkd_core.run_progress import Reporter
from mtbkd_core.students.base import Student
from mtbkd_core.students.registry import student_spec
from mtbkd_core.tasks.base import Task

#: Chains of a batch: enough to make up for what an operation costs by itself, few enough to stay in the cache.
_CHAINS = 32
_TEACHERS_SHARE = 0.05


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
    as chains of one batch, unless their student gains nothing by it; the others run after one another.

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
    progress = _Progress(len(configs), on_progress, should_stop)
    tasks = _load(configs, task, progress)
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
            return distill_together(chosen, known, find_device(first.device), report, scores)

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
    return f"{which} {_spans(places)} of {count}: {error}"


def _spans(places: Sequence[int]) -> str:
    """Places that rise, counted from 1: `1 to 3, 7`."""
    spans: list[list[int]] = []
    for place in places:
        if spans and place == spans[-1][-1] + 1:
            spans[-1][1:] = [place]
        else:
            spans.append([place])
    return ", ".join(" to ".join(str(place + 1) for place in span) for span in spans)


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


def _load(configs: Sequence[RunConfig], task: Task | None, progress: _Progress) -> dict[DataConfig, Task]:
    """Each task once, with every teacher that a configuration names."""
    wanted: dict[DataConfig, dict[str, None]] = {}
    for config in configs:
        wanted.setdefault(_key(config), {}).update(dict.fromkeys(config.data.teachers))
    if task is not None:
        return dict.fromkeys(wanted, task)
    load = partial(load_task, on_progress=progress.teachers, should_stop=progress.stops)
    return {data: load(data, teachers=list(teachers)) for data, teachers in wanted.items()}


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
    """Configurations of a batch: as many as fill `_CHAINS` chains, if student and memory allow it."""
    if not student_spec(config.student.kind).batched:
        return 1
    examples, chains = len(task.y_train) + config.n_unlabelled_used, config.sampler.chains
    # a step holds every layer's units about three times, the teachers' terms about twice, and ten states
    units = examples * (3 * sum(student.sizes[1:]) + 2 * len(config.data.teachers) * student.sizes[-1])
    bytes_each = draws_bytes(config, student) + 4 * chains * (units + 10 * student.n_parameters)
    return max(1, min(_CHAINS // chains, memory // bytes_each))


class _Progress:
    """The whole grid's progress from its batches', and the one answer to whether to stop."""

    def __init__(self, count: int, on_progress: OnProgress | None, should_stop: ShouldStop | None) -> None:
        self.ended = Event()
        self._on_progress, self._should_stop = on_progress, should_stop
        self._count = max(1, count)
        self._done: dict[int, float] = {}
        self._before = self._fraction = 0.0
        self._lock = Lock()

    def stops(self) -> bool:
        """Whether to stop: `should_stop` says so, or the results are no longer needed."""
        if self.ended.is_set():
            return True
        if self._should_stop is None:
            return False
        with self._lock:
            return self._should_stop()

    def teachers(self, progress: Progress) -> None:
        """Pass on the teachers' training as the first part."""
        self._before = _TEACHERS_SHARE
        self._report(progress, _TEACHERS_SHARE * progress.fraction, progress.message)

    def of(self, places: Sequence[int]) -> OnProgress | None:
        """What a batch reports its progress to."""
        if self._on_progress is None:
            return None
        span = _spans(places)

        def report(progress: Progress) -> None:
            with self._lock:
                self._done[places[0]] = progress.fraction * len(places)
                done = sum(self._done.values()) / self._count
            message = f"Settings {span} of {self._count}: {progress.message}"
            self._report(progress, self._before + (1 - self._before) * done, message)

        return report

    def _report(self, progress: Progress, fraction: float, message: str) -> None:
        with self._lock:
            self._fraction = max(self._fraction, min(1.0, fraction))
            if self._on_progress is not None:
                # chains of several settings side by side are not one run's: no log joint, no shares
                self._on_progress(
                    replace(progress, fraction=self._fraction, message=message, log_joint=None, teacher_share=None)
                )
