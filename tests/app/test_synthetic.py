"""The task with a known truth: its own settings, the exact simplex and the coverage of intervals."""

import pytest

from mtbkd_core import build_config, default_config
from mtbkd_core.runs.kinds.run import RunView
from tests.app.conftest import SMALL, FakeEngine, Opened, in_link, lines, new_app, open_page, press, start, traces

TASK = "synthetic"


@pytest.fixture
def synthetic_run(home: object) -> RunView:
    """A small run on the plane that is done."""
    return FakeEngine().distill(build_config(SMALL.items(), base=default_config(TASK)))


def test_a_link_names_the_task_and_what_differs_from_its_own_settings(opened: Opened) -> None:
    app = opened("prior", task=TASK)
    assert app.session_state.draft == default_config(TASK)
    app.slider(key="set:prior.concentration").set_value(12.0).run()
    assert (in_link(app, "data.task"), in_link(app, "prior.concentration")) == (TASK, "12.0")
    assert "teachers" not in app.query_params
    assert "prior.temperature" not in app.query_params


def test_choosing_the_task_brings_its_settings_and_the_way_back_takes_them_away(opened: Opened) -> None:
    app = opened("teachers")
    app.selectbox(key="set:task").set_value(TASK).run()
    assert app.session_state.draft == default_config(TASK)
    app.selectbox(key="set:task").set_value("digits").run()
    assert app.session_state.draft == build_config()
    assert not app.exception


@pytest.mark.parametrize(("task", "most"), [("digits", 200), (TASK, 20_000)])
def test_the_number_of_labels_can_be_chosen_up_to_what_there_is(opened: Opened, task: str, most: int) -> None:
    app = opened("teachers", task=task)
    app.text_input(key="set:data.n_labelled").set_value("40").run()
    assert app.session_state.draft.data.n_labelled == 40
    assert not app.exception
    app.text_input(key="set:data.n_labelled").set_value(str(most + 1)).run()
    (error,) = app.error
    assert "data.n_labelled" in error.value
    assert app.session_state.draft.data.n_labelled == 40


def test_the_truth_is_marked_on_the_priors_simplex(opened: Opened) -> None:
    drawn = traces(opened("prior", task=TASK), "The mixture prior among classes A, B and C")
    assert ("scatter", "Truth") in drawn


def test_draws_teachers_and_truth_share_the_simplex_of_the_results(opened: Opened, synthetic_run: RunView) -> None:
    drawn = traces(opened("uncertainty", task=TASK, run=synthetic_run.id), "Prior, posterior and truth")
    names = {name for _, name in drawn}
    assert {"Truth", "North expert", "South-west expert", "South-east expert"} <= names
    assert any(name.startswith("Student draws") for name in names)


def test_calibrated_teachers_stand_where_the_prior_puts_them_on_both_pages(
    fake_engine: FakeEngine, home: object
) -> None:
    asked = {"prior.entropy_temperatures": "4,1,1", "prior.calibrated_teachers": "True"}
    run = fake_engine.distill(build_config([*SMALL.items(), *asked.items()], base=default_config(TASK)))
    modes = []
    for page, title, link in (
        ("prior", "The mixture prior among classes A, B and C", asked),
        ("prior", "The mixture prior among classes A, B and C", {}),
        ("uncertainty", "Prior, posterior and truth", {"run": run.id}),
    ):
        mode = traces(open_page(new_app(), page, task=TASK, example="3", **link), title)["scatter", "North expert"]
        modes.append([mode["x"][0], mode["y"][0]])
    assert modes[0] == pytest.approx(modes[2], abs=1e-4)
    assert modes[0] != pytest.approx(modes[1], abs=1e-2)


def test_changes_by_hand_are_named_and_undone_with_one_click(opened: Opened) -> None:
    app = opened("teachers", task=TASK, **{"data.changes": "p78eg1_t0*45*0.5"})
    assert any("1 point added, North expert changed." in line for line in lines(app, "caption"))
    press(app, "Undo these changes")
    assert app.session_state.draft == default_config(TASK)
    assert "data.changes" not in app.query_params


@pytest.mark.parametrize(("task", "text"), [("digits", "p78eg1"), (TASK, "p78"), (TASK, "t9*1")])
def test_changes_that_a_task_cannot_have_end_in_one_line(home: object, task: str, text: str) -> None:
    app = start(new_app(), task=task, **{"data.changes": text})
    (warning,) = app.warning
    assert "data.changes" in warning.value
    assert app.session_state.draft == default_config(task)
