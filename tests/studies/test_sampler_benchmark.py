"""A whole sampler benchmark: all take part from one start, what is reported is what was measured, it can be stopped."""

import json

import pytest

from mtbkd_core import default_config, load_task
from mtbkd_core.common.progress import Cancelled, Phase, Progress, UserError
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import RunConfig, SamplerConfig
from mtbkd_core.studies import sampler_benchmark
from mtbkd_core.studies.sampler_benchmark import COMPARED, benchmark_settings, run_benchmark
from mtbkd_core.studies.sampler_trace import Reference, SamplerTraces, Score, judge
from mtbkd_core.studies.timed_sampler import TracePoint
from mtbkd_core.tasks.base import Task
from tests.studies.clock import Clock


@pytest.fixture
def config() -> RunConfig:
    return default_config("synthetic")


@pytest.fixture
def task(session_home: object, config: RunConfig) -> Task:
    return load_task("synthetic", teachers=config.data.teachers)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"REFERENCE_LEAST": 0.1, "REFERENCE_TIMES": 0.1, "MOST_INPUTS": 40, "CHAINS": 4}
    for name, value in changes.items():
        monkeypatch.setattr(sampler_benchmark, name, value)


def with_step(algorithm: Algorithm, step_size: float) -> SamplerConfig:
    return benchmark_settings(algorithm).model_copy(update={"step_size": step_size})


def test_every_sampler_works_for_as_long_and_its_score_is_its_last_point(config: RunConfig, task: Task) -> None:
    progress: list[Progress] = []
    shown: list[int] = []
    found = run_benchmark(
        config,
        task,
        0.25,
        on_progress=progress.append,
        on_traces=lambda traces: shown.append(len(traces.points)),
        clock=Clock(),
    )
    assert found.reference is not None
    assert found.reference.error > 0
    assert found.reference.seconds >= 0.1
    assert set(found.scores) == {name.value for name in COMPARED}
    lasts = dict(found.points)
    for name, score in found.scores.items():
        assert score.problem is None
        assert score.error == lasts[name].distance
        assert score.error is not None
        assert 0 < score.error < 1
        assert lasts[name].seconds == pytest.approx(0.251, abs=0.002)  # the warm start's one, and its own
    assert shown == sorted(shown)
    assert (shown[0], shown[-1]) == (0, len(found.points))
    fractions = [report.fraction for report in progress]
    assert fractions == sorted(fractions)
    assert {report.phase for report in progress} == {Phase.STUDY}
    assert SamplerTraces.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


@pytest.mark.parametrize("where", ["the reference's warm start", "the reference", "the samplers"])
def test_it_stops_when_asked_to(config: RunConfig, task: Task, where: str) -> None:
    shown: list[str] = []
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        # the reference reports once before its warm start, and again when it has worked
        now = {
            "the reference's warm start": True,
            "the reference": len(shown) > 1,
            "the samplers": bool({*shown} - {"reference"}),
        }[where]
        asked += now
        return now

    with pytest.raises(Cancelled):
        run_benchmark(
            config,
            task,
            0.25,
            on_progress=lambda one: shown.append(one.message),
            should_stop=should_stop,
            clock=Clock(),
        )
    assert asked == 1
    assert len(set(shown)) == (2 if where == "the samplers" else 1)


def test_a_sampler_that_leaves_the_posterior_ends_early_and_the_others_go_on(config: RunConfig, task: Task) -> None:
    compared = [with_step(Algorithm.SGLD, 10.0), benchmark_settings(Algorithm.BAOAB)]
    found = run_benchmark(config, task, 0.25, compared=compared, clock=Clock())
    assert found.scores["sgld"].error is None
    assert "left the posterior" in (found.scores["sgld"].problem or "")
    assert found.scores["sgld"].restarts == 5
    assert found.scores["baoab"].error is not None
    json.dumps(found.to_json(), allow_nan=False)


def test_draws_from_before_a_restart_do_not_count(config: RunConfig, task: Task) -> None:
    """A step that is somewhat too long is far from the posterior before it is no number at all."""
    found = run_benchmark(config, task, 1.0, compared=[with_step(Algorithm.BAOAB, 0.04)], clock=Clock())
    score = found.scores["baoab"]
    assert score.problem is None
    assert score.restarts > 0
    assert found.reference is not None
    assert score.log_joint is not None
    assert abs(score.log_joint - found.reference.log_joint) < 50
    assert score.ess_median is not None


def test_a_reference_that_leaves_the_posterior_is_one_line(
    config: RunConfig, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler_benchmark, "benchmark_settings", lambda name, **more: with_step(Algorithm.SGLD, 10.0))
    with pytest.raises(UserError, match=r"^the reference ended early .*; a smaller weight scale may help$"):
        run_benchmark(config, task, 0.25, compared=[], clock=Clock())


def traces(reference_error: float, **errors: float | None) -> SamplerTraces:
    scores = {name: Score(error, 100.0 if name == "a" else 20.0) for name, error in errors.items()}
    return SamplerTraces([], Reference(10.0, reference_error, 0.0), scores)


def test_the_verdict_ranks_by_error_and_knows_what_cannot_be_distinguished() -> None:
    found = judge(traces(0.001, b=0.011, a=0.010, c=0.03, d=None))
    assert found is not None
    assert found.ranking == ("a", "b", "c")
    assert found.level == ("b",)  # within a fifth
    assert found.times_farther == pytest.approx(3.0)
    assert found.times_effective == pytest.approx(5.0)
    blurred = judge(traces(0.05, b=0.011, a=0.010, c=0.03))
    assert blurred is not None
    assert blurred.level == ("b", "c")


def test_there_is_no_verdict_before_the_end_or_without_an_error() -> None:
    assert judge(SamplerTraces([("a", TracePoint(1.0, 1, 0.0, 0.1))], Reference(1.0, 0.1, 0.0))) is None
    assert judge(traces(0.1, a=None, b=None)) is None


WHOLE = SamplerTraces(
    [("hmc", TracePoint(1.0, 5, -2.0, None))], Reference(10.0, 0.1, -2.0), {"sgld": Score(0.1)}
).to_json()


@pytest.mark.parametrize(
    "content",
    [
        None,
        {name: part for name, part in WHOLE.items() if name != "reference"},
        WHOLE | {"reference": {"seconds": float("nan"), "error": 0.1, "log_joint": 0.0}},
        WHOLE | {"standings": [["hmc", 1.0]]},
        WHOLE | {"standings": [["nobody", 1.0, 5, -2.0, None]]},
        WHOLE | {"scores": {"nobody": {}}},
        WHOLE | {"scores": {"sgld": {"fault": 0.1}}},
    ],
)
def test_what_is_no_benchmark_is_refused_in_one_line(content: object) -> None:
    with pytest.raises(UserError, match=r"^holds no sampler benchmark[^\n]*$"):
        SamplerTraces.from_json(content)


def test_other_keys_beside_the_traces_are_ignored() -> None:
    assert SamplerTraces.from_json(WHOLE | {"environment": {"torch": "2"}}).to_json() == WHOLE
