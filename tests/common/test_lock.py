"""A lock on a file keeps processes and threads apart, and dies with its process."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mtbkd_core.common import lock

HOLDER = """
import pathlib, sys
from mtbkd_core.common import lock
with lock.hold(pathlib.Path(sys.argv[1])):
    print(1, flush=True)
    input()
"""


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not lock.is_held(path)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"1\n"
        assert lock.is_held(path)
        holder.send_signal(signal.SIGKILL)
    assert not lock.is_held(path)


def test_threads_of_one_process_keep_each_other_out(tmp_path: Path) -> None:
    path, order = tmp_path / "lock", []

    def second() -> None:
        with lock.hold(path):
            order.append("second")

    thread = threading.Thread(target=second)
    with lock.hold(path):
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_looking_at_a_lock_does_not_take_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock.hold(path):
        assert lock.is_held(path)
        assert lock.is_held(path)
    assert not lock.is_held(path)


def test_a_wait_for_a_folder_that_is_deleted_ends_with_an_error(tmp_path: Path) -> None:
    folder, errors = tmp_path / "run", []
    folder.mkdir()

    def wait() -> None:
        try:
            with lock.hold(folder / "lock"):
                pass
        except FileNotFoundError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    with lock.hold(folder / "lock"):
        thread.start()
        thread.join(0.1)
        folder.rename(tmp_path / "gone")
    thread.join()
    assert len(errors) == 1


def test_a_lock_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), lock.hold(tmp_path / "nowhere" / "lock"):
        pass
