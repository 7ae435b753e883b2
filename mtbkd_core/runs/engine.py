"""The engine: sends jobs to Dask workers, on this machine or on a cluster, and never holds the truth about them.

What became of a job stands in its folder (see `store`): an engine may end, or be killed, and another take its place.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed import Future, KilledWorker, fire_and_forget
from pydantic import BaseModel

from mtbkd_core.catalog.registry import load_task, task_info
from mtbkd_core.common.files import home
from mtbkd_core.common.parallel import find_threads
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import Device
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.cluster import worker_count
from mtbkd_core.runs.connection import START_SECONDS, Connection
from mtbkd_core.runs.engine_info import EngineInfo
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, JobView, S, V
from mtbkd_core.runs.kinds.registry import KINDS
from mtbkd_core.runs.tls import TlsFiles, given_files


class Engine:
    """Takes jobs and has them executed. Any thread may call any method.

    A plain object: a Dask client is awaitable, and what keeps an engine for an app must not take it for a coroutine.
    """

    def __init__(self, address: str | None = None, *, workers: int | None = None, tls: TlsFiles | None = None) -> None:
        """Start nothing yet.

        Args:
            address: scheduler of a cluster whose workers share the home folder, as tls://host:8786; none: its own.
            workers: how many of its own; none: one for every two processors, eight at most.
            tls: for an address that begins with tls://.

        Raises:
            UserError: the home folder cannot be used, or MTBKD_THREADS is not a number.
        """
        self._address = address
        self._tls = tls
        self._workers = workers or worker_count()
        self._threads = find_threads(sharing=self._workers)
        self._home = home()
        self._guard = threading.Lock()
        self._connection: Connection | None = None
        # Futures are kept: Dask forgets a piece of work without one.
        self._sent: dict[str, Future[Any]] = {}
        self._prepared: dict[str, list[Future[Any]]] = {}

    def start(self) -> Engine:
        """Begin to start, without waiting; an engine that starts or runs is left alone, a broken one is started anew.

        Raises:
            UserError: the home folder cannot be written.
        """
        self._started()
        return self

    def wait(self, timeout: float = START_SECONDS) -> None:
        """Start, and wait until a worker is ready.

        Raises:
            UserError: the engine could not be started.
        """
        client = self._started().client()
        try:
            client.wait_for_workers(1, timeout=timeout)
        except TimeoutError:
            raise UserError(f"engine: no worker is ready after {timeout:.0f} s") from None

    def submit(self, kind: JobKind[S, V], spec: S, *, by: str | None = None) -> V:
        """Have a job executed, and return at once, even while the engine starts.

        One that is done, queued or running is found, not computed twice; one that failed, crashed, was cancelled or
        interrupted goes on with what is missing, and one whose result is torn is computed again. A measurement that is
        over is made anew.

        Args:
            by: becomes an owner; none on a server that one person uses.
        Raises:
            UserError: a task or teacher that does not exist, no GPU where one is asked for, or a folder that cannot be
                written. That an engine does not start is reported by the job and by `info`.
        """
        connection = self._started()
        device = kind.device(spec)
        if device is Device.CUDA:
            self._refuse_without_gpu(connection)
        job, submission = store.enqueue(kind, spec, engine=connection.name, by=by)
        return self._handed(connection, kind, job, device, submission)

    def extend(self, kind: JobKind[S, V], id: str, more: BaseModel, *, by: str | None = None) -> V:
        """Have a job that is done go on, under its own name; one that is under way is found. `by`: as in `submit`.

        Raises:
            UserError: no such job, or it has no result, or its folder cannot be written.
        """
        connection = self._started()
        job, submission = store.enqueue_more(kind, id, more, engine=connection.name, by=by)
        return self._handed(connection, kind, job, kind.device(job.spec), submission)

    def _handed(self, connection: Connection, kind: JobKind[S, V], job: V, device: Device, submission: str | None) -> V:
        if submission is None:
            return job
        settled = connection.settled
        connection.then(self._send, connection, job, device, submission)
        return store.read(kind, job.id) if settled else job

    def cancel(self, kind: JobKind[S, V], id: str, *, by: str | None = None) -> V:
        """Stop a job: a queued one at once, a running one at its next step; whole parts and finished jobs stay.

        Raises:
            UserError: no such job, `by` is not its only owner, or its folder cannot be written.
        """
        return store.request_cancel(kind, id, by=by)

    def prepare(self, task: str) -> None:
        """Train a task's teachers in the background, a newcomer's defaults first; does nothing the second time.

        Each teacher is a piece of work behind all jobs: one submitted meanwhile waits for one teacher at most.

        Raises:
            UserError: no such task, or the home folder cannot be written.
        """
        info = task_info(task)
        connection = self._started()
        with self._guard:
            if task in self._prepared:
                return
            self._prepared[task] = []
        names = sorted((teacher.name for teacher in info.teachers), key=lambda name: name not in info.default_teachers)
        connection.then(self._send_teachers, connection, task, names)

    def info(self) -> EngineInfo:
        """How the engine is, without waiting for a start. The jobs of one that is found dead are interrupted.

        Raises:
            UserError: the home folder cannot be read.
        """
        connection = self._connection
        problem = connection.trouble() if connection is not None else None
        if connection is not None and problem is not None:
            connection.let_go()
        states = [job.state for kind in KINDS for job in store.list_jobs(kind)]
        workers: dict[str, Any] = {}
        if connection is not None and connection.settled and problem is None:
            try:
                workers = connection.workers()
            except (OSError, UserError) as error:
                problem = f"engine: its scheduler does not answer ({error})"
        return EngineInfo(
            address=connection.address if connection is not None else None,
            workers=len(workers),
            gpus=sum("GPU" in worker["resources"] for worker in workers.values()),
            threads=self._threads if self._address is None else None,
            queued=states.count(State.QUEUED),
            running=states.count(State.RUNNING),
            interrupted=states.count(State.INTERRUPTED),
            starting=connection is not None and not workers and problem is None,
            problem=problem,
        )

    def close(self) -> None:
        """Stop the engine's own scheduler and workers; jobs under way on them are then interrupted."""
        atexit.unregister(self._close_at_exit)
        with self._guard:
            self._end()

    def _close_at_exit(self) -> None:
        # Dask wants to log each job that it lets go of, and finds no thread any more to do it in.
        logging.getLogger("tornado.application").disabled = True
        self.close()

    def _started(self) -> Connection:
        with self._guard:
            if self._connection is not None and self._connection.trouble() is not None:
                self._end()
            if self._connection is None:
                self._connection = Connection(self._address, home=self._home, workers=self._workers, tls=self._tls)
                atexit.register(self._close_at_exit)
            return self._connection

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        self._sent.clear()
        self._prepared.clear()
        if connection is not None:
            connection.close()

    def _refuse_without_gpu(self, connection: Connection) -> None:
        try:
            found = connection.has_gpu()
        except OSError as error:
            raise UserError(f"engine: its scheduler does not answer ({error})") from None
        if not found:
            raise UserError("device: got 'cuda', but no worker has a GPU; allowed here: auto, cpu")

    def _send(self, connection: Connection, job: JobView[Any], device: Device, submission: str) -> None:
        """Hand a submission to Dask; whatever stands in the way is written into the job's folder."""
        try:
            # Where there is a GPU, `auto` means it, and jobs take turns on it.
            gpu = device is not Device.CPU and connection.has_gpu()
            future = connection.client().submit(
                _sent_by_value(execute),
                str(job.folder),
                key=f"{job.folder.parent.name}-{job.id}-{submission[:8]}",
                pure=False,
                resources={"GPU": 1} if gpu else None,
            )
        except Exception as error:
            _write_end(job.folder, submission, State.FAILED, error)
            return
        fire_and_forget(future)
        self._sent[submission] = future
        future.add_done_callback(lambda done: self._over(done, job.folder, submission))

    def _over(self, future: Future[Any], folder: Path, submission: str) -> None:
        """Dask has let go of a submission. An attempt writes its own end; what kept it from that is written here."""
        self._sent.pop(submission, None)
        if future.status == "error":
            error = future.exception()
            _write_end(folder, submission, State.CRASHED if isinstance(error, KilledWorker) else State.FAILED, error)

    def _send_teachers(self, connection: Connection, task: str, names: list[str]) -> None:
        with suppress(UserError):  # that the engine does not start is reported by `info` and by each job
            client = connection.client()
            self._prepared[task] = [
                client.submit(
                    _sent_by_value(_train), task, name, key=f"teacher-{task}-{name}", pure=False, priority=-1 - place
                )
                for place, name in enumerate(names)
            ]


def start_engine() -> Engine:
    """The engine that the environment asks for, already starting: `MTBKD_SCHEDULER`'s cluster, or workers of its own.

    Raises:
        UserError: the home folder cannot be used, MTBKD_THREADS is not a number, or the cluster's TLS files are not
            there.
    """
    address = os.environ.get("MTBKD_SCHEDULER", "").strip() or None
    return Engine(address, tls=None if address is None else given_files(address, os.environ)).start()


def _train(task: str, teacher: str) -> None:
    """Runs in a worker: train one teacher, unless its outputs are in the home folder already."""
    load_task(task, teachers=(teacher,))


def _sent_by_value(function: Callable[..., None]) -> Callable[..., None]:
    """The function, as something that only the worker has to import.

    Dask's scheduler unpickles what it is given: a function that is sent by its name would make it import torch, which
    takes seconds, in the way of the first job.
    """
    module, name = function.__module__, function.__name__

    def call(*arguments: Any) -> None:
        getattr(importlib.import_module(module), name)(*arguments)

    return call


def _write_end(folder: Path, submission: str, state: State, error: BaseException | None) -> None:
    """Write how a submission ended from here, unless it has done so itself, or its folder is gone."""
    reason = str(error) if isinstance(error, UserError | KilledWorker) else f"{type(error).__name__}: {error}"
    with suppress(UserError, OSError):
        files.finish(folder, submission, state, " ".join(reason.split()))
