"""Many settings in one call: configurations that agree in shape run as chains of one batch, and give a Result each.

Each configuration has its own start, noise, step size and guard, so that its result is the one that `distill` gives:
the chains of a batch do not touch one another, and products of one chain's matrices are the same in any batch.
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
from mtbkd_core.config.models import RunConfig
from mtbkd_core.distillation import (
    MAX_DRAWS_BYTES,
    Reporter,
    check,
    distill_together,
    draws_bytes,
    examples_of,
    find_device,
)
from mtbkd_core.evaluation.metrics import TeacherScores, score_teachers
from mtbkd_core.posterior import chains_in_one_piece
from mtbkd_core.result import Result
from mtbkd_core.students.base import Student
from mtbkd_core.students.cnn import ConvolutionalStudent
from mtbkd_core.tasks.base import Task

#: torch rounds a sigmoid, which hidden units have, differently at the end of a tensor whose size is no multiple of it.
#: A last digit of the log joint moves a tuned step size by 1e-4 of itself, so such configurations run one by one.
_LANES = 32 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 16
#: Chains of a batch: enough to make up for what an operation costs by itself, few enough to stay in the cache.
_CHAINS = 32
_TEACHERS_SHARE = 0.05
#: What a task is loaded by: its name, the split's seed, the number of labelled examples.
_Key = tuple[str, int, int | None]


def distill_grid(
    configs: Sequence[RunConfig],
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    memory: int = MAX_DRAWS_BYTES,
    threads: int | None = None,
) -> list[Result]:
    """Distil every configuration; one Result each, in their order.

    Any configurations will do. Those that agree in task, split seed, labelled examples, device, student, sampler and
    number of teachers (and, with minibatches, in the seed) run together as chains of one batch, if chains x examples x
    width is a multiple of 16, with AVX-512 of 32, for every hidden layer; the others run after one another.

    Args:
        configs: what to run; prior, teachers and seed may differ within a batch.
        task: a task for all of them that is loaded already; None: load what they name.
        on_progress: told of the grid as a whole, one call at a time, from the threads that compute.
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

    `on_problem` is told of a configuration that fails while it runs, by its place, and the others go on; None: raised.
    """
    for name, value in (("memory", memory), ("threads", threads)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: got {value}, needs a whole number from 1")
    threads = find_threads() if threads is None else threads
    progress = _Progress(len(configs), on_progress, should_stop)
    tasks = _load(configs, task, progress)
    batches = []
    for places in _alike(configs):
        first = configs[places[0]]
        student = _check(configs, places, tasks)
        size = _batch_size(first, student, _task_of(first, tasks), memory // threads)
        batches += [places[start : start + size] for start in range(0, len(places), size)]
    teacher_scores = _cached_scores()

    def run(places: Sequence[int]) -> list[Result]:
        chosen = [configs[place] for place in places]
        known = _task_of(chosen[0], tasks)
        alike = {each.data.teachers for each in chosen}
        told = teacher_scores(chosen[0], known) if len(alike) == 1 else None
        report = Reporter(chosen[0], progress.of(places), progress.stops)
        with torch.no_grad():
            return distill_together(chosen, known, find_device(chosen[0].device), report, told)

    def settled(places: Sequence[int], results: Callable[[], list[Result]]) -> Iterator[tuple[int, Result]]:
        try:
            yield from zip(places, results(), strict=True)
        except UserError as error:
            if on_problem is None:
                raise UserError(_named(places, len(configs), error)) from None
            if len(places) == 1:
                on_problem(places[0], error)
                return
            for place in places:  # which of them it was, and what the others give
                yield from settled([place], partial(run, [place]))

    if threads == 1:
        for places in batches:
            yield from settled(places, partial(run, places))
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
                    yield from settled(waiting.pop(future), future.result)
        finally:
            progress.ended.set()


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


def _alike(configs: Sequence[RunConfig]) -> list[list[int]]:
    """Places of the configurations that can run as one batch, in the order of their first."""
    kinds: dict[object, list[int]] = {}
    for place, config in enumerate(configs):
        sampler = config.sampler
        seed = None if sampler.batch_size is None and sampler.warm_start_batch_size is None else config.seed
        data = _key(config), config.n_unlabelled_used
        kind = (data, config.device, config.student, sampler, len(config.data.teachers), seed)
        kinds.setdefault(kind, []).append(place)
    return list(kinds.values())


def _key(config: RunConfig) -> _Key:
    return config.data.task, config.data.split_seed, config.data.n_labelled


def _task_of(config: RunConfig, tasks: dict[_Key, Task]) -> Task:
    return tasks[_key(config)]


def _load(configs: Sequence[RunConfig], task: Task | None, progress: _Progress) -> dict[_Key, Task]:
    """Each task once, with every teacher that anyone needs."""
    wanted: dict[_Key, dict[str, None]] = {}
    for config in configs:
        wanted.setdefault(_key(config), {}).update(dict.fromkeys(config.data.teachers))
    if task is not None:
        return dict.fromkeys(wanted, task)
    return {
        (name, split_seed, n_train): load_task(
            name,
            teachers=list(teachers),
            split_seed=split_seed,
            n_train=n_train,
            on_progress=progress.teachers,
            should_stop=progress.stops,
        )
        for (name, split_seed, n_train), teachers in wanted.items()
    }


def _check(configs: Sequence[RunConfig], places: Sequence[int], tasks: dict[_Key, Task]) -> Student:
    """The student of configurations that are alike; all are checked before the first one runs."""
    for place in places:
        config = configs[place]
        try:
            find_device(config.device)
            _task_of(config, tasks).fingerprint_of(config.data.teachers)
            student = check(config, _task_of(config, tasks))
        except UserError as error:
            raise UserError(_named([place], len(configs), error)) from None
    return student


def _batch_size(config: RunConfig, student: Student, task: Task, memory: int) -> int:
    """Configurations of a batch: as many as fill `_CHAINS` chains, if the memory allows."""
    heard = len(task.y_train) + config.n_unlabelled_used
    chains, sampler = config.sampler.chains, config.sampler
    if isinstance(student, ConvolutionalStudent):  # a convolution of more groups may be computed in another way
        return 1
    # tuning, and the log joints of a decaying schedule's or a minibatch's draws, are of all examples whatever the batch
    counts = {heard, min(heard, sampler.batch_size or heard)}
    counts.add(min(heard, sampler.warm_start_batch_size or sampler.batch_size or heard))
    if any(chains * count * width % _LANES for count in counts for width in student.sizes[1:-1]):
        return 1
    in_one_piece = min(chains_in_one_piece(student, count, len(config.data.teachers)) for count in counts)
    # a step holds every layer's units about three times, the teachers' terms about twice, and ten states
    units = heard * (3 * sum(student.sizes[1:]) + 2 * len(config.data.teachers) * student.sizes[-1])
    bytes_each = draws_bytes(config, student) + 4 * chains * (units + 10 * student.n_parameters)
    return max(1, min(_CHAINS // chains, in_one_piece // chains, memory // bytes_each))


def _cached_scores() -> Callable[[RunConfig, Task], TeacherScores]:
    known: dict[object, TeacherScores] = {}

    def of(config: RunConfig, task: Task) -> TeacherScores:
        kind = (_key(config), config.data.teachers)
        if kind not in known:
            known[kind] = score_teachers(examples_of(task, config.data.teachers).test_logits, task.y_test)
        return known[kind]

    return of


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
        """Whether to stop: somebody said so, or nobody waits for the results any more."""
        if self.ended.is_set():
            return True
        if self._should_stop is None:
            return False
        with self._lock:
            return self._should_stop()

    def teachers(self, progress: Progress) -> None:
        """Pass on the teachers' training as the first part."""
        self._before = _TEACHERS_SHARE
        self._tell(progress, _TEACHERS_SHARE * progress.fraction, progress.message)

    def of(self, places: Sequence[int]) -> OnProgress | None:
        """Where a batch tells how far it is."""
        if self._on_progress is None:
            return None
        span = _spans(places)

        def told(progress: Progress) -> None:
            with self._lock:
                self._done[places[0]] = progress.fraction * len(places)
                done = sum(self._done.values()) / self._count
            message = f"Settings {span} of {self._count}: {progress.message}"
            self._tell(progress, self._before + (1 - self._before) * done, message)

        return told

    def _tell(self, progress: Progress, fraction: float, message: str) -> None:
        with self._lock:
            self._fraction = max(self._fraction, min(1.0, fraction))
            if self._on_progress is not None:
                # chains of several settings side by side are not one run's: no log joint, no shares
                self._on_progress(
                    replace(progress, fraction=self._fraction, message=message, log_joint=None, teacher_share=None)
                )
