"""A server that several people use: each lands on his own runs, and changes nothing of others'."""

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config
from mtbkd_core.catalog import adding
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView
from pages.ui import owner
from tests.app.conftest import SMALL, FakeEngine, in_link, lines, start

ADA, BEN = "ada0", "ben0"


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Says who the visitor is."""

    def be(name: str | None) -> None:
        monkeypatch.setattr(owner, "me", lambda: name)

    be(ADA)
    return be


def launched(by: str | None, seed: int) -> RunView:
    config = build_config([*SMALL.items(), ("seed", str(seed))])
    view, _ = store.enqueue(RUN, config, engine="none", by=by)
    return view


def options(app: AppTest) -> list[str]:
    return [option for box in app.selectbox if box.key == "set:run" for option in box.options]


def test_a_visitor_lands_on_a_run_of_his_own_and_sees_others_on_request(
    app: AppTest, visitor: Callable[[str | None], None]
) -> None:
    mine, _ = launched(ADA, 1), launched(BEN, 2)
    start(app)
    assert not app.exception
    assert app.session_state.run == mine.id
    assert len(options(app)) == 1
    app.toggle(key="set:others").set_value(True).run()
    assert app.session_state.run == mine.id
    assert len(options(app)) == 2


def test_a_visitor_without_runs_lands_on_nobody_elses(app: AppTest, visitor: Callable[[str | None], None]) -> None:
    theirs = launched(BEN, 2)
    start(app)
    assert not app.exception
    assert app.session_state.run is None
    app.toggle(key="set:others").set_value(True).run()
    assert app.session_state.run is None
    (picker,) = [box for box in app.selectbox if box.key == "set:run"]
    assert picker.value is None
    picker.set_value(theirs.id).run()
    assert app.session_state.run == theirs.id


def test_a_link_shows_a_run_of_another_person_and_lets_no_one_change_it(
    opened: Callable[..., AppTest], visitor: Callable[[str | None], None]
) -> None:
    theirs = launched(BEN, 2)
    app = opened("distill", run=theirs.id)
    assert not app.exception
    assert app.session_state.run == theirs.id
    assert any(theirs.id in line for line in lines(app, "caption"))
    assert not [button.label for button in app.button if button.label in ("Cancel", "Delete the run", "Go on with all")]


def test_a_run_is_deleted_and_the_next_one_is_shown(
    app: AppTest, done: Callable[[Any], RunView], visitor: Callable[[str | None], None]
) -> None:
    visitor(None)
    first = done(build_config(SMALL.items()))
    second = done(build_config([*SMALL.items(), ("seed", "1")]))
    start(app, run=second.id)
    app.button(key="delete-run").click().run()
    assert not app.exception
    assert [view.id for view in store.list_jobs(RUN)] == [first.id]
    assert app.session_state.run == in_link(app, "run") == first.id


def test_deleting_a_run_that_another_person_launched_too_leaves_it_to_them(
    app: AppTest, visitor: Callable[[str | None], None]
) -> None:
    shared = launched(ADA, 1)
    launched(BEN, 1)
    start(app)
    app.button(key="delete-run").click().run()
    assert not app.exception
    assert store.read(RUN, shared.id).owners == {BEN}
    assert app.session_state.run is None


def test_what_is_launched_belongs_to_the_visitor(
    opened: Callable[..., AppTest], fake_engine: FakeEngine, visitor: Callable[[str | None], None]
) -> None:
    app = opened("distill", **SMALL)
    next(button for button in app.button if button.label == "Distill").click().run()
    (run,) = store.list_jobs(RUN)
    assert (run.state, run.owners) == (State.DONE, {ADA})


def test_a_task_of_another_person_is_not_forgotten(visitor: Callable[[str | None], None], home: Any) -> None:
    (home / "tasks" / "theirs").mkdir(parents=True)
    adding.claim("theirs", BEN)

    def page() -> None:
        from pages.setup.own_data import tables

        tables._forget("theirs")

    AppTest.from_function(page).run()
    assert (home / "tasks" / "theirs").is_dir()


def asked(headers: dict[str, str], cookies: dict[str, str], user: dict[str, Any]) -> str | None:
    """Who asks."""

    def page(headers, cookies, user) -> None:  # type: ignore[no-untyped-def]
        from types import SimpleNamespace

        import streamlit as st

        from pages.ui import owner

        def as_context(given: dict[str, str]) -> SimpleNamespace:
            return SimpleNamespace(to_dict=lambda: given)

        st.context = SimpleNamespace(headers=as_context(headers), cookies=as_context(cookies))
        st.user = SimpleNamespace(to_dict=lambda: user)
        st.session_state.answer = owner.me()

    return AppTest.from_function(page, args=(headers, cookies, user)).run().session_state.answer


@pytest.fixture
def _context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "context", st.context)
    monkeypatch.setattr(st, "user", st.user)


@pytest.mark.usefixtures("_context")
def test_who_asks_on_this_machine_is_asked_for_nothing() -> None:
    for host in ("localhost:8501", "127.0.0.1:8501", "[::1]:8501"):
        assert asked({"Host": host}, {}, {}) is None


@pytest.mark.usefixtures("_context")
def test_behind_a_proxy_or_where_people_log_in_each_has_a_name() -> None:
    proxied = {"Host": "127.0.0.1:8501", "X-Forwarded-For": "10.0.0.7"}
    keys = [{"mtbkd-owner": letter * 43} for letter in "ab"]
    ada, ben = (asked(proxied, key, {}) for key in keys)
    assert ada is not None
    assert ben not in (None, ada)
    assert asked(proxied, keys[0], {}) == ada
    assert asked({"Host": "app.example.org"}, {}, {}) is not None
    assert asked({"Host": "localhost"}, {}, {"is_logged_in": False}) is not None
    assert asked({"Host": "localhost"}, {}, {"email": "as-streamlit-says@example.org"}) is None
    logged_in = {"is_logged_in": True, "iss": "https://id.example.org", "sub": "7"}
    assert asked({"Host": "localhost"}, keys[0], logged_in) == asked(proxied, keys[1], logged_in) != ada
