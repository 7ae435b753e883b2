"""Without drift an alarm is as rare as promised, however long one looks; with drift it comes soon."""

from collections.abc import Sequence

import numpy as np
import pytest

from mtbkd_core.review.drift import ALPHA, DriftWatch, SimpleJumper


def stream(seed: int, count: int, shift: float = 0.0) -> list[dict[str, float]]:
    random = np.random.default_rng([seed, 1])
    return [
        {"deviance": a + shift, "set_size": float(b)}
        for a, b in zip(random.normal(size=count), random.integers(1, 4, count), strict=True)
    ]


def watch(seed: int, rows: list[dict[str, float]], answers: Sequence[float] = (0.2, 0.3, 0.5)) -> DriftWatch:
    """A watch of scores, and of answers with these probabilities where they are 0.2, 0.3 and 0.5 on the test set."""
    random = np.random.default_rng([seed, 2])
    reference = {"deviance": random.normal(size=200), "set_size": random.integers(1, 4, 200)}
    found = DriftWatch(reference, random.choice(3, 200, p=(0.2, 0.3, 0.5)), 3, seed=seed)
    for row, answer in zip(rows, random.choice(3, len(rows), p=answers), strict=True):
        found.see(row, answer)
    return found


def test_streams_without_drift_raise_at_most_the_promised_share_of_alarms() -> None:
    alarms = sum(watch(seed, stream(seed, 300)).alarm is not None for seed in range(200))
    assert alarms / 200 <= ALPHA + 2 * (ALPHA * (1 - ALPHA) / 200) ** 0.5


@pytest.mark.parametrize(("shift", "most"), [(2.0, 60), (1.0, 150), (-2.0, 60)])
def test_a_shift_in_either_direction_is_found_and_its_score_is_named(shift: float, most: int) -> None:
    for seed in range(5):
        found = watch(seed, [*stream(seed, 20), *stream(seed + 100, 400, shift)]).alarm
        assert found is not None
        assert found.score == "deviance"
        assert found.seen <= 20 + most


def test_answers_of_other_shares_are_found_and_their_class_is_named() -> None:
    for seed in range(5):
        found = watch(seed, stream(seed, 500), (0.6, 0.2, 0.2)).alarm
        assert found is not None
        assert found.score is None
        assert found.answer in (0, 2)


def test_the_alarm_stays_at_the_first_time() -> None:
    found = watch(0, stream(0, 300, 3.0))
    assert found.alarm is not None
    assert found.path[found.alarm.seen - 1] >= 1 / ALPHA
    assert max(found.path[: found.alarm.seen - 1]) < 1 / ALPHA


def test_a_bet_on_uniform_p_values_is_fair() -> None:
    """The mean of the next value over a fine grid of p-values is the present one."""
    bets = SimpleJumper(1000)
    for p_value in (0.1, 0.8, 0.3):
        bets.bet(np.full(1000, p_value))
    before = bets.values[0]
    assert before != pytest.approx(1)
    assert bets.bet((np.arange(1000) + 0.5) / 1000).mean() == pytest.approx(before)


@pytest.mark.parametrize("row", [{"deviance": 1.0}, {"deviance": float("nan"), "set_size": 1.0}])
def test_scores_that_are_missing_or_not_finite_are_refused(row: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="finite and those of the reference"):
        watch(0, []).see(row, 0)
