"""Sampler benchmarks: measured again when asked for again, and shown as far as they have come."""

import json
from pathlib import Path

import pytest

from mtbkd_core import default_config
from mtbkd_core.common.progress import Phase, Progress, UserError
from mtbkd_core.runs import execute as execute_module
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import Work
from mtbkd_core.runs.kinds import sampler_benchmark
from mtbkd_core.runs.kinds.sampler_benchmark import KIND, RESULT, SO_FAR, SamplerBenchmarkView, sampler_benchmark_spec
from mtbkd_core.runs.rows import Rows
from mtbkd_core.studies.sampler_trace import SamplerTraces
from tests.runs.kinds.samples import OUTCOME, Steps, fake_benchmark

CONFIG = default_config("synthetic")


@pytest.fixture
def steps(engine: str, monkeypatch: pytest.MonkeyPatch) -> Steps:
    monkeypatch.setattr(execute_module, "_CANCEL_LOOK_SECONDS", 0.0)
    found = Steps()
    fake_benchmark(monkeypatch, found)
    return found


def submit() -> SamplerBenchmarkView:
    return store.enqueue(KIND, sampler_benchmark_spec(CONFIG, 2.0), engine="alive")[0]


def measured() -> SamplerBenchmarkView:
    view = submit()
    execute(str(view.folder))
    return store.read(KIND, view.id)


def test_it_measures_for_as_long_as_asked_and_leaves_its_outcome(steps: Steps) -> None:
    view = measured()
    assert (view.state, view.outcome) == (State.DONE, OUTCOME)
    assert steps.done[0] == (CONFIG, 2.0)
    assert "torch" in json.loads((view.folder / RESULT).read_text())["environment"]


def test_one_that_is_over_is_measured_again(steps: Steps) -> None:
    first, again = measured(), measured()
    assert first.id != again.id
    assert [view.id for view in store.list_jobs(KIND)] == [again.id, first.id]


def test_one_that_is_stopped_shows_what_there_was(steps: Steps) -> None:
    view = submit()
    steps.at[1] = lambda: store.request_cancel(KIND, view.id)
    execute(str(view.folder))
    after = store.read(KIND, view.id)
    assert (after.state, after.outcome) == (State.CANCELLED, SamplerTraces(OUTCOME.points[:1], OUTCOME.reference))


@pytest.mark.parametrize("seconds", [0.5, 61.0, float("nan")])
def test_seconds_beyond_the_limits_are_refused(home: Path, seconds: float) -> None:
    with pytest.raises(UserError, match="allowed: 1 to 60"):
        sampler_benchmark_spec(CONFIG, seconds)


@pytest.mark.parametrize("content", ["{}", '{"reference": 1}', json.dumps(SamplerTraces().to_json())])
def test_one_that_is_done_without_a_readable_result_is_one_line_and_hides_no_other(steps: Steps, content: str) -> None:
    view = measured()
    (view.folder / RESULT).write_text(content)
    with pytest.raises(UserError, match=rf"^sampler benchmark {view.id}: race\.json [^\n]*$"):
        store.read(KIND, view.id)
    assert [each.id for each in store.list_jobs(KIND)] == [view.id]


def test_progress_never_falls_where_teachers_are_trained_first(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_task(*given: object, on_progress: object, **named: object) -> None:
        for fraction in (0.5, 1.0, 0.25):  # a cached teacher that cannot be read is trained beside the missing ones
            on_progress(Progress(Phase.TEACHERS, 1, 2, fraction, "Training"))

    monkeypatch.setattr(sampler_benchmark, "load_task", load_task)
    view, reports = submit(), []
    KIND.compute(view.spec, Work(view.folder, Rows({}, {}), reports.append, lambda: False, lambda: None))
    assert [report.fraction for report in reports] == pytest.approx([0.05, 0.1, 0.1, 0.1, 0.4, 0.7])
    assert [report.message for report in reports] == ["Training"] * 3 + ["baoab"] * 3


def test_a_torn_file_of_what_there_is_so_far_shows_nothing(steps: Steps) -> None:
    view = submit()
    (view.folder / SO_FAR).write_text('{"reference": ')
    assert store.read(KIND, view.id).outcome == SamplerTraces()
