"""The task with a known truth on every page: maps, the exact simplex, and no word of images."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import RunConfig, build_config, default_config
from mtbkd_core.runs.kinds.run import RunView
from pages.ui import run_words
from tests.app.conftest import SMALL, FakeEngine, in_link, new_app, open_page
from tests.app.test_pages import PAGES, lines

TASK = "synthetic"


@pytest.fixture
def synthetic_run(home: object) -> RunView:
    """A small run on the plane that is done."""
    return FakeEngine().distill(build_config(SMALL.items(), base=default_config(TASK)))


def chart(app: AppTest, title: str) -> dict[str, Any]:
    """The figure under a title, as it is sent."""
    (found,) = [c for c in app.get("plotly_chart") if c.proto.alt.startswith(title + ".")]
    figure: dict[str, Any] = json.loads(found.proto.spec)
    return figure


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_the_plane(opened: Callable[..., AppTest], synthetic_run: RunView, page: str) -> None:
    app = opened(page, task=TASK, run=synthetic_run.id)
    assert [title.value for title in app.title] == [PAGES[page]]
    assert not app.exception
    assert not lines(app, "error")
    assert all(line.startswith("The chains disagree") for line in lines(app, "warning"))
    charts = app.get("plotly_chart")
    taken = {button.key.removeprefix("csv:") for button in app.get("download_button")}
    assert {chart.key.removeprefix("chart:") for chart in charts} <= taken
    kinds = ("slider", "number_input", "text_input", "selectbox", "segmented_control", "pills", "toggle", "button")
    elements = [element for kind in kinds for element in getattr(app, kind)]
    assert [element.label for element in elements if not element.help] == []
    if page not in ("start/overview.py", "setup/own_data/page.py"):  # which offer images as well
        said = [*lines(app, "markdown", "caption", "subheader"), *(e.label + e.help for e in elements)]
        said += [c.proto.alt for c in charts]
        assert [line for line in said if "image" in line.lower()] == []


def test_a_link_names_the_task_and_what_differs_from_its_own_settings(opened: Callable[..., AppTest]) -> None:
    app = opened("setup/prior.py", task=TASK)
    assert app.session_state.draft == default_config(TASK)
    app.slider(key="set:prior.concentration").set_value(12.0)
    app.run()
    assert (in_link(app, "data.task"), in_link(app, "prior.concentration")) == (TASK, "12.0")
    assert "teachers" not in app.query_params
    assert "prior.temperature" not in app.query_params


def test_choosing_the_task_brings_its_settings_and_the_way_back_takes_them_away(
    opened: Callable[..., AppTest],
) -> None:
    app = opened("setup/teachers.py")
    app.selectbox(key="set:task").set_value(TASK)
    app.run()
    assert app.session_state.draft == default_config(TASK)
    app.selectbox(key="set:task").set_value("digits")
    app.run()
    assert app.session_state.draft == build_config()
    assert not app.exception


@pytest.mark.parametrize(("task", "most"), [("digits", 200), (TASK, 20_000)])
def test_the_number_of_labels_can_be_chosen_up_to_what_there_is(
    opened: Callable[..., AppTest], task: str, most: int
) -> None:
    app = opened("setup/teachers.py", task=task)
    app.text_input(key="set:data.n_labelled").set_value("40")
    app.run()
    assert app.session_state.draft.data.n_labelled == 40
    assert not app.exception
    app.text_input(key="set:data.n_labelled").set_value(str(most + 1))
    app.run()
    (error,) = app.error
    assert "data.n_labelled" in error.value
    assert app.session_state.draft.data.n_labelled == 40


def test_the_truth_is_marked_on_the_priors_simplex(opened: Callable[..., AppTest]) -> None:
    figure = chart(opened("setup/prior.py", task=TASK), "The mixture prior among classes A, B and C")
    assert "Truth" in [trace.get("name") for trace in figure["data"]]


def test_draws_teachers_and_truth_share_the_simplex_of_the_results(
    opened: Callable[..., AppTest], synthetic_run: RunView
) -> None:
    figure = chart(opened("results/uncertainty.py", task=TASK, run=synthetic_run.id), "Prior, posterior and truth")
    names = [trace.get("name") or "" for trace in figure["data"]]
    assert {"Truth", "North expert", "South-west expert", "South-east expert"} <= set(names)
    assert any(name.startswith("Student draws") for name in names)


def test_calibrated_teachers_stand_where_the_prior_puts_them_on_both_pages(
    fake_engine: FakeEngine, home: object
) -> None:
    asked = {"prior.entropy_temperatures": "4,1,1", "prior.calibrated_teachers": "True"}
    run = fake_engine.distill(build_config([*SMALL.items(), *asked.items()], base=default_config(TASK)))
    modes = []
    for page, title, link in (
        ("setup/prior.py", "The mixture prior among classes A, B and C", asked),
        ("setup/prior.py", "The mixture prior among classes A, B and C", {}),
        ("results/uncertainty.py", "Prior, posterior and truth", {"run": run.id}),
    ):
        figure = chart(open_page(new_app(), page, task=TASK, example="3", **link), title)
        (mode,) = [each for each in figure["data"] if each.get("name") == "North expert" and each["mode"] == "markers"]
        modes.append([mode["x"][0], mode["y"][0]])
    assert modes[0] == pytest.approx(modes[2], abs=1e-4)
    assert modes[0] != pytest.approx(modes[1], abs=1e-2)


def test_start_here_distils_the_plane(app: AppTest, fake_engine: FakeEngine) -> None:
    fake_engine.problem = "no worker"  # how it is submitted is enough; it takes seconds
    seen: list[RunConfig] = []
    refuse = fake_engine.submit
    fake_engine.submit = lambda kind, spec: (seen.append(spec), refuse(kind, spec))[1]  # type: ignore[method-assign]
    app.run()
    next(button for button in app.button if button.label == "Start here").click()
    app.run()
    assert seen == [default_config(TASK)]


def test_a_run_on_the_plane_is_described_by_its_task() -> None:
    assert run_words.describe(default_config(TASK)) == TASK
    assert run_words.describe(build_config([("n_train", 40)], base=default_config(TASK))) == "synthetic, 40 labels"
