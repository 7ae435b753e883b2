"""The course of a run: snapshots on its way, what ends it, and going on after it was stopped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import Cancelled, Progress, Result, Task, UserError, build_config, distill
from mtbkd_core import snapshot as module
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.course import Course, Goal, Going, Precision
from mtbkd_core.distillation import distill_from
from mtbkd_core.evaluation.diagnostics import predictive_error, total_variation
from mtbkd_core.snapshot import Snapshot, look
from mtbkd_core.students.mlp import DenseStudent
from tests.small import small


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot at every draw, whatever it costs."""
    monkeypatch.setattr(module, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(module, "_SHARE", 0)


def one(**settings: Any) -> Any:
    return small(teachers=("one",), **settings)


def snapshots(task: Task, **settings: Any) -> tuple[Result, list[Snapshot]]:
    seen: list[Snapshot] = []
    return distill(one(**settings), task=task, on_snapshot=seen.append), seen


@pytest.mark.usefixtures("eager")
def test_the_first_snapshot_is_the_warm_start_and_the_others_grow_to_the_whole(tiny: Task) -> None:
    result, seen = snapshots(tiny)
    assert [each.moment.draws for each in seen] == [0, *range(4, 20)]
    assert [each.moment.number for each in seen] == list(range(1, len(seen) + 1))
    warm, last = seen[0], seen[-1]
    assert warm.moment.is_warm_start
    assert warm.moment.precision is None
    assert warm.result.metrics.diagnostics.r_hat is None
    torch.testing.assert_close(warm.result.predictions.test.mean, result.predictions.test.warm_start)
    assert warm.result.metrics["student"]["nll"] == pytest.approx(result.metrics["warm_start"]["nll"])
    assert torch.equal(last.result.draws, result.draws[:, :19])
    assert last.result.metrics.diagnostics.r_hat is not None
    assert last.result.predictions.log_joint.shape == (4, 19)
    assert 0 < last.moment.precision < 0.5


def test_snapshots_change_no_draw(tiny: Task) -> None:
    watched, _ = snapshots(tiny)
    assert torch.equal(watched.draws, distill(one(), task=tiny).draws)


def test_snapshots_cost_a_tenth_of_the_time_however_dear_they_are(monkeypatch: pytest.MonkeyPatch, tiny: Task) -> None:
    """On a clock that only the drawing and the showing move: 0.01 s a draw, 0.2 s a snapshot."""
    now, draws = [0.0], list[int]()

    def show(snapshot: Snapshot) -> None:
        draws.append(snapshot.moment.draws)
        now[0] += 0.2

    course = Course(Goal(1000), on_snapshot=show, clock=lambda: now[0])
    monkeypatch.setattr("mtbkd_core.distillation.Course", lambda *given, **named: course)

    original = Course.enough

    def enough(self: Course, collector: Any) -> bool:
        now[0] += 0.01
        return original(self, collector)

    monkeypatch.setattr(Course, "enough", enough)
    distill(one(sampler__draws=1000, sampler__thinning=1), task=tiny)
    assert draws[:2] == [0, 4]
    assert len(draws) >= 4
    assert draws[-1] > 600
    assert len(draws) * 0.2 <= 0.1 * now[0]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("cost", [0.1, 1.0, 4.0])
def test_after_the_first_of_draws_snapshots_keep_to_their_share_at_any_time(cost: float, known: bool) -> None:
    pace, now = module.Pace(0.0), 20.0
    pace.took(cost)
    while now < 100:
        if now >= pace.due:
            pace.took(cost)
            now += cost
            pace.next(now, 100.0 if known else None)
            assert pace.seconds <= 0.1 * (100 if known else now) + 2 * cost
        now += 0.1
    assert pace.count >= 2
    assert pace.seconds <= max(10.0 + cost / 2, 2 * cost)


@pytest.mark.usefixtures("eager")
def test_a_snapshot_is_read_as_it_was_written_and_a_torn_one_is_none(tiny: Task, tmp_path: Path) -> None:
    _, seen = snapshots(tiny)
    path = tmp_path / "snapshot.safetensors"
    assert Snapshot.load(path) is None
    assert look(path) is None
    for each in seen[:3]:
        each.save(path)
    back, written = Snapshot.load(path), seen[2]
    assert back is not None
    assert back.moment == written.moment
    assert (back.result.config, back.result.metrics) == (written.result.config, written.result.metrics)
    assert torch.equal(back.result.draws, written.result.draws)
    saved, loaded = written.result.predictions.tensors(), back.result.predictions.tensors()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)
    assert back.result.predict(tiny.x_test).mean.shape == (12, 3)
    assert look(path) == (written.moment, written.result.metrics)
    whole = path.read_bytes()
    for torn in (whole[: len(whole) // 2], whole[:20], b"", b"\xff" * 100):
        path.write_bytes(torn)
        assert Snapshot.load(path) is None
        assert look(path) is None


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("white", ["none", "curvature"])
def test_a_run_that_was_stopped_goes_on_to_the_draws_of_one_that_was_not(
    algorithm: Algorithm, white: str, tiny: Task
) -> None:
    settings = {"sampler__algorithm": algorithm, "sampler__preconditioner": white, "sampler__draws": 12}
    whole, kept = distill(one(**settings), task=tiny), list[Going]()

    def keep(going: Going) -> None:
        kept.append(replace(going, positions=going.positions.clone(), log_joint=going.log_joint.clone()))

    def stop() -> bool:
        return len(kept) == 3

    with pytest.raises(Cancelled):
        distill_from(None, one(**settings), task=tiny, on_snapshot=lambda one: None, on_keep=keep, should_stop=stop)
    resumed = distill_from(kept[-1], one(**settings), task=tiny)
    assert torch.equal(resumed.draws, whole.draws)
    assert torch.equal(resumed.predictions.log_joint, whole.predictions.log_joint)
    of, expected = resumed.metrics.diagnostics, whole.metrics.diagnostics
    assert (of.gradients, of.step_size, of.restarts) == (expected.gradients, expected.step_size, expected.restarts)
    assert resumed.metrics["warm_start"] == whole.metrics["warm_start"]


def test_a_gradient_budget_ends_a_run_at_its_number(tiny: Task) -> None:
    result = distill(one(sampler__budget_gradients=120), task=tiny)
    assert result.metrics.diagnostics.gradients == 120
    assert result.draws.shape[1] == (120 - 20) // 2
    assert result.sampling["ended_by"] == "budget_gradients"
    longer = distill(one(sampler__draws=60), task=tiny)
    assert torch.equal(longer.draws[:, :50], result.draws)


def test_a_time_budget_ends_a_run_after_four_draws_at_least(tiny: Task) -> None:
    result = distill(one(sampler__budget_seconds=1e-6), task=tiny)
    assert result.draws.shape[1] == 4
    assert result.sampling["ended_by"] == "budget_seconds"


def test_a_precision_ends_a_run_when_the_error_is_as_small(tiny: Task) -> None:
    wide, narrow = (
        distill(one(sampler__until=until, sampler__budget_gradients=20_000), task=tiny) for until in (0.02, 0.0015)
    )
    for result, until in ((wide, 0.02), (narrow, 0.0015)):
        assert result.sampling["ended_by"] == "until"
        assert result.sampling["precision"] <= until
        assert result.draws.shape[1] >= 50
    assert narrow.draws.shape[1] > wide.draws.shape[1]


def test_a_precision_without_a_budget_ends_some_time(tiny: Task) -> None:
    result = distill(one(sampler__until=1e-6), task=tiny)
    assert result.sampling["ended_by"] == "budget_gradients"
    assert result.metrics.diagnostics.gradients == 10 * (20 + 20 * 2)


def test_the_bar_says_how_far_precision_and_budgets_are(tiny: Task) -> None:
    seen: list[Progress] = []
    distill(one(sampler__until=0.02, sampler__budget_gradients=5000), task=tiny, on_progress=seen.append)
    notes = [each.note for each in seen if each.note]
    assert any("of 0.02" in note and "of 5,000 gradients" in note for note in notes)
    fractions = [each.fraction for each in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sampler.until": "0"}, "sampler.until"),
        ({"sampler.until": "0.01", "sampler.chains": "1"}, "one chain has no error"),
        (
            {"sampler.budget_seconds": "3", "sampler.algorithm": "sgld", "sampler.schedule": "decaying"},
            "needs constant steps",
        ),
    ],
)
def test_an_end_that_cannot_be_is_refused(settings: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        build_config(settings.items())


def test_the_predictive_error_is_the_expected_distance_of_means_of_independent_chains() -> None:
    generator = torch.Generator().manual_seed(1)
    spread, found = torch.randn(2000, 8, 5, 3, generator=generator), list[float]()
    truth = torch.zeros(5, 3)
    distances = [total_variation(each.mean(0), truth) for each in spread]
    found = [float(error) for each in spread[:300] if (error := predictive_error(each)) is not None]
    assert sum(found) / len(found) == pytest.approx(sum(distances) / len(distances), rel=0.05)
    assert predictive_error(spread[0, :1]) is None


def test_the_precision_of_draws_that_stand_for_several_is_that_of_all() -> None:
    student, generator = DenseStudent((2, 3), weight_scale=1.0), torch.Generator().manual_seed(0)
    x = torch.randn(30, 2, generator=generator)
    draws = torch.randn(6, 4, 9, generator=generator)
    twice, weighed = Precision(student, x), Precision(student, x)
    for each in draws:
        twice.add(each)
        twice.add(each)
        weighed.add(each, 2.0)
    assert weighed.value == pytest.approx(twice.value)
