"""An engine's hold on Dask, from start to end: the lock that shows it alive, a cluster of its own, the client."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from distributed import Client, SpecCluster

from mtbkd_core.common.progress import UserError
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.cluster import close, gpu_names, has_ended, local_cluster
from mtbkd_core.runs.tls import TlsFiles

START_SECONDS = 60.0
_ANSWER_SECONDS = 10.0


class Connection:
    """Connects in a thread of its own, from the moment it is made; what it is given meanwhile is done after that."""

    def __init__(self, address: str | None, *, home: Path, workers: int, tls: TlsFiles | None = None) -> None:
        """Take a name and lock it, and begin to connect.

        Args:
            address: of a scheduler; none: a cluster of its own.
            home: the home folder.
            workers: how many of its own.
            tls: what the scheduler at the address asks to be shown; none: nothing.

        Raises:
            UserError: the home folder cannot be written.
        """
        self.name = uuid.uuid4().hex
        self._address = address
        self._tls = tls
        self._client: Client | None = None
        self._cluster: SpecCluster | None = None
        self._stack = ExitStack()
        self._lock = ExitStack()
        self._hold_name(home)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mtbkd-engine")
        self._connected = self._thread.submit(self._connect, home, workers)

    @property
    def address(self) -> str | None:
        """The scheduler's; none before the connection is there."""
        return None if self._client is None or self._client.scheduler is None else str(self._client.scheduler.address)

    @property
    def settled(self) -> bool:
        """The connection is there, or has failed (see `trouble`)."""
        return self._connected.done()

    def then(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do the work once the connection is settled, in its thread; at once and here where it is."""
        if self.settled:
            work(*arguments)
        else:
            self._thread.submit(work, *arguments)

    def client(self) -> Client:
        """The client; waits for it.

        Raises:
            UserError: the connection has failed, or does not come about.
        """
        wait([self._connected], START_SECONDS)
        if self._client is None:
            raise UserError(self.trouble() or "engine: it does not start")
        return self._client

    def trouble(self) -> str | None:
        """What is wrong with the connection, in one line; none while it starts or works."""
        if self.settled and (error := self._failure()) is not None:
            return " ".join(str(error).split()) if isinstance(error, UserError) else f"engine: {error!r}"
        if self._client is not None and self._client.status in ("closing", "closed"):
            return "engine: its scheduler is gone"
        if self._cluster is not None:
            if has_ended(self._cluster.scheduler):
                return "engine: its scheduler has ended"
            if all(has_ended(worker) for worker in self._cluster.workers.values()):
                return "engine: all its workers have ended"
        return None

    def workers(self) -> dict[str, Any]:
        """The workers that are ready, by address, as the scheduler describes them; asks it.

        Raises:
            UserError: as `client`.
            OSError: the scheduler does not answer.
        """
        workers: dict[str, Any] = self.client().scheduler_info()["workers"]
        return workers

    def has_gpu(self) -> bool:
        """Whether some worker has a GPU; for a cluster that is asked now, and errors are those of `workers`."""
        if self._address is None:
            return bool(gpu_names())
        return any("GPU" in worker["resources"] for worker in self.workers().values())

    def let_go(self) -> None:
        """Let the lock fall that shows the engine alive: its jobs are then interrupted, and its own processes end."""
        self._lock.close()

    def close(self) -> None:
        """End all that was begun, and let go of the name."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._stack.close()

    def _hold_name(self, home: Path) -> None:
        folder = files.engine_folder(home, self.name)
        try:
            folder.parent.mkdir(exist_ok=True)
            with files.gate(folder.parent):
                _remove_dead_engines(home, folder.parent)
                folder.mkdir(mode=0o700)  # the key of its cluster lies there
                self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
                self._lock.enter_context(files.hold_engine(home, self.name))
                self._stack.callback(self.let_go)
        except OSError as error:
            raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from None

    def _connect(self, home: Path, workers: int) -> None:
        target: Any = self._address
        if target is None:
            folder = files.engine_folder(home, self.name)
            target = self._cluster = local_cluster(folder, home=home, workers=workers)
            self._stack.callback(close, target)
        try:
            # Never the default of other Dask calls in this process.
            security = self._tls.security() if self._tls is not None else None
            client = Client(target, security=security, set_as_default=False, timeout=_ANSWER_SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            where = "its own address" if self._address is None else f"{self._address} (MTBKD_SCHEDULER)"
            raise UserError(f"engine: no scheduler answers at {where}: {error}") from None
        self._stack.callback(client.close)
        self._client = client

    def _failure(self) -> BaseException | None:
        done: Future[None] = self._connected
        return UserError("engine: it was closed") if done.cancelled() else done.exception()


def _remove_dead_engines(home: Path, engines: Path) -> None:
    """Clear away what engines left behind that were killed."""
    for folder in engines.iterdir():
        if folder.is_dir() and not files.engine_lives(home, folder.name):
            shutil.rmtree(folder, ignore_errors=True)
