"""What a process needs once, and several of its threads may ask for in the same moment."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from threading import RLock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def once(function: Callable[P, T]) -> Callable[P, T]:
    """A function that keeps its results, at most 1,024; of threads that ask at once, one computes and the others wait.

    `functools.cache` has each of them compute: twenty visitors who come together would read the same file twenty times.
    The arguments have to be hashable. An exception is not kept. Like `functools.cache`'s, it has `cache_clear()`.
    """
    kept, lock = lru_cache(maxsize=1024)(function), RLock()

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with lock:
            return kept(*args, **kwargs)  # type: ignore[arg-type]  # hashable, as the docstring asks

    call.cache_clear = kept.cache_clear  # type: ignore[attr-defined]
    return call
