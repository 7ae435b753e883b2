"""Coverage: a study is a job like any other, and the page shows it as it was measured."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core.config.choices import WeightRule
from mtbkd_core.figures.coverage import setting_titles
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import coverage
from mtbkd_core.runs.kinds.coverage import KIND, CoverageSpec, CoverageView
from mtbkd_core.runs.kinds.parts import ROWS
from mtbkd_core.studies.coverage import BLIND, BLIND_AUTOMATIC, WRONG_ALONE
from mtbkd_core.studies.tables import coverage_table
from tests.app.conftest import FakeEngine, go, in_link, lines, press, traces
from tests.studies.one_more_rule import add_rule

PAGE = "learn/coverage.py"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    short = coverage.SAMPLER.model_copy(update={"draws": 5, "thinning": 1, "warm_start_steps": 5, "burn_in": 5})
    monkeypatch.setattr(coverage, "SAMPLER", short)


@pytest.fixture
def measured(home: object) -> CoverageView:
    return FakeEngine().submit(KIND, CoverageSpec(points=20, replications=2))


def test_the_button_measures_with_the_chosen_numbers(opened: Callable[..., AppTest], fake_engine: FakeEngine) -> None:
    app = opened(PAGE, points="20", factor="1.5")
    assert "Nothing has been measured yet" in app.info[0].value
    assert not app.get("plotly_chart")
    next(button for button in app.button if button.label == "Measure").click()
    app.run()
    assert not app.exception
    assert fake_engine.submitted == [CoverageSpec(points=20, wrong_factor=1.5)]
    (view,) = store.list_jobs(KIND)
    assert in_link(app, "coverage") == view.id
    assert app.get("plotly_chart")


@pytest.mark.parametrize("state", [State.RUNNING, State.DONE])
def test_a_study_is_still_there_after_another_page_was_looked_at(
    opened: Callable[..., AppTest], fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    app = opened(PAGE, points="20")
    read = store.read
    monkeypatch.setattr(store, "read", lambda kind, id: replace(read(kind, id), state=state))
    press(app, "Measure")
    (view,) = store.list_jobs(KIND)
    for page in ("overview", PAGE):
        go(app, page)
        assert not app.exception
    assert in_link(app, "coverage") == view.id
    assert bool(app.get("plotly_chart")) == (state is State.DONE)
    assert ("Cancel" in [button.label for button in app.button]) == (state is State.RUNNING)


def test_a_finished_study_is_shown_as_it_was_measured(opened: Callable[..., AppTest], measured: CoverageView) -> None:
    app = opened(PAGE)
    assert not app.exception
    assert in_link(app, "coverage") == measured.id
    table = coverage_table(measured.found())
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["The wrong teacher only"] == f"{table.set_index('setting').loc[WRONG_ALONE, 'coverage']:.1%}"
    captions = [caption.value for caption in app.caption]
    assert any("20 labelled points" in line for line in captions)
    # chains of five draws cannot agree
    assert any(f"In {table['apart'].sum()} of 20 posteriors" in line for line in captions)
    titles = setting_titles(table, {rule: rule.title for rule in WeightRule})
    (said,) = [text for text in lines(app, "markdown") if "95% that" in text]
    named = [
        f"{title.removeprefix('+ ')} ({row.coverage:.1%})" in said
        for title, row in zip(titles, table.itertuples(), strict=True)
    ]
    assert named == list(table["high"] < 0.95)


def test_a_teacher_that_is_calibrated_and_blind_stands_beside_none_and_beside_an_automatic_strength(
    opened: Callable[..., AppTest], measured: CoverageView
) -> None:
    app = opened(PAGE)
    rows = coverage_table(measured.found()).set_index("setting")
    shown = {metric.label: metric.value for metric in app.metric}
    for name, how in ((BLIND, "fixed"), (BLIND_AUTOMATIC, "automatic")):
        assert shown[f"Blind to an input, {how} strength"] == f"{rows.loc[name, 'coverage']:.1%}"
        assert f"NLL {rows.loc[name, 'nll']:.3f} under the true probabilities" in [line.value for line in app.caption]
    assert [text.value for text in app.markdown if text.value.startswith("**Calibrated is not enough**")]


def test_a_finished_study_is_shown_when_a_rule_was_added_since(
    opened: Callable[..., AppTest], measured: CoverageView, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {metric.label: (metric.value, metric.delta) for metric in opened(PAGE).metric}
    add_rule(monkeypatch)
    app = opened(PAGE, coverage=measured.id)
    assert not app.exception
    assert {metric.label: (metric.value, metric.delta) for metric in app.metric} == before


def test_a_rule_that_was_added_is_measured_and_shown(
    opened: Callable[..., AppTest], home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_rule(monkeypatch)
    view = FakeEngine().submit(KIND, CoverageSpec(points=20, replications=2))
    app = opened(PAGE)
    assert not app.exception
    share = coverage_table(view.found()).set_index("setting").loc["experts and wrong, new", "coverage"]
    assert {metric.label: metric.value for metric in app.metric}["New"] == f"{share:.1%}"
    drawn = traces(app, "Coverage beside width")
    assert "Experts, new" in [title for trace in drawn.values() for title in trace["y"]]


def test_a_study_without_its_rows_is_measured_again(opened: Callable[..., AppTest], measured: CoverageView) -> None:
    (measured.folder / ROWS).unlink()
    app = opened(PAGE)
    assert not app.exception
    assert lines(app, "error") == ["The rows of this coverage study are gone."]
    press(app, "Measure again")
    assert not app.exception
    assert app.get("plotly_chart")
