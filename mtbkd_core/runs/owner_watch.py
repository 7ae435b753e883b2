"""Loaded by the engine's scheduler and by its workers' nannies: they end when the process that started them does.

Without it they would outlive an app that is killed, for ever. (A worker ends with its nanny: Dask sees to that.)
It is loaded by its path and imports nothing of the package, which would cost each process a second and much memory.
"""

from __future__ import annotations

import os
import sys
import threading

import click
import psutil


@click.command()
@click.option("--pid", type=int)
@click.option(
    "--born", type=float, help="Creation time of the process, which tells it from a later one of the same number."
)
@click.option("--root", type=str, help="Folder from which a worker can import mtbkd_core.")
@click.option("--log", type=str, default=None, help="File for standard error; where it is a pipe, nobody reads it.")
def dask_setup(server: object, pid: int, born: float, root: str, log: str | None) -> None:
    """Watch the process `pid`, and kill this one when it has gone."""
    if root not in sys.path:
        sys.path.append(root)  # and so in a worker's, which inherits it
    if log is not None:
        with open(log, "ab", buffering=0) as file:
            os.dup2(file.fileno(), 2)
    threading.Thread(target=_follow, args=(pid, born), name="owner-watch", daemon=True).start()


def _follow(pid: int, born: float) -> None:
    try:
        owner = psutil.Process(pid)
        if owner.create_time() == born:
            owner.wait()
    except psutil.NoSuchProcess:
        pass
    os._exit(0)
