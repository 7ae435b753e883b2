"""Sweep a setting: what is written is checked, it runs as one job, is found by its link, and shows its own scores."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import RunConfig, build_config, default_config
from mtbkd_core.catalog.adding import forget, import_table
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.runs.kinds.sweep import KIND, SweepView, sweep_spec
from mtbkd_core.runs.rows import Rows
from tests.app.conftest import ROOT, SMALL, FakeEngine, in_link, show_as, traces
from tests.app.grids import fake_grid
from tests.imports.files import spec_of, write_files, write_table

PAGE = "results/compare/page.py"


@pytest.fixture(autouse=True)
def computed(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """NLL falls with the strength and rises with the seed; the chains disagree at strength 3."""
    return fake_grid(
        monkeypatch,
        lambda config: 1 - config.prior.strength / 10 + config.seed / 100,
        lambda config: 1.3 if config.prior.strength == 3 else 1.01,
    )


@pytest.fixture
def swept(home: object) -> SweepView:
    """A sweep of the strength with two seeds that is done."""
    return FakeEngine().submit(KIND, sweep_spec(build_config(), "prior.strength", ("0.0", "1.0", "3.0"), 2))


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception


def look(view: SweepView, monkeypatch: pytest.MonkeyPatch) -> None:
    show_as(view, KIND, monkeypatch)


def test_a_run_whose_task_was_forgotten_is_one_line(opened: Callable[..., AppTest], tmp_path: Path, home: Path) -> None:
    import_table("mine", spec_of(write_files(tmp_path)))
    run = FakeEngine().distill(build_config(SMALL.items(), base=default_config("mine")))
    forget("mine")
    app = opened(PAGE, view="sweep", run=run.id)
    assert not app.exception
    assert any("mine" in error.value for error in app.error)


def test_a_sweep_of_a_task_that_was_imported_anew_is_marked_as_of_the_former_data(
    opened: Callable[..., AppTest], tmp_path: Path, home: Path
) -> None:
    (tmp_path / "after").mkdir()
    files = write_files(tmp_path)
    import_table("mine", spec_of(files), title="Mine *one*")
    config = build_config(SMALL.items(), base=default_config("mine"))
    sweep = FakeEngine().submit(KIND, sweep_spec(config, "prior.strength", ("1.0", "3.0")))

    def marks() -> list[str]:
        app = opened(PAGE, view="sweep", sweep=sweep.id)
        assert not app.exception
        return [each.value for each in app.warning if "former data" in each.value]

    assert marks() == []
    other = write_table(tmp_path / "after" / "train.csv", seed=1)
    import_table("mine", spec_of(replace(files, table=other)), title="Mine *one*", replaces=True)
    assert marks() == [
        r"This sweep is of the former data: the data or the teachers of Mine \*one\* have changed since."
    ]


def test_two_sweeps_of_one_shape_can_both_be_chosen(opened: Callable[..., AppTest], swept: SweepView) -> None:
    other = FakeEngine().submit(KIND, sweep_spec(build_config(), "prior.strength", ("0.0", "0.5", "2.0"), 2))
    app = opened(PAGE, view="sweep", sweep=swept.id)
    picker = next(box for box in app.selectbox if box.key == "set:sweep")
    assert len(set(picker.options)) == 2
    picker.set_value(other.id)
    app.run()
    assert not app.exception
    assert in_link(app, "sweep") == other.id


def test_the_launch_sweeps_the_chosen_runs_settings_and_is_found_again_by_its_link(
    opened: Callable[..., AppTest], finished: RunView, computed: list[RunConfig]
) -> None:
    app = opened(PAGE, view="sweep", run=finished.id)
    assert "Nothing is swept over yet" in app.info[0].value
    (values,) = (field for field in app.text_input if field.value == "0, 0.3, 0.9, 3, 9")
    values.set_value("2, 0.5,3.0")
    app.slider(key="view:compare:repeats").set_value(2)
    app.run()
    assert any(caption.value.startswith("6 runs, about") for caption in app.caption)
    press(app, "Sweep")
    (view,) = store.list_jobs(KIND)
    assert (view.config, view.spec.setting, view.spec.values, view.spec.seeds) == (
        finished.config,
        "prior.strength",
        ("0.5", "2.0", "3.0"),
        2,
    )
    # strength 3 with the first seed is the run itself
    assert len(computed) == 5
    assert in_link(app, "sweep") == view.id
    again = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    again.query_params.update({"view": "sweep", "sweep": view.id})
    again.run()
    again.switch_page("pages/results/compare/page.py")
    again.run()
    assert not again.exception
    assert len(again.get("plotly_chart")) == 2


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1, -2", "prior.strength: got '-2', input should be greater than or equal to 0"),
        ("1, much", "prior.strength: got 'much', input should be a valid number"),
        ("", "prior.strength: at least one value is needed"),
    ],
)
def test_a_value_that_is_none_is_one_line_and_nothing_can_be_launched(
    opened: Callable[..., AppTest], written: str, said: str
) -> None:
    app = opened(PAGE, view="sweep")
    app.text_input[0].set_value(written)
    app.run()
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith(said)
    assert next(button for button in app.button if button.label == "Sweep").disabled


def test_more_labelled_examples_than_there_are_is_one_line(opened: Callable[..., AppTest]) -> None:
    app = opened(PAGE, view="sweep", setting="data.n_labelled")
    assert app.text_input[0].value == "50, 100, 150, 200"
    app.text_input[0].set_value("50, 5000")
    app.run()
    assert app.error[0].value.startswith("data.n_labelled: got 5000, allowed for digits: at most")


def test_every_setting_offers_values_that_can_be_run(opened: Callable[..., AppTest]) -> None:
    app = opened(PAGE, view="sweep", **{"prior.rule": "softmin"})
    settings = app.selectbox(key="view:compare:setting").options
    assert len(settings) == 12
    for setting in settings:
        app.selectbox(key="view:compare:setting").select(setting)
        app.run()
        assert not app.exception
        assert not app.error, setting
        assert "," in app.text_input[0].value


def test_a_finished_sweep_shows_its_scores_the_current_setting_and_chains_that_disagree(
    opened: Callable[..., AppTest], swept: SweepView
) -> None:
    app = opened(PAGE, view="sweep", sweep=swept.id)
    assert not app.exception
    drawn = traces(app, "NLL against strength")
    mean = drawn["scatter", "Mean over seeds"]
    assert mean["y"] == pytest.approx([1.005, 0.905, 0.705])
    assert mean["marker"]["symbol"] == ["circle", "circle", "diamond-open"]
    assert len(drawn["scatter", "Each seed"]["y"]) == 6
    assert any("at 3 1.300" in warning.value for warning in app.warning)
    (frame,) = app.dataframe
    assert frame.value["Strength"].tolist() == ["0", "1", "3"]
    assert frame.value["nll"].tolist()[0] == "1.0050 ± 0.0050"
    assert frame.value["R-hat"].tolist() == ["1.010", "1.010", "1.300"]
    app.pills(key="view:compare:scores").set_value(["accuracy"])
    app.run()
    assert [chart.proto.alt.partition(".")[0] for chart in app.get("plotly_chart")] == ["Accuracy against strength"]
    assert in_link(app, "scores") == "accuracy"


def test_chains_without_an_r_hat_count_as_disagreeing(
    opened: Callable[..., AppTest], swept: SweepView, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept.rows.found[0]["student"]["r_hat"] = None
    look(swept, monkeypatch)
    app = opened(PAGE, view="sweep", sweep=swept.id)
    assert not app.exception
    assert any("at 0 none, at 3 1.300" in warning.value for warning in app.warning)
    assert app.dataframe[0].value["R-hat"].tolist() == ["none", "1.010", "1.300"]


def test_one_under_way_shows_the_points_as_they_come_and_can_be_cancelled(
    opened: Callable[..., AppTest], swept: SweepView, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = (Progress(Phase.STUDY, 2, 6, 0.4, "Sampling students"),)
    rows = Rows({part: swept.rows.found[part] for part in (0, 1, 2)}, dict.fromkeys((0, 1, 2), 3.5))
    look(replace(swept, state=State.RUNNING, progress=progress, rows=rows), monkeypatch)
    app = opened(PAGE, view="sweep", sweep=swept.id)
    assert not app.exception
    (bar,) = app.get("progress")
    assert (bar.proto.value, bar.proto.text) == (40, "2 of 6 runs done · Sampling students")
    assert traces(app, "NLL against strength")["scatter", "Mean over seeds"]["y"] == pytest.approx([1.005, 0.9])
    app.button(key="cancel-sweep").click()
    app.run()
    assert fake_engine.cancelled == [swept.id]


def test_every_control_has_help(opened: Callable[..., AppTest], swept: SweepView) -> None:
    app = opened(PAGE, view="sweep", sweep=swept.id)
    kinds = ("slider", "selectbox", "segmented_control", "button", "multiselect", "text_input", "pills")
    assert not [element.label for kind in kinds for element in getattr(app, kind) if not element.help]


def test_the_settings_own_value_may_be_left_out_and_that_is_said(opened: Callable[..., AppTest], home: object) -> None:
    config = build_config([*SMALL.items(), ("prior.strength", "0.7")])
    view = FakeEngine().submit(KIND, sweep_spec(config, "prior.strength", ("0.0", "1.0")))
    app = opened(PAGE, view="sweep", sweep=view.id)
    assert any("The current value, 0.7, has no run yet." in caption.value for caption in app.caption)


def test_its_link_shows_it_even_where_another_part_was_looked_at_before(
    opened: Callable[..., AppTest], swept: SweepView
) -> None:
    app = opened(PAGE)
    assert app.segmented_control(key="view:compare:view").value == "baselines"
    app.switch_page("pages/start/overview.py").run()
    app.query_params.update({"view": "sweep", "sweep": swept.id})
    app.switch_page("pages/results/compare/page.py").run()
    assert app.segmented_control(key="view:compare:view").value == "sweep"
    assert len(app.get("plotly_chart")) == 2
