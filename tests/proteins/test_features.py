"""Descriptors are computed once, and cached."""

import logging
from pathlib import Path

import pytest
import torch

from mtbkd_core import UserError
from mtbkd_core.common.progress import Cancelled, Progress
from mtbkd_core.proteins import features
from mtbkd_core.proteins.descriptors import describe
from mtbkd_core.proteins.features import cached_descriptors

SEQUENCES = ["MKVLAAGIVG" * 3, "MSSRRKRKQQ" * 5, "MGCCAAVKDEL" * 2]


def test_the_second_time_descriptors_come_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Progress] = []
    first = cached_descriptors(SEQUENCES, seen.append)
    assert torch.equal(first, describe(SEQUENCES))
    assert [(each.step, each.steps) for each in seen] == [(3, 3)]
    monkeypatch.setattr(features, "describe", lambda sequences: pytest.fail("worked out again"))
    assert torch.equal(cached_descriptors(SEQUENCES), first)


def test_a_torn_cache_is_logged_and_replaced(own_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = cached_descriptors(SEQUENCES)
    (kept,) = (own_home / "features").iterdir()
    kept.write_bytes(b"torn")
    with caplog.at_level(logging.WARNING):
        assert torch.equal(cached_descriptors(SEQUENCES), first)
    assert "worked out anew" in caplog.text
    assert kept.stat().st_size > 4


def test_a_bad_sequence_is_counted_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_AT_ONCE", 2)
    with pytest.raises(UserError, match="sequence 3: residue 2"):
        cached_descriptors(["MKV", "MKV", "M*V"])


def test_describing_can_be_stopped_and_leaves_nothing(own_home: Path) -> None:
    with pytest.raises(Cancelled):
        cached_descriptors(SEQUENCES, should_stop=lambda: True)
    assert not (own_home / "features").exists()
