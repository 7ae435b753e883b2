"""A run that is pinned as before stands beside the chosen one on every results page; runs have names."""

import json
import shutil

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config, default_config, load_task
from mtbkd_core.evaluation.score_text import difference_text, plain_interval
from mtbkd_core.figures.run_tables import differences_of_results
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView, load_result
from mtbkd_core.studies.reweighting import DrawnStudents, score_differences
from pages.ui.words import plain
from tests.app.conftest import (
    SMALL,
    Done,
    FakeEngine,
    Opened,
    go,
    in_link,
    lines,
    new_app,
    open_page,
    press,
    without_help,
)

HEADING = "**Before and after**"


@pytest.fixture
def other(finished: RunView, done: Done) -> RunView:
    """A second run, with another strength."""
    return done(build_config({**SMALL, "prior.strength": "0.5"}.items()))


def table(app: AppTest, first: str) -> pd.DataFrame:
    """The table whose first column has that title."""
    (found,) = [frame.value.set_index(first) for frame in app.table if frame.value.columns[0] == first]
    return found


def test_a_run_is_pinned_and_let_go_with_one_click_each(opened: Opened, finished: RunView) -> None:
    app = opened("reliability", run=finished.id)
    press(app, "Pin as before")
    assert in_link(app, "before") == finished.id
    go(app, "uncertainty")
    assert in_link(app, "before") == finished.id
    press(app, "Let go")
    assert "before" not in app.query_params


def test_one_run_alone_has_nothing_beside_it(opened: Opened, finished: RunView) -> None:
    app = opened("reliability", run=finished.id, before=finished.id)
    assert HEADING not in lines(app, "markdown")
    assert any("Choose another run" in line for line in lines(app.sidebar, "caption"))


@pytest.mark.parametrize("page", ["distill", "reliability", "influence", "uncertainty", "shifts"])
def test_every_results_page_shows_before_and_after(
    opened: Opened, finished: RunView, other: RunView, page: str
) -> None:
    app = opened(page, run=other.id, before=finished.id)
    assert not app.exception
    assert not app.error
    assert lines(app, "markdown").count(HEADING) == 1
    assert without_help(app) == []


def test_the_older_run_stands_first_whichever_is_pinned(opened: Opened, finished: RunView, other: RunView) -> None:
    first, second = sorted((finished, other), key=lambda view: (view.created, view.id))
    app = opened("distill", run=first.id, before=second.id)
    (names,) = [caption.help for caption in app.caption if caption.value.startswith("**Before** · ")]
    assert names.index(first.id) < names.index(second.id)


def test_scores_have_a_difference_with_its_error_and_settings_that_differ_are_named(
    opened: Opened, finished: RunView, other: RunView
) -> None:
    app = opened("distill", run=other.id, before=finished.id)
    before, after = sorted((finished, other), key=lambda view: (view.created, view.id))
    numbers, differ = table(app, "Score"), table(app, "Setting")
    one, two = load_result(before.id), load_result(after.id)
    assert numbers.loc["NLL (nats)", "Before"] == plain(one.metrics.student.text("nll"))
    found = differences_of_results(two, one)
    assert numbers.loc["NLL (nats)", "After minus Before"] == plain(difference_text("nll", found["nll"]))
    values = {finished.id: plain("4.5"), other.id: plain("0.75")}
    assert list(differ.index) == ["Strength (in labels)"]
    assert differ.loc["Strength (in labels)"].to_dict() == {"Before": values[before.id], "After": values[after.id]}


@pytest.mark.usefixtures("fake_engine")
def test_the_sidebar_says_which_run_the_pages_call_before(finished: RunView, other: RunView) -> None:
    older, newer = sorted((finished, other), key=lambda view: (view.created, view.id))
    for chosen, pinned, called in ((newer, older, "**Before**"), (older, newer, "**After**")):
        app = open_page(new_app(), "reliability", run=chosen.id, before=pinned.id)
        assert any(f"The pages call it {called}" in line for line in lines(app.sidebar, "caption"))


def test_a_run_on_another_task_does_not_stand_beside_it(opened: Opened, finished: RunView) -> None:
    plane = FakeEngine().distill(build_config(SMALL.items(), base=default_config("synthetic")))
    app = opened("reliability", run=finished.id, before=plane.id)
    assert HEADING not in lines(app, "markdown")
    assert any("It is on another task" in line for line in lines(app.sidebar, "caption"))


def test_maps_of_the_plane_stand_side_by_side_with_where_they_moved(opened: Opened) -> None:
    runs = [
        FakeEngine().distill(build_config([*SMALL.items(), ("seed", seed)], base=default_config("synthetic")))
        for seed in (0, 1)
    ]
    for page, titles in (
        ("distill", ["Before: predictions", "After: predictions", "Where the predictions moved"]),
        ("influence", ["Before: most responsibility", "After: most responsibility", "Where another teacher leads"]),
        (
            "uncertainty",
            ["Before: epistemic uncertainty", "After: epistemic uncertainty", "Where the uncertainty changed"],
        ),
    ):
        app = opened(page, task="synthetic", run=runs[1].id, before=runs[0].id)
        charts = [chart.proto for chart in app.get("plotly_chart")]
        shown = [chart for title in titles for chart in charts if chart.alt.startswith(f"{title}. ")]
        assert len(shown) == 3


def test_a_verdict_on_both_runs_has_their_differences(opened: Opened, finished: RunView, other: RunView) -> None:
    app = press(opened("review", run=other.id, before=finished.id), "Judge the run")
    assert not app.exception
    before, after = sorted((finished, other), key=lambda view: (view.created, view.id))
    found = differences_of_results(load_result(after.id), load_result(before.id))
    (shown,) = [each.value for each in app.table if "After minus Before" in each.value.columns]
    gaps = shown["After minus Before"]
    assert difference_text("ece", found["ece"]) in list(gaps)
    assert all(gaps != "")


def test_both_runs_stand_over_severities_with_their_difference(
    opened: Opened, finished: RunView, other: RunView
) -> None:
    app = opened("shifts", run=other.id, before=finished.id)
    shown = [chart.proto for chart in app.get("plotly_chart") if chart.proto.alt.startswith("Rotation: ")]
    assert [chart.alt.split(".")[0] for chart in shown] == ["Rotation: accuracy", "Rotation: mean deviance"]
    for chart in shown:
        names = [trace.get("name") for trace in json.loads(chart.spec)["data"]]
        assert {"Before", "After"} <= set(names)
        assert len(names) > 2
    assert any(line.startswith("**After, ") for line in lines(app, "markdown"))


def test_a_pinned_run_that_is_gone_is_let_go(opened: Opened, finished: RunView, other: RunView) -> None:
    shutil.rmtree(other.folder)
    app = opened("reliability", run=finished.id, before=other.id)
    assert not app.exception
    assert "before" not in app.query_params


def test_runs_side_by_side_begin_with_the_pinned_one(
    opened: Opened, finished: RunView, other: RunView, done: Done
) -> None:
    done(build_config({**SMALL, "seed": "1"}.items()))
    app = opened("compare", view="runs", run=finished.id, before=other.id)
    assert app.multiselect(key="set:runs").value == [finished.id, other.id]


def test_a_name_stands_in_the_picker_and_on_the_pages(opened: Opened, finished: RunView) -> None:
    app = opened("reliability", run=finished.id)
    app.sidebar.text_input(key=f"name:{finished.id}").set_value("  My *first*  run ").run()
    assert not app.exception
    assert store.read(RUN, finished.id).name == "My *first* run"
    assert app.sidebar.selectbox(key="set:run").options == ["● done · My *first* run"]
    assert any(r"My \*first\* run" in line for line in lines(app, "caption"))
    app.sidebar.text_input(key=f"name:{finished.id}").set_value("").run()
    assert store.read(RUN, finished.id).name is None


class TestPriorUnderAChosenRun:
    """The page Prior reweights the chosen run's draws."""

    @pytest.fixture
    def run(self, done: Done) -> RunView:
        """A run with enough draws for Pareto k."""
        return done(build_config({**SMALL, "sampler.draws": "40"}.items()))

    def test_the_runs_own_settings_ask_for_a_move(self, opened: Opened, run: RunView) -> None:
        app = opened("prior", run=run.id)
        assert any("Move a control" in line for line in lines(app, "caption"))
        assert any("-badge" in line and "Pareto k 0.00" in line for line in lines(app, "markdown"))

    def test_a_moved_control_is_answered_by_the_cores_reweighting(self, opened: Opened, run: RunView) -> None:
        app = opened("prior", run=run.id)
        app.slider(key="set:prior.strength").set_value(2.9).run()
        assert not app.exception
        result = load_result(run.id)
        drawn = DrawnStudents.of(result, load_task(result.config))
        weights = drawn.weights(app.session_state.draft.prior)
        assert any(f"Pareto k {weights.pareto_k[0]:.2f}: " in line for line in lines(app, "markdown"))
        (table,) = [line for line in lines(app, "markdown") if line.startswith("| Student | Now | Change |")]
        found = score_differences(weights.of(drawn.on_test), drawn.task.y_test)
        assert plain_interval("nll", found["nll"]) in table
        nll, change = result.metrics.student.nll, found["nll"].difference
        assert nll is not None
        assert change is not None
        assert f"| NLL | {nll + change:.4f} | " in table

    def test_the_answer_stands_above_the_priors_own_picture(self, opened: Opened, run: RunView) -> None:
        app = opened("prior", run=run.id)
        texts = lines(app, "markdown")
        light, scores, prior = (
            next(place for place, text in enumerate(texts) if part in text)
            for part in ("-badge", "| Student | Now |", "The mixture prior")
        )
        assert light < scores < prior

    def test_a_prior_too_far_away_shows_no_number_and_asks_to_be_sampled(self, opened: Opened, run: RunView) -> None:
        app = opened("prior", run=run.id, **{"prior.strength": "0.01"})
        assert any("red-badge" in line for line in lines(app, "markdown"))
        assert not any("| Now | Change" in line for line in lines(app, "markdown"))
        button = next(button for button in app.button if button.label == "Sample it")
        assert button.proto.type == "primary"

    def test_what_is_sampled_stands_beside_the_run_it_came_from(self, opened: Opened, run: RunView) -> None:
        app = opened("prior", run=run.id, **SMALL, **{"prior.strength": "0.01"})
        press(app, "Sample it")
        assert not app.exception
        assert app.session_state.before == run.id
        assert store.read(RUN, app.session_state.run).config.prior.strength == 0.01
        assert [title.value for title in app.title] == ["Distill"]
        assert HEADING in lines(app, "markdown")

    def test_a_run_of_other_teachers_says_nothing_of_these_settings(self, opened: Opened, run: RunView) -> None:
        app = opened("prior", run=run.id, teachers="generalist")
        assert any("its draws say nothing of these settings" in line for line in lines(app, "caption"))

    def test_a_run_on_another_task_is_not_mentioned(self, opened: Opened, run: RunView) -> None:
        app = opened("prior", run=run.id, task="synthetic")
        assert not any("sampled student" in line for line in lines(app, "markdown"))
