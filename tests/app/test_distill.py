"""The page Distill: what is launched, what a run shows, and the settings that each kind of student and sampler has."""

import json
from dataclasses import replace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mtbkd_core import Result, build_config
from mtbkd_core.config.models import GOOD_PRECISION
from mtbkd_core.evaluation.diagnostics import r_hat_text
from mtbkd_core.evaluation.scores import HEADLINE
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView, load_result, run_id
from tests.app.conftest import SMALL, FakeEngine, Opened, in_link, lines, press, refused, start


def change_metrics(run: RunView, part: str, values: dict[str, object]) -> None:
    """Replace a part of a run's metrics file; of the diagnostics, only what is given."""
    file = run.folder / "metrics.json"
    metrics = json.loads(file.read_text())
    metrics[part] = metrics[part] | values if part == "diagnostics" else values
    file.write_text(json.dumps(metrics))


def all_scores(difference: float, verdict: str) -> dict[str, dict[str, object]]:
    """The same difference in every score of the headline."""
    return {name: {"difference": difference, "low": -0.1, "high": 0.1, "verdict": verdict} for name in HEADLINE}


def test_the_draft_is_what_runs(opened: Opened, fake_engine: FakeEngine) -> None:
    app = opened("distill", **SMALL)
    press(app, "Distill")
    (config,) = fake_engine.submitted
    assert config == build_config(SMALL.items())
    run = run_id(config)
    assert app.session_state.run == run
    assert in_link(app, "run") == run


def test_a_finished_run_shows_the_numbers_of_its_metrics(opened: Opened, fake_engine: FakeEngine) -> None:
    app = opened("distill", **SMALL)
    press(app, "Distill")
    metrics = load_result(app.session_state.run).metrics
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown == {
        "Accuracy": f"{metrics['student']['accuracy']:.1%}",
        "NLL (nats)": f"{metrics['student']['nll']:.4f}",
        "ECE": f"{metrics['student']['ece']:.4f}",
        "Worst R-hat": r_hat_text(metrics.diagnostics.worst),
    }


def test_a_headline_names_its_opponents_and_shows_no_difference_within_its_errors_in_colour(
    opened: Opened, finished: RunView
) -> None:
    change_metrics(finished, "versus", {"warm_start": all_scores(0.01, "no clear difference")})
    app = opened("distill", run=finished.id)
    (table,) = [text.value for text in app.markdown if text.value.startswith("| Student minus")]
    assert "Its warm start" in table
    assert ":gray[" in table
    assert ":green[" not in table
    assert ":red[" not in table
    change_metrics(finished, "versus", {"teachers_weighted": all_scores(0.01, "worse")})
    st.cache_resource.clear()
    app = opened("distill", run=finished.id)
    (table,) = [text.value for text in app.markdown if text.value.startswith("| Student minus")]
    assert table.count(":red[") == 3


def test_a_run_without_differences_still_shows_its_scores(opened: Opened, finished: RunView) -> None:
    change_metrics(finished, "versus", {})
    app = opened("distill", run=finished.id)
    assert not app.exception
    assert len(app.metric) == 4
    assert any("former version" in line for line in lines(app, "caption"))


@pytest.mark.parametrize(
    ("found", "title", "said"),
    [
        (
            {"verdict": "converged", "r_hat_p95": 1.01, "share_apart": 0.0},
            "Converged",
            "The chains agree on the score,",
        ),
        ({"verdict": "not_converged", "r_hat_p95": 1.2, "share_apart": 0.03}, "Not converged", "3% of intervals are"),
        ({"verdict": "too_few_draws"}, "Too few draws", "Too few draws to tell"),
    ],
)
def test_the_badge_is_the_verdict_with_the_worst_r_hat_and_what_follows(
    opened: Opened, finished: RunView, found: dict[str, object], title: str, said: str
) -> None:
    change_metrics(finished, "diagnostics", {"r_hat": 1.002, "r_hat_p95": 1.04, "r_hat_log_joint": 1.03, **found})
    app = opened("distill", run=finished.id)
    badge = app.metric[-1]
    worst = max(1.03, float(str(found.get("r_hat_p95", 1.04))))
    assert (badge.label, badge.value, badge.delta) == ("Worst R-hat", f"{worst:.3f}", title.lower())
    assert any(said in line for line in lines(app, "caption", "warning"))
    assert len(app.warning) == (title == "Not converged")
    assert any(f"{title} · started" in line for line in lines(app, "caption"))


def test_an_engine_that_cannot_run_is_one_line(opened: Opened, fake_engine: FakeEngine) -> None:
    fake_engine.problem = "the engine's scheduler is gone"
    app = opened("distill", seed="3")
    press(app, "Distill")
    assert refused(app, build_config([("seed", 3)])) == "the engine's scheduler is gone"


@pytest.mark.parametrize(
    ("name", "entered"),
    [("student.hidden", "32, many"), ("sampler.step_size", "0"), ("sampler.batch_size", "-3")],
)
def test_what_is_not_a_setting_is_one_line(opened: Opened, name: str, entered: str) -> None:
    baoab = {"sampler.algorithm": "baoab"}  # it has a batch size
    app = opened("distill", **baoab)
    app.text_input(key=f"set:{name}").set_value(entered).run()
    assert name in refused(app, build_config(baoab.items()))


@pytest.mark.parametrize(
    ("algorithm", "shown"),
    [
        ("baoab", {"friction", "batch_size", "bias_check"}),
        ("sgld", {"schedule", "batch_size", "bias_check"}),
        ("mclmc", {"friction", "bias_check"}),
        ("hmc", {"leapfrog_steps"}),
    ],
)
def test_an_algorithm_shows_the_settings_that_it_has(opened: Opened, algorithm: str, shown: set[str]) -> None:
    app = opened("distill")
    app.segmented_control(key="set:sampler.algorithm").set_value(algorithm).run()
    assert not app.exception
    assert app.session_state.draft.sampler.algorithm == algorithm
    keys = {item.key for kind in ("number_input", "text_input", "button_group", "toggle") for item in app.get(kind)}
    own = {"friction", "batch_size", "schedule", "leapfrog_steps", "bias_check"}
    assert {name for name in own if f"set:sampler.{name}" in keys} == shown
    assert "set:sampler.temperature" in keys


def test_an_algorithm_that_needs_all_examples_is_refused_beside_a_batch_size(opened: Opened) -> None:
    app = opened("distill", **{"sampler.batch_size": "50"})
    before = app.session_state.draft
    app.segmented_control(key="set:sampler.algorithm").set_value("mclmc").run()
    assert refused(app, before) == "sampler.batch_size: got 50, but mclmc needs all examples; allowed: none"


def test_a_run_that_is_to_be_precise_begins_at_the_default_precision(opened: Opened, fake_engine: FakeEngine) -> None:
    app = opened("distill", **SMALL)
    control = app.segmented_control(key="set:end")
    control.set_value(control.options[1]).run()
    assert not app.exception
    assert app.text_input(key="set:sampler.until").value == str(GOOD_PRECISION)
    app.text_input(key="set:sampler.budget_seconds").set_value("30").run()
    press(app, "Distill")
    sampler = fake_engine.submitted[0].sampler
    assert (sampler.until, sampler.budget_seconds) == (GOOD_PRECISION, 30)
    app.segmented_control(key="set:end").set_value(control.options[0]).run()
    assert not [each for each in app.text_input if each.key == "set:sampler.until"]


def test_a_check_for_bias_is_asked_for(opened: Opened, fake_engine: FakeEngine) -> None:
    app = opened("distill", **SMALL)
    app.segmented_control(key="set:sampler.bias_check").set_value("true").run()
    assert app.session_state.draft.sampler.checks_bias
    assert in_link(app, "sampler.bias_check") == "true"
    press(app, "Distill")
    assert not app.exception
    assert fake_engine.submitted[0].sampler.checks_bias
    assert any("s bias check, " in line for line in lines(app, "caption"))
    found = Result.load(store.read(RUN, app.session_state.run).folder).metrics["diagnostics"]["bias_check"]
    assert found.sentence in [said.value for said in (app.warning if found.is_biased else app.caption)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sampler.algorithm": "mclmc"}, "tuned, energy variance "),
        ({"sampler.algorithm": "hmc"}, "tuned at an acceptance of "),
        ({"sampler.algorithm": "hmc", "sampler.step_size": "0.01"}, "Step size 0.0100, given, acceptance "),
        ({"sampler.algorithm": "baoab", "sampler.step_size": "0.01"}, "Step size 0.0100, given; preconditioner: "),
    ],
)
def test_a_finished_run_says_how_its_step_was_found(
    opened: Opened, fake_engine: FakeEngine, settings: dict[str, str], said: str
) -> None:
    app = opened("distill", **(SMALL | settings))
    press(app, "Distill")
    assert not app.exception
    assert any(said in line for line in lines(app, "caption"))


def test_the_demo_runs_with_the_defaults(app: AppTest, fake_engine: FakeEngine) -> None:
    start(app, **{"prior.strength": "0.5"})
    fake_engine.problem = "no worker"
    press(app, "Distill the demo")
    assert refused(app, build_config([("prior.strength", 0.5)])) == "no worker"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.CANCELLED, "was cancelled."),
        (State.FAILED, "failed. The disk is full. Change the settings"),
        (State.CRASHED, "worker stopped three times"),
        (State.INTERRUPTED, "was interrupted"),
    ],
)
def test_a_run_that_ended_without_a_result_says_what_to_do(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, state: State, said: str
) -> None:
    view = store.create(RUN, build_config(SMALL.items()))
    ended = replace(view, state=state, reason="the disk is full" if state is State.FAILED else None)
    monkeypatch.setattr(store, "read", lambda kind, id: ended)
    app = opened("distill", run=view.id)
    assert not app.exception
    (line,) = [*app.error, *app.info]
    assert said in line.value


def test_a_run_under_way_is_watched_and_can_be_cancelled(
    opened: Opened, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = store.create(RUN, build_config(SMALL.items()))
    monkeypatch.setattr(store, "read", lambda kind, id: replace(view, state=State.RUNNING))
    app = opened("distill", run=view.id)
    assert not app.exception
    (watching,) = app.get("bidi_component")
    assert json.loads(watching.proto.json) == {"run": view.id, "address": f"live-run/{view.id}", "every": 200}
    app.button(key="cancel-run").click().run()
    assert fake_engine.cancelled == [view.id]


@pytest.mark.parametrize(("task", "offered"), [("digits", True), ("synthetic", False)])
def test_a_convolutional_student_is_offered_where_inputs_are_pictures(opened: Opened, task: str, offered: bool) -> None:
    app = opened("distill", task=task)
    (kinds,) = [control for control in app.button_group if control.label == "Student"]
    assert ("CNN" in kinds.options) is offered


@pytest.mark.parametrize(("task", "offered"), [("digits", True), ("synthetic", False)])
def test_features_of_patches_are_offered_where_inputs_are_pictures(opened: Opened, task: str, offered: bool) -> None:
    app = opened("distill", task=task)
    (kinds,) = [control for control in app.button_group if control.label == "Features"]
    assert ("Patches" in kinds.options) is offered


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"student.features": "patches"}, True),
        ({}, False),
        ({"student.features": "patches", "student.kind": "cnn"}, False),
    ],
)
def test_the_number_of_features_is_asked_where_there_are_some(
    opened: Opened, settings: dict[str, str], asked: bool
) -> None:
    fields = opened("distill", **settings).number_input
    assert ("Number of features" in [field.label for field in fields]) is asked


def test_the_size_that_the_first_map_has_is_said_beside_the_control(opened: Opened) -> None:
    app = opened("distill", task="fashion", **{"student.kind": "cnn", "student.first_map": "8"})
    assert app.number_input(key="set:student.first_map").max == 28
    assert "28 x 28 pictures: a map of 10 x 10" in [caption.value for caption in app.caption]


def test_of_a_first_map_that_will_be_refused_no_size_is_said(opened: Opened) -> None:
    app = opened("distill", **{"student.kind": "cnn", "student.first_map": "9"})
    assert not app.exception
    assert app.number_input(key="set:student.first_map").value == 9
    assert not any("a map of" in line for line in lines(app, "caption"))
