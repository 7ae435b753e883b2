"""What a run costs phase by phase, what it reports while it goes on, and that it stops when asked to."""

from pathlib import Path
from typing import Any

import pytest

from mtbkd_core import Cancelled, Progress, Result, RunConfig, Task, build_config, distill
from mtbkd_core.common.progress import Phase
from mtbkd_core.run_progress import run_work
from tests.small import small

PHASES = [Phase.WARM_START, Phase.TUNING, Phase.SAMPLING, Phase.BIAS_CHECK, Phase.EVALUATION]


@pytest.fixture(scope="module")
def run(tiny: Task) -> tuple[Result, list[Progress]]:
    """One small run with a check for bias, and everything that it reported."""
    seen: list[Progress] = []
    return distill(small(teachers="one,other", sampler__bias_check=True), task=tiny, on_progress=seen.append), seen


def test_progress_goes_through_the_phases_in_order_and_up_to_one(run: tuple[Result, list[Progress]]) -> None:
    _, seen = run
    assert list(dict.fromkeys(progress.phase for progress in seen)) == PHASES
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert all(progress.message and progress.step <= progress.steps for progress in seen)
    ends = {progress.phase: progress.fraction for progress in seen}
    # 60 steps of the sampler, which the check's least number of gradients outweighs
    assert ends[Phase.BIAS_CHECK] - ends[Phase.SAMPLING] == pytest.approx(500 / (60 + 96 + 60 + 500 + 12))


def test_progress_carries_every_chains_log_joint_and_the_teachers_shares(run: tuple[Result, list[Progress]]) -> None:
    sampling = [progress for progress in run[1] if progress.phase is Phase.SAMPLING]
    assert sampling
    for progress in sampling:
        assert progress.log_joint is not None
        assert progress.teacher_share is not None
        assert len(progress.log_joint) == 4
        assert sum(progress.teacher_share) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "gradients"), [({}, 2100), ({"sampler.batch_size": 100, "sampler.thinning": 80}, 8100 * 0.25)]
)
def test_a_check_for_bias_costs_as_much_as_the_sampling(settings: dict[str, Any], gradients: float) -> None:
    base = RunConfig()  # 100 draws, 20 steps each, after a burn-in of 100
    work = run_work(build_config([("sampler.bias_check", True), *settings.items()], base=base).sampler, 400)
    assert work[Phase.BIAS_CHECK] == gradients == work[Phase.SAMPLING]
    assert run_work(base.sampler, 400)[Phase.BIAS_CHECK] == 0


@pytest.mark.parametrize(("batch_size", "share"), [(None, 60 / 132), (50, 15 / 87)])
def test_a_warm_start_on_minibatches_counts_for_as_much_of_the_bar_as_it_costs(
    batch_size: int | None, share: float, few_digits: Task
) -> None:
    """60 steps of all 200 examples, of 60 + 60 + a fifth of 60; or of 50 of them."""
    seen: list[Progress] = []
    config = small(sampler__step_size=0.001, sampler__warm_start_batch_size=batch_size)
    distill(config, task=few_digits, on_progress=seen.append)
    assert max(each.fraction for each in seen if each.phase is Phase.WARM_START) == pytest.approx(share)


@pytest.mark.parametrize("phase", PHASES)
def test_a_run_that_is_stopped_ends_at_the_next_step(phase: Phase, tiny: Task) -> None:
    reached: list[Progress] = []
    asked_after = 0

    def stop() -> bool:
        nonlocal asked_after
        now = any(progress.phase is phase for progress in reached)
        asked_after += now
        return now

    with pytest.raises(Cancelled):
        distill(
            small(teachers="one", sampler__bias_check=True), task=tiny, on_progress=reached.append, should_stop=stop
        )
    assert asked_after == 1
    assert reached[-1].phase is phase


def test_stopping_outranks_training_teachers() -> None:
    with pytest.raises(Cancelled):
        distill(small(), should_stop=lambda: True)


def test_a_result_that_is_there_is_not_thrown_away_by_a_late_cancel(tiny: Task) -> None:
    done: list[float] = []
    result = distill(
        small(teachers="one,other"),
        task=tiny,
        on_progress=lambda progress: done.append(progress.fraction),
        should_stop=lambda: bool(done) and done[-1] == 1,
    )
    assert done[-1] == 1
    assert result.metrics["student"]["accuracy"] >= 0


def test_the_share_done_never_falls_when_teachers_are_trained_first(own_home: Path) -> None:
    seen: list[Progress] = []
    distill(small(teachers="digits-0-4,digits-5-9"), on_progress=seen.append)
    fractions = [progress.fraction for progress in seen]
    assert {progress.phase for progress in seen} >= {Phase.TEACHERS, Phase.SAMPLING}
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
