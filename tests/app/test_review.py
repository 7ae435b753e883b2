"""The page Review: a verdict on the chosen run."""

from pathlib import Path

from mtbkd_core import build_config
from mtbkd_core.runs.kinds.run import RunView
from tests.app.conftest import SMALL, Done, Opened, go, in_link, lines, new_app, open_page, press


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
    said = [line for line in lines(app, "markdown") if "**Size of the file**" in line or "**Time for one" in line]
    assert len(said) == 2
    assert not any("not measured" in line for line in said)
    assert [frame for frame in app.dataframe if "Parameters" in frame.value.columns]


def test_what_fails_is_listed_first(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    app.number_input(key="limit:accuracy").set_value(1.0).run()
    app = press(app, "Judge the run")
    said = [line for line in lines(app, "markdown") if "**" in line and "·" in line]
    assert "[**Fail**] · **Accuracy**" in said[0]
    order = [next(word for word in ("Fail", "Inconclusive", "Pass") if f"**{word}**" in line) for line in said]
    assert order == sorted(order)
    assert any(line.startswith("Fails (") for line in lines(app, "markdown"))
    assert not any("default limits" in line for line in lines(app, "caption"))


def test_a_verdict_by_the_defaults_says_so(opened: Opened, finished: RunView) -> None:
    app = press(opened("review", run=finished.id), "Judge the run")
    assert any(line.startswith("By the program's default limits.") for line in lines(app, "caption"))


def test_limits_are_called_defaults_until_somebody_changes_one(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    (button,) = [button for button in app.button if button.label == "Judge the run"]
    assert any("the program's defaults" in line for line in lines(app, "caption"))
    assert "have to be set first" in button.help
    app.number_input(key="limit:accuracy").set_value(0.5).run()
    (button,) = [button for button in app.button if button.label == "Judge the run"]
    assert not any("the program's defaults" in line for line in lines(app, "caption"))
    assert "first" not in button.help
    app = press(app, "Judge the run")
    (button,) = [button for button in app.button if button.label == "Judge the run"]
    assert "first" not in button.help


def test_a_verdict_comes_back_when_the_page_is_loaded_anew(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    app.number_input(key="limit:accuracy").set_value(0.25).run()
    app = press(app, "Judge the run")
    again = open_page(new_app(), "review", **{name: in_link(app, name) or "" for name in ("run", "asked")})
    assert not again.exception
    assert again.number_input(key="limit:accuracy").value == 0.25
    assert lines(again, "markdown") == lines(app, "markdown")
    assert not again.warning


def test_a_verdict_that_comes_back_still_says_that_its_requirements_came_late(
    opened: Opened, finished: RunView
) -> None:
    app = press(opened("review", run=finished.id), "Judge the run")
    assert in_link(app, "late") is None
    app.number_input(key="limit:accuracy").set_value(0.5).run()
    assert in_link(app, "late") == "1"
    link = {name: in_link(app, name) or "" for name in ("run", "asked", "late")}
    assert "set after results of this run had been seen" in open_page(new_app(), "review", **link).warning[-1].value


def test_requirements_in_a_link_that_cannot_be_read_are_one_line(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id, asked='{"accuracy":7}')
    assert not app.exception
    assert any("accuracy" in warning.value for warning in app.warning)
    assert in_link(app, "asked") is None
