"""Changes between two runs: what moved is found, and what did not stays within its interval."""

import math

import pytest
import torch

from mtbkd_core.evaluation.changes import (
    accuracy_changes,
    example_changes,
    separation_changes,
    share_changes,
)
from mtbkd_core.evaluation.shift import Separation


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_teachers_share_has_its_change_with_a_paired_interval() -> None:
    before = torch.rand(200, generator=generator())
    after = before + 0.1 + 0.01 * torch.randn(200, generator=generator(1))
    still = {"a": torch.full((4,), 0.5)}
    (row,) = share_changes({"a": before}, {"a": after}, (still, still), {"a": "A"}, paired=True).itertuples()
    assert row.change == pytest.approx(0.1, abs=0.005)
    assert 0.09 < row.low < row.change < row.high < 0.11
    (apart,) = share_changes({"a": before}, {"a": after}, (still, still), {"a": "A"}, paired=False).itertuples()
    assert apart.high - apart.low > 5 * (row.high - row.low)


def test_a_change_of_a_share_covers_the_true_one_as_often_as_promised_where_chains_differ() -> None:
    """Many examples, few chains: without the samplers' error the interval would hardly ever hold the truth."""
    hits, without = [], []
    for seed in range(200):
        chains = [
            middle + 0.02 * torch.randn(6, generator=generator(2 * seed + run)) for run, middle in ((0, 0.4), (1, 0.5))
        ]
        spread = 0.1 * torch.rand(400, generator=generator(10_000 + seed))
        runs = [{"a": each.mean() + spread} for each in chains]
        (row,) = share_changes(*runs, ({"a": chains[0]}, {"a": chains[1]}), {"a": "A"}, paired=True).itertuples()
        hits.append(row.low <= 0.1 <= row.high)
        (bare,) = share_changes(*runs, ({}, {}), {"a": "A"}, paired=True).itertuples()
        without.append(math.isnan(bare.low))
    assert 0.91 < sum(hits) / len(hits) <= 1.0
    assert all(without)


def test_a_teacher_that_only_one_run_has_is_shown_without_a_change() -> None:
    (row,) = share_changes({}, {"a": torch.tensor([0.25, 0.75])}, ({}, {}), {"a": "A"}, paired=True).itertuples()
    assert math.isnan(row.before)
    assert row.after == 0.5
    assert math.isnan(row.change)


def test_accuracy_changes_class_by_class_and_a_class_without_an_example_is_left_out() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    before, after = torch.eye(3)[torch.tensor([0, 1, 1, 1])], torch.eye(3)[torch.tensor([0, 0, 1, 0])]
    table = accuracy_changes(before, after, labels, ["x", "y", "z"])
    assert table[["name", "before", "after", "change"]].to_numpy().tolist() == [
        ["x", 0.5, 1.0, 0.5],
        ["y", 1.0, 0.5, -0.5],
    ]


def test_an_examples_change_covers_the_true_one_as_often_as_promised() -> None:
    """Chains that differ among themselves: the interval knows it."""
    hits = []
    for seed in range(300):
        noise = [0.02 * torch.randn(6, 1, 1, generator=generator(2 * seed + part)) for part in (0, 1)]
        draws = [middle + each + torch.zeros(6, 5, 1) for middle, each in zip((0.4, 0.5), noise, strict=True)]
        (row,) = example_changes(*(torch.cat([each, 1 - each], -1) for each in draws), ["x", "y"])[:1].itertuples()
        hits.append(row.low <= 0.1 <= row.high)
    assert 0.92 < sum(hits) / len(hits) <= 1.0


def test_a_run_of_one_chain_gives_no_interval() -> None:
    table = example_changes(
        torch.rand(1, 5, 2, generator=generator()), torch.rand(4, 5, 2, generator=generator()), "xy"
    )
    assert table["low"].isna().all()


def test_the_detection_of_a_shift_has_its_change() -> None:
    def found(auroc: float) -> dict[str, dict[str, Separation]]:
        own = Separation(auroc=auroc, auroc_low=auroc - 0.03, auroc_high=auroc + 0.03, aupr=0.5, fpr95=0.5)
        return {"letters": {"epistemic": own}}

    (row,) = separation_changes(found(0.8), found(0.9), {"letters": "Letters"}, "epistemic").itertuples()
    assert (row.title, row.change) == ("Letters", pytest.approx(0.1))
    assert row.high - row.change == pytest.approx(0.03 * math.sqrt(2))
