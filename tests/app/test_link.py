"""The address bar holds what is on the screen, and nonsense in it ends in one line."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config, default_config, load_task
from mtbkd_core.catalog import registry
from mtbkd_core.catalog.adding import forget
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.tasks.fashion import FASHION, FILES
from pages.ui import task_words
from tests.app.conftest import SMALL, FakeEngine, Opened, go, in_link, lines, new_app, open_page, start
from tests.imports.files import SIZES, write_images


def test_a_link_brings_its_settings(opened: Opened) -> None:
    app = opened("prior", **{"prior.strength": "0.5", "prior.rule": "softmin", "example": "17"})
    assert app.session_state.draft == build_config({"prior.strength": 0.5, "prior.rule": "softmin"}.items())
    assert app.slider(key="set:prior.strength").value == 0.5
    assert app.number_input(key="set:example").value == 17
    assert not app.warning


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("prior.strength", "strong", "prior.strength"),
        ("prior.temperature", "0", "prior.temperature"),
        ("prior.concentration", "nan", "prior.concentration"),
        ("prior.base_weights", "0,0,0", "base_weights"),
        ("prior.base_weights", "1,-1,1", "base_weights"),
        ("task", "knitting", "knitting"),
        ("teachers", "socrates", "socrates"),
        ("teachers", "", "teachers"),
        ("colour", "blue", "colour"),
        ("example", "first", "example"),
        ("example", "-5", "example: -5 is below 0"),
    ],
)
def test_nonsense_in_a_link_is_one_line_and_the_default_draft(app: AppTest, name: str, value: str, said: str) -> None:
    start(app, **{name: value})
    assert not app.exception
    (warning,) = app.warning
    assert said in warning.value
    assert "\n" not in warning.value
    assert app.session_state.draft == build_config()
    assert name not in app.query_params
    app.run()
    assert not app.warning


def test_settings_that_do_not_go_together_leave_the_task_of_the_link(app: AppTest) -> None:
    start(app, **{"task": "synthetic", "sampler.algorithm": "mclmc", "sampler.batch_size": "10"})
    assert not app.exception
    (warning,) = app.warning
    assert "sampler.batch_size: got 10, but mclmc needs all examples" in warning.value
    assert "the task's default settings are shown instead" in warning.value
    assert app.session_state.draft == default_config("synthetic")
    assert in_link(app, "data.task") == "synthetic"


@pytest.mark.parametrize("page", ["teachers", "prior"])
def test_a_task_whose_data_is_missing_is_kept_and_the_page_says_how_to_get_it(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.delenv("MTBKD_FASHION_FOLDER", raising=False)
    monkeypatch.setitem(registry._BUILT_IN, "fashion", replace(FASHION, files=replace(FILES, installed=None)))
    app = opened(page, task="fashion")
    assert not app.exception
    assert app.session_state.draft.data.task == "fashion"
    assert "link_warning" not in app.session_state or not app.session_state.link_warning
    said = [element.value for element in (*app.warning, *app.error)]
    assert any("python -m mtbkd_core fetch fashion" in line for line in said), said


def test_what_is_right_in_a_half_wrong_link_is_kept(app: AppTest, finished: RunView) -> None:
    start(app, **{"prior.strength": "much", "run": finished.id, "example": "5"})
    assert (app.session_state.run, app.session_state.example) == (finished.id, 5)


def test_the_link_survives_a_change_of_page(opened: Opened) -> None:
    app = opened("prior")
    app.slider(key="set:prior.strength").set_value(0.25).run()
    go(app, "method")
    assert in_link(app, "prior.strength") == "0.25"
    go(app, "prior")
    assert app.slider(key="set:prior.strength").value == 0.25


def test_the_chosen_example_is_shown_on_the_next_page(opened: Opened, finished: RunView) -> None:
    app = opened("uncertainty", run=finished.id, example="87")
    for page in ("prior", "influence"):
        go(app, page)
        assert app.number_input(key="set:example").value == 87


def test_a_setting_at_its_default_is_not_in_the_link(opened: Opened) -> None:
    app = opened("prior", **{"prior.strength": "0.25"})
    app.slider(key="set:prior.strength").set_value(build_config().prior.strength).run()
    assert "prior.strength" not in app.query_params


@pytest.mark.parametrize("run", ["0123456789abcdef", "../../etc/passwd", "○ done"])
def test_a_run_that_is_not_there_is_one_line(opened: Opened, run: str) -> None:
    app = opened("reliability", run=run)
    assert not app.exception
    assert len(app.error) == 1
    assert "no such run" in app.error[0].value or "not a run's name" in app.error[0].value


def test_an_example_beyond_the_end_is_said(opened: Opened) -> None:
    app = opened("prior", example="100000")
    assert "does not exist" in app.warning[0].value
    assert app.session_state.example == 599


def test_a_value_beyond_a_sliders_end_is_kept(opened: Opened) -> None:
    app = opened("prior", **{"prior.concentration": "250"})
    assert app.slider(key="set:prior.concentration").value == 250
    assert app.session_state.draft.prior.concentration == 250


@pytest.mark.parametrize(
    ("name", "low", "high", "more"),
    [
        ("student.weight_scale", 0.001, 2.5, {}),
        ("sampler.friction", 0.001, 2.5, {"sampler.algorithm": "baoab"}),
    ],
)
def test_a_number_below_its_fields_limit_is_shown_as_it_runs(
    opened: Opened, name: str, low: float, high: float, more: dict[str, str]
) -> None:
    app = opened("distill", **{name: str(low)}, **more)
    field = app.number_input(key=f"set:{name}")
    assert field.value == low
    assert field.min <= low
    assert field.proto.format == "%g"  # a fixed number of decimals would round it away
    field.set_value(high).run()
    assert app.number_input(key=f"set:{name}").value == high
    assert float(in_link(app, name) or "nan") == high


def test_a_link_holds_what_a_page_shows(opened: Opened, finished: RunView) -> None:
    app = opened("reliability", shown="warm_start,teachers_mean", **{"class": "3"})
    assert app.pills(key="view:reliability:shown").value == ["warm_start", "teachers_mean"]
    assert app.selectbox(key="view:reliability:class").value == "3"
    app.pills(key="view:reliability:shown").set_value(["student"]).run()
    assert app.query_params["shown"] in ("student", ["student"])
    app.pills(key="view:reliability:shown").set_value(["student", "teachers_weighted"]).run()
    assert "shown" not in app.query_params
    assert not app.exception


def test_nonsense_about_a_view_is_said_and_dropped(opened: Opened, finished: RunView) -> None:
    app = opened("uncertainty", interval="wide")
    said = "interval: the link has 'wide', which is none of the choices."
    assert said in [warning.value for warning in app.warning]
    assert app.segmented_control(key="view:uncertainty:interval").value == "eti"
    assert "interval" not in app.query_params
    assert said not in [warning.value for warning in app.run().warning]


def test_what_one_page_shows_is_not_taken_by_the_next(opened: Opened, finished: RunView) -> None:
    app = opened("teachers")
    app.segmented_control(key="view:teachers:shown").set_value("disputed").run()
    del app.query_params["shown"]  # as the browser does when the page changes
    go(app, "reliability")
    assert app.pills(key="view:reliability:shown").value == ["student", "teachers_weighted"]
    assert not app.exception


def test_a_draft_that_is_refused_leaves_no_hint(app: AppTest) -> None:
    start(app, **{"task": "proteins", "n_train": "3000", "teachers": "socrates"})
    assert "the task's default settings are shown instead" in app.warning[0].value
    assert not [info.value for info in app.info if "are left to be used" in info.value]


def test_a_former_name_of_a_setting_is_read_and_its_new_name_is_shown_once(opened: Opened) -> None:
    app = opened("teachers", n_train="40", split_seed="2")
    assert (app.session_state.draft.data.n_labelled, app.session_state.draft.data.split_seed) == (40, 2)
    assert (in_link(app, "data.n_labelled"), in_link(app, "n_train")) == ("40", None)
    app = start(new_app(), n_train="40")
    assert lines(app, "info")[0] == "n_train is now called data.n_labelled."
    assert "n_train is now called data.n_labelled." not in lines(app.run(), "info")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("sharpness", "prior.softmin_temperature"),
        ("concentration", "prior.concentration"),
        ("base_weights:1", "prior.base_weights:1"),
        ("prior.temperature", "prior.temperature"),
    ],
)
def test_a_former_link_to_the_effect_of_a_setting_shows_the_same(opened: Opened, given: str, shown: str) -> None:
    app = opened("prior", effect=given, **{"prior.rule": "softmin"})
    assert app.selectbox(key="view:prior:effect").value == shown
    assert not app.warning


def test_a_former_link_to_a_part_of_the_page_compare_shows_the_same(opened: Opened) -> None:
    app = opened("compare", view="rivals")
    assert app.segmented_control(key="view:compare:view").value == "baselines"
    app = open_page(new_app(), "compare", view="sweep", setting="n_train")
    assert app.selectbox(key="view:compare:setting").value == "data.n_labelled"
    assert not app.warning


def test_an_example_of_too_many_digits_is_refused_in_plain_words(app: AppTest) -> None:
    start(app, example="5" * 5_000)
    (warning,) = app.warning
    assert f"example: got '{'5' * 60}', a whole number is needed" in warning.value


@pytest.mark.parametrize("page", ["teachers", "prior", "distill"])
def test_a_task_that_is_forgotten_elsewhere_gives_way_to_the_default_one(
    opened: Opened, tmp_path: Path, page: str
) -> None:
    import_images("drawn", write_images(tmp_path / "set"), sizes=SIZES, epochs=1)
    load_task("drawn")
    app = opened(page, task="drawn")
    assert not app.exception
    assert app.session_state.draft.data.task == "drawn"
    forget("drawn")
    app.run()
    assert not app.exception
    assert [error.value for error in app.error] == ["The task drawn no longer exists; digits is shown instead."]
    assert app.session_state.draft == build_config()
    app.run()
    assert not app.error


@pytest.mark.parametrize("page", ["reliability", "influence", "uncertainty", "shifts"])
def test_results_of_a_forgotten_task_are_one_line(
    opened: Opened, fake_engine: FakeEngine, tmp_path: Path, page: str
) -> None:
    import_images("drawn", write_images(tmp_path / "set"), sizes=SIZES, epochs=1)
    own = [("teachers", "generalist"), ("student.kind", "linear")]
    run = fake_engine.distill(build_config([*SMALL.items(), *own], base=default_config("drawn")))
    forget("drawn")
    app = opened(page, run=run.id)
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("task: got 'drawn', allowed: digits, ")
    assert task_words.titles_by_name(run.config) == {"generalist": "generalist"}


def test_what_is_pressed_for_a_forgotten_task_is_no_exception(opened: Opened, tmp_path: Path) -> None:
    import_images("drawn", write_images(tmp_path / "set"), sizes=SIZES, epochs=1)
    load_task("drawn")
    app = opened("prior", task="drawn")
    (preset,) = [control for control in app.button_group if control.label == "Preset"]
    assert "not tuned on its data" in preset.help
    forget("drawn")
    preset.set_value("paper").run()
    assert not app.exception
    assert app.session_state.draft.data.task == "digits"
