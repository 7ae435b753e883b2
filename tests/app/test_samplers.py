"""Sampler benchmarks: launched, watched, cancelled, and shown as they were measured."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import default_config
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.config import choices
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds.sampler_benchmark import KIND, SO_FAR, SamplerBenchmarkView, sampler_benchmark_spec
from mtbkd_core.runs.progress_log import ProgressLog
from mtbkd_core.studies.sampler_trace import Reference, SamplerTraces, Score
from mtbkd_core.studies.timed_sampler import TracePoint
from tests.app.conftest import FakeEngine, in_link, lines, traces
from tests.small import one_more

PAGE = "learn/samplers.py"


def outcome(**changes: Score) -> SamplerTraces:
    scores = {
        "baoab": Score(0.010, 200.0, 120.0, -5.0, 0.05),
        "mclmc": Score(0.011, 180.0, 110.0, -5.5, 0.04),
        "hmc": Score(0.016, 90.0, 70.0, -5.2, 0.045),
        "sgld": Score(0.040, 20.0, 4.0, -9.0, 0.001),
    } | changes
    standings = [
        (name, TracePoint(seconds, 10 * place, -6.0, None if seconds < 1 else error))
        for place, (seconds, error) in enumerate([(0.5, 0.0), (1.0, 0.05), (2.0, 0.02)], 1)
        for name in scores
    ]
    return SamplerTraces(standings, Reference(10.1, 0.002, -5.0), scores)


def queued(task: str) -> SamplerBenchmarkView:
    return store.enqueue(KIND, sampler_benchmark_spec(default_config(task), 3.0), engine="none")[0]


def held(result: SamplerTraces, task: str = "digits") -> SamplerBenchmarkView:
    """A benchmark that is over."""
    view = queued(task)
    files.finish(view.folder, files.read_status(view.folder).submission, files.State.DONE)
    (view.folder / "race.json").write_text(json.dumps(result.to_json()))
    return store.read(KIND, view.id)


@contextmanager
def under_way(view: SamplerBenchmarkView, progress: Progress) -> Iterator[None]:
    """A worker has it, and has reported so much."""
    with files.hold(view.folder):
        status = files.read_status(view.folder)
        owner = files.Owner(host="h", pid=1, started=status.created, attempt=1, submission=status.submission)
        (view.folder / files.OWNER).write_text(owner.model_dump_json())
        with ProgressLog(files.progress_file(view.folder, 1)) as log:
            log(progress)
        yield


def test_nothing_held_yet_says_what_to_do(opened: Callable[..., AppTest]) -> None:
    app = opened(PAGE)
    assert "Press Measure" in app.info[0].value
    assert not app.get("plotly_chart")


def test_the_button_measures_on_the_chosen_posterior_for_as_long_as_chosen(opened: Callable[..., AppTest]) -> None:
    app = opened(PAGE, posterior="synthetic", seconds="2")
    next(button for button in app.button if button.label == "Measure").click()
    app.run()
    assert not app.exception
    (view,) = store.list_jobs(KIND)
    assert (view.config, view.spec.seconds) == (default_config("synthetic"), 2.0)
    assert in_link(app, "race") == view.id


def test_a_finished_benchmark_shows_its_own_numbers(opened: Callable[..., AppTest], home: Path) -> None:
    view = held(outcome())
    app = opened(PAGE)
    assert not app.exception
    assert in_link(app, "race") == view.id
    table = app.dataframe[0].value.set_index("Sampler")
    assert table.loc["BAOAB", "Error"] == "0.0100"
    assert table.loc["SGLD", "5th percentile"] == "4"
    assert table.loc["SGLD", "Log joint, off by (nats)"] == "-4.0"
    drawn = traces(app, "Error of the predictive mean")
    assert drawn["scatter", "BAOAB"]["y"] == [0.05, 0.02]
    said = next(text for text in lines(app, "markdown") if "nearest" in text)
    assert said == (
        "**BAOAB is nearest to the reference**, and MCLMC cannot be distinguished from it. SGLD is 4.0 times as far "
        "from it; BAOAB makes 10.0 times as many effective draws a second as SGLD."
    )
    assert any("its own error is about 0.0020" in caption.value for caption in app.caption)


def test_the_verdict_follows_the_benchmark_and_not_the_default(opened: Callable[..., AppTest], home: Path) -> None:
    held(outcome(baoab=Score(0.05, 10.0, 5.0, -5.0, 0.05)))
    app = opened(PAGE)
    assert any(text.startswith("**MCLMC is nearest") for text in lines(app, "markdown"))


def test_one_that_dropped_out_is_said(opened: Callable[..., AppTest], home: Path) -> None:
    problem = "a chain left the posterior even at a step size of 10"
    held(outcome(sgld=Score(problem=problem, step_size=10.0, restarts=5)))
    app = opened(PAGE)
    assert not app.exception
    assert "SGLD dropped out" in app.warning[0].value
    rows = app.dataframe[0].value.set_index("Sampler")
    assert list(rows.loc["SGLD"]) == ["–", "–", "–", "–", "10", "5"]
    assert list(rows.loc["HMC"]) == ["0.0160", "90", "70", "-0.2", "0.045", "0"]


@pytest.mark.parametrize(("posterior", "default"), [("digits", "MCLMC"), ("synthetic", "MCLMC")])
def test_the_default_named_is_that_of_the_posterior(
    opened: Callable[..., AppTest], posterior: str, default: str
) -> None:
    app = opened(PAGE, posterior=posterior)
    (named,) = [text.value for text in app.markdown if "The default" in text.value]
    assert named.startswith(f"**{default}**")


def test_every_sampler_is_described_and_one_more_is_too(
    opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = one_more(Algorithm)
    monkeypatch.setattr(choices, "Algorithm", more)
    app = opened(PAGE)
    assert not app.exception
    described = "".join(text.value for text in app.markdown if ":small[:gray[" in text.value)
    for sampler in more:
        assert f"**{sampler.title}**  \n:small[:gray[{sampler.help}" in described


def test_one_that_made_no_draw_has_dashes(opened: Callable[..., AppTest], home: Path) -> None:
    held(outcome(sgld=Score()))
    app = opened(PAGE)
    assert list(app.dataframe[0].value.set_index("Sampler").loc["SGLD"]) == [*["–"] * 5, "0"]


def test_a_benchmark_of_another_posterior_is_not_shown_for_this_one(opened: Callable[..., AppTest], home: Path) -> None:
    view = held(outcome(), task="synthetic")
    app = opened(PAGE, race=view.id)
    assert "Press Measure" in app.info[0].value
    app.segmented_control(key="view:samplers:posterior").set_value("synthetic")
    app.run()
    assert in_link(app, "race") == view.id
    assert app.dataframe


def test_one_under_way_shows_what_there_is_and_can_be_cancelled(
    opened: Callable[..., AppTest], home: Path, fake_engine: FakeEngine
) -> None:
    view = queued("digits")
    with under_way(view, Progress(Phase.STUDY, 60, 100, 0.6, "baoab")):
        unfinished = SamplerTraces(outcome().points, outcome().reference)
        (view.folder / SO_FAR).write_text(json.dumps(unfinished.to_json()))
        app = opened(PAGE)
        assert not app.exception
        (bar,) = app.get("progress")
        assert (bar.proto.value, bar.proto.text) == (60, "The samplers take turns")
        assert len(app.get("plotly_chart")) == 1
        app.button(key="cancel-sampler benchmark").click()
        app.run()
        assert fake_engine.cancelled == [view.id]


def torn(view: SamplerBenchmarkView, file: str, content: str) -> SamplerBenchmarkView:
    (view.folder / file).write_text(content)
    return view


@pytest.mark.parametrize("bad", ["../..", "0123456789abcdef", files.CONFIG, "race.json"])
def test_a_bad_benchmark_in_the_link_is_said_and_the_newest_is_shown(
    opened: Callable[..., AppTest], home: Path, bad: str
) -> None:
    good = held(outcome())
    asked = torn(held(outcome()), bad, "{}").id if bad.endswith(".json") else bad
    app = opened(PAGE, race=asked)
    assert not app.exception
    (error,) = app.error
    assert asked in error.value
    assert not app.info
    assert in_link(app, "race") == good.id
    assert app.dataframe


def test_folders_that_cannot_be_shown_are_said(opened: Callable[..., AppTest], home: Path) -> None:
    broken = torn(held(outcome()), files.CONFIG, "{")
    good = held(outcome())
    app = opened(PAGE)
    assert [broken.id in caption.value for caption in app.caption if "config.json is torn" in caption.value] == [True]
    assert in_link(app, "race") == good.id


FOREIGN = {"reference": None, "standings": [], "scores": {"nobody": {}}}


@pytest.mark.parametrize("content", ["{}", "[", "[]", json.dumps(FOREIGN), json.dumps(FOREIGN | {"scores": {}})])
def test_a_result_that_cannot_be_read_is_one_line_and_no_verdict(
    opened: Callable[..., AppTest], home: Path, content: str
) -> None:
    torn(held(outcome()), "race.json", content)
    app = opened(PAGE)
    assert not app.exception
    (error,) = app.error
    assert "race.json" in error.value.lower()
    assert "\n" not in error.value
    assert not app.dataframe
    assert not any("nearest" in text.value for text in app.markdown)


def test_an_engine_that_cannot_run_is_one_line(opened: Callable[..., AppTest], fake_engine: FakeEngine) -> None:
    app = opened(PAGE)
    fake_engine.problem = "the scheduler is gone"
    next(button for button in app.button if button.label == "Measure").click()
    app.run()
    assert [error.value for error in app.error] == ["the scheduler is gone"]


def test_every_control_has_help_in_every_state(opened: Callable[..., AppTest], home: Path) -> None:
    held(outcome())
    app = opened(PAGE)
    kinds = ("slider", "segmented_control", "button")
    assert not [element.label for kind in kinds for element in getattr(app, kind) if not element.help]
