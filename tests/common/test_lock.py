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


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    return process


def test_a_lock_dies_with_its_process(tmp_path):
    path = tmp_path / "lock"
    assert not lock.is_held(path)
    process = holder(path)
    assert lock.is_held(path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not lock.is_held(path)


def test_threads_of_one_process_keep_each_other_out(tmp_path):
    path, inside, order = tmp_path / "lock", threading.Event(), []

    def second():
        inside.wait()
        with lock.hold(path):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with lock.hold(path):
        inside.set()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_looking_at_a_lock_takes_it_from_nobody(tmp_path):
    path = tmp_path / "lock"
    with lock.hold(path):
        assert lock.is_held(path)
        assert lock.is_held(path)
    assert not lock.is_held(path)


def test_whoever_waited_for_a_folder_that_was_deleted_is_told(tmp_path):
    folder, errors, waiting = tmp_path / "run", [], threading.Event()
    folder.mkdir()

    def wait():
        waiting.set()
        try:
            with lock.hold(folder / "lock"):
                pass
        except FileNotFoundError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    with lock.hold(folder / "lock"):
        thread.start()
        waiting.wait()
        thread.join(0.1)
        folder.rename(tmp_path / "gone")
    thread.join()
    assert len(errors) == 1


def test_a_lock_in_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError), lock.hold(tmp_path / "nowhere" / "lock"):
        pass
