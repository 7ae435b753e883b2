"""The page Review: a verdict on the chosen run."""

from pathlib import Path

from mtbkd_core import build_config
from mtbkd_core.runs.kinds.run import RunView
from tests.app.conftest import SMALL, Done, Opened, go, lines, press


def test_nothing_is_judged_before_it_is_asked_for(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    assert not app.exception
    assert not any("Inconclusive" in text.value or "**Pass**" in text.value for text in app.markdown)


def test_a_verdict_comes_for_each_requirement_and_the_whole(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    app = press(app, "Judge the run")
    assert not app.exception
    assert len([line for line in lines(app, "markdown") if "**" in line and "·" in line]) == 6
    assert any(text.value.startswith("## ") for text in app.markdown)


def test_requirements_that_change_after_a_verdict_say_so(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    app = press(app, "Judge the run")
    assert not app.warning
    app.number_input(key="limit:accuracy").set_value(0.5).run()
    assert "set after results of this run had been seen" in app.warning[-1].value


def test_requirements_that_are_set_after_a_look_at_the_results_say_so(opened: Opened, finished: RunView) -> None:
    app = opened("reliability", run=finished.id)
    app = go(app, "review")
    app.number_input(key="limit:accuracy").set_value(0.5).run()
    assert "set after results of this run had been seen" in press(app, "Judge the run").warning[-1].value


def test_requirements_can_be_set_before_there_is_a_run_and_stay(opened: Opened, done: Done, home: Path) -> None:
    app = opened("review")
    app.number_input(key="limit:accuracy").set_value(0.25).run()
    run = done(build_config(SMALL.items()))
    app = go(go(app, "method"), "review")
    assert app.number_input(key="limit:accuracy").value == 0.25
    app.session_state.run = run.id
    app = press(app.run(), "Judge the run")
    assert not app.warning
    assert any("at least 25.0%" in line for line in lines(app, "markdown"))


def test_a_verdict_can_be_kept(opened: Opened, finished: RunView) -> None:
    app = press(opened("review", run=finished.id), "Judge the run")
    kept = [button.label for button in app.get("download_button")]
    assert "Verdict as a file" in kept
    assert "Download the report" in kept


def test_size_and_time_that_are_required_are_measured(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    app.checkbox(key="ask:max_bytes").check().run()
    app.checkbox(key="ask:latency_ms").check().run()
    app = press(app, "Judge the run")
    assert not app.exception
    said = [line for line in lines(app, "markdown") if "Size of the file" in line or "Time for one input" in line]
    assert len(said) == 2
    assert not any("not measured" in line for line in said)
    assert [frame for frame in app.dataframe if "Parameters" in frame.value.columns]
