"""A lock on a file that is released when its process ends, however it ends.

On Unix it is `flock`, on Windows `msvcrt.locking`. On a network file system `flock` works between hosts from Linux
2.6.12 on, and falls when the server notices that the host is gone. The package `filelock` locks alike, but has no way
to look at a lock without taking it, makes folders that are missing, and polls.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int, *, wait: bool, shared: bool) -> bool:
        while True:
            try:
                os.lseek(descriptor, 0, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
                return True
            except OSError:  # LK_LOCK itself waits ten seconds before it gives up
                if not wait:
                    return False

    def _drop(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(descriptor: int, *, wait: bool, shared: bool) -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
            return True
        except BlockingIOError:
            return False

    def _drop(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def hold(path: Path, meanwhile: Callable[[], None] | None = None) -> Iterator[None]:
    """Wait for the lock on `path` (made if missing) and hold it for the block; other threads are kept out as well.

    Args:
        meanwhile: called between two tries, and has to let some time pass; what it raises ends the wait. None: just
            wait.
    Raises:
        FileNotFoundError: the folder is not there, or went away while we waited.
        OSError: the file cannot be made or opened.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            while not _take(descriptor, wait=meanwhile is None, shared=False):
                if meanwhile is not None:
                    meanwhile()
            if _is_still(path, descriptor):
                try:
                    yield
                finally:
                    _drop(descriptor)
                return
        finally:
            os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock; never waits. Looks share a lock, so that they do not see one another."""
    try:
        descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    except OSError:
        return False
    try:
        if not _take(descriptor, wait=False, shared=True):
            return True
        _drop(descriptor)
        return False
    finally:
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether `path` is the file that was locked: the folder may have been deleted, and made again, while we waited."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
