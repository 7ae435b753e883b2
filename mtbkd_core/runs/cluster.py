"""The engine's own Dask cluster: a scheduler and workers in processes of their own, on 127.0.0.1 and nowhere else."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from dask.system import CPU_COUNT
from distributed import SpecCluster, Status
from distributed.deploy.subprocess import SubprocessScheduler, SubprocessWorker

from mtbkd_core.common.parallel import find_threads
from mtbkd_core.common.progress import UserError
from mtbkd_core.runs.tls import TlsFiles, make_files

_HOST = "127.0.0.1"
_CLOSE_SECONDS = 10
#: How glibc's malloc is to keep memory in a worker. Dask asks it to hand back at once all that is freed: every step of
#: a sampler would then get its tensors page by page from the kernel, and take several times as long.
_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(512 * 2**20),
}
#: Read by Dask as it is loaded, and by nothing else.
_DASK = {
    "DASK_LOGGING__DISTRIBUTED": "warning",  # its processes tell of trouble only
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",  # it would stop a run every 10 ms
    # nobody who asks by HTTP is told what runs
    "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": "[]",
    "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]",
    "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON": str(_MEMORY),
}
_WATCH = Path(__file__).with_name("owner_watch.py")


def worker_count() -> int:
    """One worker for every two processors, at least one and at most eight: each takes one run at a time."""
    return min(8, max(1, CPU_COUNT // 2))


def gpu_names() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if not torch.cuda.is_available():
        return []
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return named or [str(number) for number in range(torch.cuda.device_count())]


def local_cluster(folder: Path, *, home: Path, workers: int) -> SpecCluster:
    """Start scheduler and workers; returns when the scheduler answers, while the workers are still importing.

    It is what Dask's `SubprocessCluster` builds, from the same parts, but its workers differ: each GPU belongs to one.
    Workers are processes started afresh (never forks of the app, never a second run of its script), each under a nanny
    that replaces it when it dies, and all end when this process does. They speak to one another, and to their client,
    by TLS with a certificate made for this cluster.

    Args:
        folder: the engine's, with its lock; the scheduler leaves its address and its log there. Its user's alone: the
            key lies there.
        home: the home folder of the workers.
        workers: how many; each has one slot, so that one run has a worker for itself.

    Raises:
        UserError: on Windows, or where the scheduler does not start.
    """
    if sys.platform == "win32":
        raise UserError(
            "engine: Dask starts no workers of its own on Windows; use WSL, or set MTBKD_SCHEDULER to a cluster"
        )
    try:
        tls = make_files(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from None
    watch = ["--lock", str(folder / "lock"), "--root", str(Path(__file__).resolve().parents[2])]
    scheduler = {
        "cls": SubprocessScheduler,
        "options": {
            "scheduler_kwargs": {
                "host": _HOST,
                "protocol": "tls",
                "security": tls.options(),
                "dashboard": False,
                "dashboard_address": f"{_HOST}:0",  # its health route is served all the same, so say where
                "scheduler_file": str(folder / "scheduler.json"),
                # How often a run may kill its worker is for `execute` to decide; those behind it are innocent.
                "allowed_failures": 10_000,
                "preload": [str(_WATCH)],
                "preload_argv": [*watch, "--log", str(folder / "scheduler.log")],
            }
        },
    }
    gpus = gpu_names()
    for name, value in _DASK.items():
        os.environ.setdefault(name, value)
    count = max(workers, len(gpus))
    threads = str(find_threads(sharing=count))
    specification = {number: _worker(number, folder, tls, watch, home, gpus, threads) for number in range(count)}
    try:
        return SpecCluster(
            workers=specification,
            scheduler=scheduler,
            security=tls.security(),
            silence_logs=logging.WARNING,
            name="mtbkd",
        )
    except (RuntimeError, OSError) as error:
        raise UserError(f"engine: its scheduler does not start ({error})") from None


def has_ended(part: SubprocessScheduler | SubprocessWorker | None) -> bool:
    """Whether the process of a scheduler or a nanny is gone, killed perhaps; false before it is there."""
    return part is not None and part.process is not None and part.process.returncode is not None


def close(cluster: SpecCluster) -> None:
    """End the cluster's processes; those that cannot be asked to end when the engine lets go of its lock."""
    scheduler = cluster.scheduler
    if scheduler is not None and has_ended(scheduler):
        # Else Dask would ask it first to let the workers go, and wait half a minute for the answer.
        scheduler.status = Status.closed
        cluster.shutdown_scheduler = False
    with suppress(OSError, TimeoutError):
        cluster.close(timeout=_CLOSE_SECONDS)


def _worker(
    number: int, folder: Path, tls: TlsFiles, watch: list[str], home: Path, gpus: list[str], threads: str
) -> dict[str, Any]:
    environment = {"MTBKD_HOME": str(home), "MTBKD_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    if gpus:
        environment["CUDA_VISIBLE_DEVICES"] = gpus[number] if number < len(gpus) else ""
    options = {
        "host": _HOST,
        "protocol": "tls",
        "security": tls.options(),
        # Each its own: the nanny copies what it loads there, and would do so under the feet of another.
        "local_directory": str(folder / f"worker-{number}"),
        "nthreads": 1,
        "dashboard": False,
        "dashboard_address": f"{_HOST}:0",
        "env": environment,
        "resources": {"GPU": 1} if number < len(gpus) else None,
        "silence_logs": logging.WARNING,
        "preload": ["mtbkd_core.runs.worker"],
        "preload_nanny": [str(_WATCH)],
        "preload_nanny_argv": watch,
    }
    return {"cls": SubprocessWorker, "options": {"worker_kwargs": options}}
