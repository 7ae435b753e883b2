"""What each teacher's statement is worth, on the page Prior: by hand, and chosen from the data."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds import run
from mtbkd_core.runs.kinds.strength import KIND, strength_spec
from mtbkd_core.strength import Plan
from tests.app.conftest import SMALL, FakeEngine, Opened, in_link, press, traces


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtbkd_core.strength.plan_for", lambda *sizes: Plan(2, 2, 1, 5))


def prior(app: AppTest) -> Any:
    return app.session_state.draft.prior


def test_the_number_of_labels_changes_the_strength(opened: Opened) -> None:
    app = opened("prior")
    assert app.slider(key="set:prior.labels").value == 4.5
    app.slider(key="set:prior.labels").set_value(9.0).run()
    assert (prior(app).strength, in_link(app, "prior.strength")) == (6.0, "6.0")
    assert app.number_input(key="set:prior.labels:number").value == 9
    app.number_input(key="set:prior.labels:number").set_value(0.0).run()
    assert prior(app).strength == 0
    assert not app.exception


@pytest.mark.parametrize(("name", "value"), [("concentration", 36.0), ("temperature", 4.0)])
def test_the_number_of_labels_stays_and_the_strength_follows(opened: Opened, name: str, value: float) -> None:
    app = opened("prior")
    app.slider(key=f"set:prior.{name}").set_value(value).run()
    assert getattr(prior(app), name) == value
    assert prior(app).labels == app.slider(key="set:prior.labels").value == 4.5
    assert prior(app).strength != 1
    app.slider(key=f"set:prior.{name}").set_value(getattr(build_config().prior, name)).run()
    assert app.session_state.draft == build_config()


def test_the_effective_number_stands_beside_the_nominal_one(opened: Opened) -> None:
    (said,) = [each.value for each in opened("prior").caption if each.value.startswith("By curvature")]
    numbers = [float(part.split()[-1]) for part in said.rstrip(".").split(", ")[-3:]]
    assert min(numbers) > 4.5  # confident teachers at a temperature of 2


def test_a_strength_that_is_left_to_the_program_can_be_set_by_hand(opened: Opened) -> None:
    app = opened("prior", **{"prior.strength": "auto"})
    assert not app.exception
    assert [info.value for info in app.info if "chosen from the data when a run starts" in info.value]
    app.slider(key="set:prior.concentration").set_value(36.0).run()
    assert prior(app).strength is None
    press(app, "Set it by hand")
    assert prior(app).labels == pytest.approx(4.5)


def test_one_click_on_distill_leaves_the_strength_to_the_run_and_one_takes_it_back(
    opened: Opened, fake_engine: FakeEngine
) -> None:
    app = opened("distill", **SMALL)
    by_hand, from_the_data = app.segmented_control(key="set:worth").options
    app.segmented_control(key="set:worth").set_value(from_the_data).run()
    press(app, "Distill")
    assert [each.prior.strength for each in fake_engine.submitted] == [None]
    app.segmented_control(key="set:worth").set_value(by_hand).run()
    assert prior(app).labels == pytest.approx(build_config(SMALL.items()).prior.labels)
    assert not app.exception


@pytest.mark.parametrize("page", ["distill", "teachers", "compare", "overview"])
def test_other_pages_open_while_the_strength_is_left_to_the_program(opened: Opened, page: str) -> None:
    assert not opened(page, **{"prior.strength": "auto"}).exception


def test_a_choice_from_the_data_is_shown_and_taken(opened: Opened, fake_engine: FakeEngine) -> None:
    app = opened("prior", task="synthetic")
    press(app, "Choose from the data")
    assert not app.exception
    (view,) = store.list_jobs(KIND)
    choice = store.read(KIND, view.id).choice
    assert choice is not None
    assert fake_engine.submitted == [strength_spec(build_config([("task", "synthetic")]))]
    assert (prior(app).strength, prior(app).concentration) == (choice.strength, choice.concentration)
    assert in_link(app, "choice") == view.id
    assert ("scatter", "Chosen") in traces(app, "Held-out score against the teachers' worth")
    assert next(button for button in app.button if button.label == "In use").disabled
    app.slider(key="set:prior.labels").set_value(3.0).run()
    press(app, "Use it")
    assert prior(app).strength == choice.strength


def test_a_choice_for_other_settings_is_not_shown(opened: Opened, fake_engine: FakeEngine) -> None:
    fake_engine.submit(KIND, strength_spec(build_config([("task", "synthetic")])))
    assert "In use" not in [button.label for button in opened("prior").button]
    app = opened("prior", task="synthetic", **{"prior.rule": "fixed"})
    assert not {"In use", "Use it"} & {button.label for button in app.button}


def test_a_run_shows_how_its_strength_was_chosen(opened: Opened, fake_engine: FakeEngine) -> None:
    view = fake_engine.distill(build_config({**SMALL, "prior.strength": "auto"}.items()))
    result = run.load_result(view.id)
    assert view.config.prior.strength is None
    assert result.strength is not None
    app = opened("distill", run=view.id)
    assert not app.exception
    assert ("scatter", "Chosen") in traces(app, "Held-out score against the teachers' worth")
    assert result.config.prior.strength == result.strength.strength


@pytest.mark.parametrize("page", ["uncertainty", "influence", "reliability"])
def test_results_of_a_run_that_chose_its_strength_are_shown(opened: Opened, fake_engine: FakeEngine, page: str) -> None:
    view = fake_engine.distill(build_config({**SMALL, "prior.strength": "auto"}.items()))
    assert not opened(page, run=view.id).exception
