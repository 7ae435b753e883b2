"""Shares of one computation in parallel, on threads: torch releases Python's lock while it computes.

torch's own threads spin while they wait for one another; on a machine that other programs use too, two of them took
thirty times as long as one. Threads of this module sleep while they wait. They gain where a share is about a
millisecond of large operations. The shares must not depend on the number of threads, so that results do not either.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

import torch

from mtbkd_core.common.progress import UserError

_MOST = 4

T = TypeVar("T")


def find_threads(sharing: int = 1) -> int:
    """Threads for one run on the processor: the environment's MTBKD_THREADS, else one a processor, at most 4.

    Args:
        sharing: how many processes are to share the processors.
    Raises:
        UserError: MTBKD_THREADS is not a number from 1 on.
    """
    chosen = os.environ.get("MTBKD_THREADS", "").strip()
    if not chosen:
        from dask.system import CPU_COUNT  # it knows a container's share too; imported here because that takes a moment

        return max(1, min(_MOST, CPU_COUNT // sharing))
    if not chosen.isdecimal() or int(chosen) < 1:
        raise UserError(f"MTBKD_THREADS: got {chosen!r}, allowed: a whole number from 1 on")
    return int(chosen)


def limit_threads() -> None:
    """Let torch itself use one thread in this process from now on, so that `together` may use several.

    Raises:
        UserError: as `find_threads`.
    """
    find_threads()
    torch.set_num_threads(1)


def together(shares: Sequence[Callable[[], T]]) -> list[T]:
    """The results of the shares, in their order; computed by `find_threads` threads, of which the caller is one.

    Where torch has several threads of its own (see `limit_threads`), the caller does everything and torch divides it.

    Raises:
        UserError: as `find_threads`. An error of a share is raised once the shares that have begun have ended.
    """
    helpers = min(find_threads(), len(shares)) - 1 if torch.get_num_threads() == 1 else 0
    if helpers < 1:
        return [share() for share in shares]
    results: dict[int, T] = {}
    waiting = iter(range(len(shares)))  # a thread that is free takes the next
    wants_gradient = torch.is_grad_enabled()

    def work() -> None:
        with torch.set_grad_enabled(wants_gradient):
            for number in waiting:
                results[number] = shares[number]()

    helping = [_pool(find_threads() - 1).submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        # a helper that has not begun is not needed, and may be queued behind the thread that would wait for it
        begun = [each for each in helping if not each.cancel()]
        wait(begun)
    for each in begun:
        each.result()
    return [results[number] for number in range(len(shares))]


@cache
def _pool(size: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(size, "mtbkd-share", initializer=torch.set_num_threads, initargs=(1,))
