"""A whole race: everybody takes part from one start, what is told is what was measured, and it can be stopped."""

import json

import pytest

from mtbkd_core import default_config, load_task
from mtbkd_core.common.progress import Cancelled, Phase, Progress, UserError
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import RunConfig, SamplerConfig
from mtbkd_core.studies import sampler_benchmark, timed_sampler
from mtbkd_core.studies.sampler_benchmark import RACERS, hold_race
from mtbkd_core.studies.sampler_trace import Outcome, Reference, Score, judge
from mtbkd_core.studies.timed_sampler import Standing
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
    """A short reference, and a clock that counts steps."""
    monkeypatch.setattr(sampler_benchmark, "REFERENCE_LEAST", 0.1)
    monkeypatch.setattr(sampler_benchmark, "REFERENCE_TIMES", 0.1)
    monkeypatch.setattr(sampler_benchmark, "_MOST_INPUTS", 40)
    monkeypatch.setattr(sampler_benchmark, "CHAINS", 4)
    clock = Clock()
    monkeypatch.setattr(sampler_benchmark, "time", clock)
    monkeypatch.setattr(timed_sampler, "time", clock)


def test_everybody_races_for_as_long_and_the_score_is_the_last_standing(config: RunConfig, task: Task) -> None:
    progress: list[Progress] = []
    told: list[int] = []
    found = hold_race(
        config,
        task,
        0.25,
        on_progress=progress.append,
        on_outcome=lambda outcome: told.append(len(outcome.standings)),
    )
    assert found.reference is not None
    assert found.reference.error > 0
    assert found.reference.seconds >= 0.1
    assert set(found.scores) == {name.value for name in RACERS}
    lasts = dict(found.standings)
    for name, score in found.scores.items():
        assert score.problem is None
        assert score.error == lasts[name].distance
        assert score.error is not None
        assert 0 < score.error < 1
        assert lasts[name].seconds == pytest.approx(0.251, abs=0.002)  # the warm start's one, and its own
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == len(found.standings)
    fractions = [report.fraction for report in progress]
    assert fractions == sorted(fractions)
    assert {report.phase for report in progress} == {Phase.RACE}
    assert Outcome.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


@pytest.mark.parametrize("where", ["the reference's warm start", "the reference", "the race"])
def test_it_stops_when_asked_to(config: RunConfig, task: Task, where: str) -> None:
    told: list[str] = []
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        # A word of the reference is told before its warm start, and another when it has worked.
        now = {
            "the reference's warm start": True,
            "the reference": len(told) > 1,
            "the race": bool({*told} - {"reference"}),
        }[where]
        asked += now
        return now

    with pytest.raises(Cancelled):
        hold_race(config, task, 0.25, on_progress=lambda one: told.append(one.message), should_stop=should_stop)
    assert asked == 1
    assert len(set(told)) == (2 if where == "the race" else 1)


def test_a_racer_that_leaves_the_posterior_drops_out_and_the_others_go_on(
    config: RunConfig, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sampler_benchmark._settings

    def settings(algorithm: Algorithm, **changes: object) -> SamplerConfig:
        step_size = 10.0 if algorithm is Algorithm.SGLD else None
        return real(algorithm, **changes).model_copy(update={"step_size": step_size})

    monkeypatch.setattr(sampler_benchmark, "_settings", settings)
    found = hold_race(config, task, 0.25, racers=(Algorithm.SGLD, Algorithm.BAOAB))
    assert found.scores["sgld"].error is None
    assert "left the posterior" in (found.scores["sgld"].problem or "")
    assert found.scores["sgld"].restarts == 5
    assert found.scores["baoab"].error is not None
    json.dumps(found.to_json(), allow_nan=False)


def test_draws_from_before_a_racer_began_again_do_not_count(
    config: RunConfig, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that is somewhat too long is far from the posterior before it is no number at all."""
    real = sampler_benchmark._settings

    def settings(algorithm: Algorithm, **changes: object) -> SamplerConfig:
        step_size = 0.04 if algorithm is Algorithm.BAOAB else None
        return real(algorithm, **changes).model_copy(update={"step_size": step_size})

    monkeypatch.setattr(sampler_benchmark, "_settings", settings)
    found = hold_race(config, task, 1.0, racers=(Algorithm.BAOAB,))
    score = found.scores["baoab"]
    assert score.problem is None
    assert score.restarts > 0
    assert found.reference is not None
    assert score.log_joint is not None
    assert abs(score.log_joint - found.reference.log_joint) < 50
    assert score.ess_median is not None


def outcome(reference_error: float, **errors: float | None) -> Outcome:
    scores = {name: Score(error, 100.0 if name == "a" else 20.0) for name, error in errors.items()}
    return Outcome([], Reference(10.0, reference_error, 0.0), scores)


def test_the_verdict_ranks_by_error_and_knows_what_cannot_be_told_apart() -> None:
    found = judge(outcome(0.001, b=0.011, a=0.010, c=0.03, d=None))
    assert found is not None
    assert found.ranking == ("a", "b", "c")
    assert found.level == ("b",)  # within a fifth
    assert found.times_farther == pytest.approx(3.0)
    assert found.times_effective == pytest.approx(5.0)
    blurred = judge(outcome(0.05, b=0.011, a=0.010, c=0.03))
    assert blurred is not None
    assert blurred.level == ("b", "c")


def test_no_verdict_before_the_end_or_where_nobody_arrived() -> None:
    assert judge(Outcome([("a", Standing(1.0, 1, 0.0, 0.1))], Reference(1.0, 0.1, 0.0))) is None
    assert judge(outcome(0.1, a=None, b=None)) is None


WHOLE = Outcome([("hmc", Standing(1.0, 5, -2.0, None))], Reference(10.0, 0.1, -2.0), {"sgld": Score(0.1)}).to_json()


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        None,
        {name: part for name, part in WHOLE.items() if name != "reference"},
        WHOLE | {"reference": {"seconds": 1.0}},
        WHOLE | {"reference": {"seconds": float("nan"), "error": 0.1, "log_joint": 0.0}},
        WHOLE | {"standings": 1},
        WHOLE | {"standings": [["hmc", 1.0]]},
        WHOLE | {"standings": [["nobody", 1.0, 5, -2.0, None]]},
        WHOLE | {"scores": {"nobody": {}}},
        WHOLE | {"scores": {"sgld": {"error": "0.1"}}},
        WHOLE | {"scores": {"sgld": {"fault": 0.1}}},
    ],
)
def test_what_is_no_outcome_is_refused_in_one_line(content: object) -> None:
    with pytest.raises(UserError, match=r"^holds no outcome of a race[^\n]*$"):
        Outcome.from_json(content)


def test_what_stands_beside_an_outcome_is_let_be() -> None:
    assert Outcome.from_json(WHOLE | {"environment": {"torch": "2"}}).to_json() == WHOLE
