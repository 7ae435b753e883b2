"""Loaded by the engine's scheduler and by its workers' nannies: they end when the process that started them does.

Without it they would outlive an app that is killed, for ever. (A worker ends with its nanny: Dask sees to that.)
It is loaded by its path and imports nothing of the package, which would cost each process a second and much memory.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading

import click


@click.command()
@click.option("--lock", type=str, help="File that the engine locks for as long as it lives.")
@click.option("--root", type=str, help="Folder from which a worker can import mtbkd_core.")
@click.option("--log", type=str, default=None, help="File for standard error; a pipe would not be read.")
def dask_setup(server: object, lock: str, root: str, log: str | None) -> None:
    """Wait for the engine's lock to fall, and end this process then."""
    os.setpgid(0, 0)  # Ctrl-C in the app's terminal is the app's alone: it ends this process, and in order
    if root not in sys.path:
        sys.path.append(root)  # and so in a worker's, which inherits it
    if log is not None:
        with open(log, "ab", buffering=0) as file:
            os.dup2(file.fileno(), 2)
    threading.Thread(target=_follow, args=(lock,), name="owner-watch", daemon=True).start()


def _follow(lock: str) -> None:
    # A lock rather than a process number: it falls even while the dead process has not been waited for by its parent.
    try:
        fcntl.flock(os.open(lock, os.O_RDONLY), fcntl.LOCK_SH)
    finally:
        os._exit(0)
