"""A race is queued once, held by a worker, cancelled as a run is, and held anew when asked for again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtbkd_core import default_config
from mtbkd_core.common.progress import Phase, Progress, UserError, stop_if
from mtbkd_core.runs import execute as execute_module
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import sampler_benchmark
from mtbkd_core.runs.kinds.sampler_benchmark import RaceView, execute_race
from mtbkd_core.studies import sampler_benchmark as study
from mtbkd_core.studies.sampler_trace import Reference, SamplerTraces, Score
from mtbkd_core.studies.timed_sampler import TracePoint

CONFIG = default_config("synthetic")
OUTCOME = SamplerTraces(
    [("baoab", TracePoint(0.5, 10, -3.0, None)), ("baoab", TracePoint(1.0, 20, -2.5, 0.1))],
    Reference(10.0, 0.01, -2.0),
    {"baoab": Score(0.1, 20.0, 10.0, -2.5, 0.05), "sgld": Score(problem="it left")},
)


@pytest.fixture
def engine(home: Path) -> Iterator[str]:
    """The lock of an engine that is alive."""
    path = files.engine_lock(home, "e")
    path.parent.mkdir(parents=True)
    with files.lock.hold(path):
        yield "e"


@pytest.fixture
def submitted(engine: str) -> RaceView:
    view, submission = sampler_benchmark.enqueue(CONFIG, 2.0, engine=engine)
    assert submission is not None
    return view


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, float]]:
    """A race that takes no time in the place of the real one, and what it was asked for."""
    calls: list[tuple[object, float]] = []

    def run_benchmark(config, task, seconds, *, on_progress, on_traces, should_stop):
        calls.append((config, seconds))
        on_progress(Progress(Phase.RACE, 50, 100, 0.5, "baoab"))
        on_traces(SamplerTraces(OUTCOME.points[:1], OUTCOME.reference))
        stop_if(should_stop)
        return OUTCOME

    monkeypatch.setattr(study, "run_benchmark", run_benchmark)
    return calls


def test_a_race_is_held_and_leaves_its_outcome(submitted: RaceView, asked: list[tuple[object, float]]) -> None:
    assert (submitted.state, submitted.outcome) == (State.QUEUED, SamplerTraces())
    execute_race(str(submitted.folder))
    after = sampler_benchmark.read(submitted.id)
    assert (after.state, after.reason) == (State.DONE, None)
    assert asked == [(CONFIG, 2.0)]
    assert after.outcome == OUTCOME
    assert after.progress[-1].fraction == 0.5
    assert "torch" in json.loads((after.folder / "race.json").read_text())["environment"]


def test_one_under_way_is_found_and_one_that_is_over_is_held_anew(
    submitted: RaceView, asked: list[tuple[object, float]], engine: str
) -> None:
    same, submission = sampler_benchmark.enqueue(CONFIG, 2.0, engine=engine)
    assert (same.id, submission) == (submitted.id, None)
    other, _ = sampler_benchmark.enqueue(CONFIG, 3.0, engine=engine)
    assert other.id != submitted.id
    execute_race(str(submitted.folder))
    again, submission = sampler_benchmark.enqueue(CONFIG, 2.0, engine=engine)
    assert again.id not in (submitted.id, other.id)
    assert submission is not None
    assert sampler_benchmark.list_races()[0].id == again.id


def test_a_cancel_is_heard_and_what_was_seen_stays(
    submitted: RaceView, asked: list[tuple[object, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute_module, "_CANCEL_LOOK_SECONDS", 0.0)
    real = study.run_benchmark

    def run_benchmark(*given, **named):
        assert sampler_benchmark.request_cancel(submitted.id).stopping
        return real(*given, **named)

    monkeypatch.setattr(study, "run_benchmark", run_benchmark)
    execute_race(str(submitted.folder))
    after = sampler_benchmark.read(submitted.id)
    assert after.state is State.CANCELLED
    assert after.outcome == SamplerTraces(OUTCOME.points[:1], OUTCOME.reference)


def test_one_cancelled_in_the_queue_is_not_held(submitted: RaceView, asked: list[tuple[object, float]]) -> None:
    assert sampler_benchmark.request_cancel(submitted.id).state is State.CANCELLED
    execute_race(str(submitted.folder))
    assert asked == []


@pytest.mark.parametrize("seconds", [0.5, 61.0, float("nan")])
def test_seconds_beyond_the_limits_are_refused(home: Path, seconds: float) -> None:
    with pytest.raises(UserError, match="allowed: 1 to 60"):
        sampler_benchmark.enqueue(CONFIG, seconds, engine="e")


def test_a_torn_configuration_is_told_and_hides_no_other_race(submitted: RaceView, engine: str) -> None:
    other, _ = sampler_benchmark.enqueue(CONFIG, 3.0, engine=engine)
    (submitted.folder / files.CONFIG).write_text("{")
    with pytest.raises(UserError, match=r"config\.json is torn"):
        sampler_benchmark.read(submitted.id)
    problems: list[str] = []
    assert [view.id for view in sampler_benchmark.list_races(problems.append)] == [other.id]
    assert len(problems) == 1


@pytest.mark.parametrize("content", ["{}", '{"reference": 1}', json.dumps(SamplerTraces().to_json())])
def test_a_race_that_is_done_without_a_readable_result_is_one_line_and_hides_no_other(
    submitted: RaceView, asked: list[tuple[object, float]], content: str
) -> None:
    execute_race(str(submitted.folder))
    (submitted.folder / "race.json").write_text(content)
    with pytest.raises(UserError, match=rf"^race {submitted.id}: race\.json [^\n]*$"):
        sampler_benchmark.read(submitted.id)
    assert [view.id for view in sampler_benchmark.list_races()] == [submitted.id]


def test_progress_never_falls_where_teachers_are_trained_first(
    submitted: RaceView, asked: list[tuple[object, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_task(*given, on_progress, **named):
        for fraction in (0.5, 1.0, 0.25):  # a cached teacher that cannot be read is trained beside the missing ones
            on_progress(Progress(Phase.TEACHERS, 1, 2, fraction, "Training"))

    monkeypatch.setattr(sampler_benchmark, "load_task", load_task)
    reports: list[Progress] = []
    sampler_benchmark._hold(submitted.folder, reports.append, lambda: False)
    fractions = [report.fraction for report in reports]
    assert fractions == pytest.approx([0.05, 0.1, 0.1, 0.55])
    assert [report.message for report in reports] == ["Training"] * 3 + ["baoab"]


def test_standings_that_are_torn_show_nothing(submitted: RaceView) -> None:
    (submitted.folder / sampler_benchmark.STANDINGS).write_text('{"reference": ')
    assert sampler_benchmark.read(submitted.id).outcome == SamplerTraces()
