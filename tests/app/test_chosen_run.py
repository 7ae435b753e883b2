"""The run that the pages show: picked in the sidebar, followed by the link, described in a few words."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config
from mtbkd_core.runs.kinds.run import RunView
from pages.ui import setting_words
from tests.app.conftest import SMALL, Done, Opened, go, in_link


def test_a_torn_run_does_not_hide_the_others(app: AppTest, finished: RunView, done: Done) -> None:
    other = done(build_config({**SMALL, "seed": "1"}.items()))
    (finished.folder / "config.json").write_text("{")
    app.run()
    assert not app.exception
    assert app.session_state.run == other.id
    assert any(finished.id in caption.value for caption in app.sidebar.caption)


def test_the_newest_result_is_shown_first(app: AppTest, finished: RunView, done: Done) -> None:
    newer = done(build_config({**SMALL, "seed": "1"}.items()))
    app.run()
    picker = app.sidebar.selectbox(key="set:run")
    assert picker.value == newer.id
    assert list(picker.options) == ["● done · " + setting_words.describe(view.config) for view in (newer, finished)]


def test_choosing_a_run_is_followed_by_the_link(opened: Opened, finished: RunView, done: Done) -> None:
    done(build_config({**SMALL, "seed": "1"}.items()))
    app = opened("reliability")
    app.sidebar.selectbox(key="set:run").set_value(finished.id).run()
    assert in_link(app, "run") == finished.id
    assert any(finished.id in caption.value for caption in app.main.caption)


def test_a_home_that_cannot_be_used_is_said_and_the_app_stays(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("MTBKD_HOME", str(blocked / "home"))
    for page in (
        "teachers",
        "prior",
        "distill",
        "influence",
        "method",
    ):
        app.run()
        go(app, page)
        assert not app.exception, page
        assert any("cannot be written" in caption.value for caption in app.sidebar.caption)
