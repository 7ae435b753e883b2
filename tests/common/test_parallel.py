"""Shares side by side: their order, who does them, what they raise, and how many threads there are."""

import threading
from collections.abc import Callable

import pytest
import torch

from mtbkd_core.common.parallel import find_threads, limit_threads, together
from mtbkd_core.common.progress import UserError


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTBKD_THREADS", "2")


@pytest.mark.usefixtures("two_threads")
def test_two_shares_run_at_the_same_time_and_come_back_in_their_order() -> None:
    """Each waits for the other, which one thread could not wait out."""
    meeting = threading.Barrier(2, timeout=30)

    def share(number: int) -> Callable[[], tuple[int, int, bool]]:
        def work() -> tuple[int, int, bool]:
            meeting.wait()
            return number, torch.get_num_threads(), torch.is_grad_enabled()

        return work

    for wants_gradient in (True, False):
        with torch.set_grad_enabled(wants_gradient):
            assert together([share(0), share(1)]) == [(0, 1, wants_gradient), (1, 1, wants_gradient)]


@pytest.mark.usefixtures("two_threads")
def test_shares_may_have_shares_of_their_own_and_outnumber_the_threads() -> None:
    def share(number: int) -> Callable[[], list[int]]:
        return lambda: together([lambda: number, lambda: number + 1, lambda: number + 2])

    assert together([share(10 * number) for number in range(7)]) == [
        [10 * number, 10 * number + 1, 10 * number + 2] for number in range(7)
    ]


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("bad", [0, 1])
def test_what_a_share_raises_is_raised_when_those_that_have_begun_have_ended(bad: int) -> None:
    ended, both = [], threading.Barrier(2, timeout=30)

    def share(number: int) -> Callable[[], None]:
        def work() -> None:
            both.wait()
            if number == bad:
                raise UserError(f"share {number}")
            ended.append(number)

        return work

    with pytest.raises(UserError, match=f"share {bad}"):
        together([share(0), share(1)])
    assert ended == [1 - bad]


def test_the_caller_does_everything_where_one_thread_is_asked_for_or_torch_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shares = [threading.get_ident] * 3
    alone = [threading.get_ident()] * 3
    monkeypatch.setenv("MTBKD_THREADS", "1")
    assert together(shares) == alone
    monkeypatch.setenv("MTBKD_THREADS", "2")
    torch.set_num_threads(2)
    try:
        assert together(shares) == alone
    finally:
        limit_threads()
    assert torch.get_num_threads() == 1
    assert together([]) == []


def test_threads_are_those_asked_for_or_the_processors_that_each_process_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dask.system.CPU_COUNT", 6)
    monkeypatch.delenv("MTBKD_THREADS", raising=False)
    assert [find_threads(sharing) for sharing in (1, 2, 3, 7)] == [4, 3, 2, 1]
    monkeypatch.setenv("MTBKD_THREADS", " 12 ")
    assert find_threads(sharing=3) == 12
