import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from mtbkd_core.common.once import once


def test_of_threads_that_ask_at_once_one_computes():
    computed, together, go_on = [], Barrier(9), Event()

    @once
    def slow(number):
        computed.append(number)
        go_on.wait()
        return object()

    def ask(_):
        together.wait()
        return slow(3)

    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(ask, range(8))
        together.wait()
        time.sleep(0.1)  # long enough for all of them to begin, if they could
        go_on.set()
    assert len({id(answer) for answer in answers}) == len(computed) == 1


def test_an_exception_is_not_kept():
    calls = []

    @once
    def fails_first(number):
        calls.append(number)
        if len(calls) == 1:
            raise OSError("busy")
        return number

    with pytest.raises(OSError, match="busy"):
        fails_first(2)
    assert fails_first(2) == fails_first(2) == 2
    assert len(calls) == 2
