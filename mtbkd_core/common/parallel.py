"""Shares of one computation side by side, on threads: torch lets go of Python's lock while it computes.

torch's own threads would do, were the machine idle; beside other programs they wait for one another by spinning, and
two were seen to take thirty times as long as one. Threads of this module sleep while they wait. They gain where a share
is about a millisecond of large operations. What a computation is divided into must not depend on how many threads there
are, so that its result does not either.
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
    """Threads for one run on the processor: what the environment's MTBKD_THREADS says, else one a processor, at most 4.

    Args:
        sharing: how many processes are to share the processors.
    Raises:
        UserError: MTBKD_THREADS is not a number from 1 on.
    """
    chosen = os.environ.get("MTBKD_THREADS", "").strip()
    if not chosen:
        from dask.system import CPU_COUNT  # it knows a container's share too; and takes a moment to import

        return max(1, min(_MOST, CPU_COUNT // sharing))
    if not chosen.isdecimal() or int(chosen) < 1:
        raise UserError(f"MTBKD_THREADS: got {chosen!r}, allowed: a whole number from 1 on")
    return int(chosen)


def limit_threads() -> None:
    """Leave it to `together` to use several processors: torch itself takes one thread in this process from now on.

    Raises:
        UserError: as `find_threads`, so that nobody comes upon it later.
    """
    find_threads()
    torch.set_num_threads(1)


def together(shares: Sequence[Callable[[], T]]) -> list[T]:
    """What the shares give, in their order; computed by `find_threads` threads, of which the caller is one.

    Where torch has several threads of its own (see `limit_threads`), the caller does everything and torch divides it.

    Raises:
        UserError: as `find_threads`. What a share raises is raised, when those that have begun have ended.
    """
    helpers = min(find_threads(), len(shares)) - 1 if torch.get_num_threads() == 1 else 0
    if helpers < 1:
        return [share() for share in shares]
    results: dict[int, T] = {}
    waiting = iter(range(len(shares)))  # whoever is free takes the next
    wants_gradient = torch.is_grad_enabled()

    def work() -> None:
        with torch.set_grad_enabled(wants_gradient):
            for number in waiting:
                results[number] = shares[number]()

    helping = [_pool(find_threads() - 1).submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        # who has not begun by now is not needed, and may stand in line behind the one who would wait for them
        begun = [each for each in helping if not each.cancel()]
        wait(begun)
    for each in begun:
        each.result()
    return [results[number] for number in range(len(shares))]


@cache
def _pool(size: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(size, "mtbkd-share", initializer=torch.set_num_threads, initargs=(1,))
