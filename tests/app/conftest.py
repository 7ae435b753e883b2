"""The app's pages without a browser, and an engine that computes where it stands."""

import base64
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mtbkd_core import RunConfig, UserError, build_config
from mtbkd_core.runs import examples, store
from mtbkd_core.runs.engine_info import EngineInfo
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, JobView, S, V
from mtbkd_core.runs.kinds.registry import KINDS
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView, run_id
from pages.results.compare import baseline_results
from pages.ui import engine, navigation
from tests.conftest import load_once

ROOT = Path(__file__).parents[2]
SMALL = {
    "sampler.chains": "4",
    "sampler.draws": "8",
    "sampler.thinning": "1",
    "sampler.warm_start_steps": "20",
    "sampler.burn_in": "5",
    "device": "cpu",
}

Opened = Callable[..., AppTest]
Done = Callable[[RunConfig], RunView]


@dataclass
class FakeEngine:
    """Computes what it is given before it answers; `problem` makes it refuse."""

    problem: str | None = None
    submitted: list[Any] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def info(self) -> EngineInfo:
        states = [job.state for kind in KINDS for job in store.list_jobs(kind)]
        return EngineInfo(None, 1, 0, 1, 0, 0, states.count(State.INTERRUPTED), False, self.problem)

    def start(self) -> "FakeEngine":
        self.problem = None
        return self

    def submit(self, kind: JobKind[S, V], spec: S, *, by: str | None = None) -> V:
        if self.problem:
            raise UserError(self.problem)
        self.submitted.append(spec)
        view, _ = store.enqueue(kind, spec, engine="none", by=by)
        execute(str(view.folder))
        return store.read(kind, view.id)

    def distill(self, config: RunConfig) -> RunView:
        """The run of a configuration, done."""
        return self.submit(RUN, config)

    def extend(self, kind: JobKind[S, V], id: str, more: Any, *, by: str | None = None) -> V:
        self.submitted.append(more)
        view, _ = store.enqueue_more(kind, id, more, engine="none", by=by)
        execute(str(view.folder))
        return store.read(kind, view.id)

    def cancel(self, kind: JobKind[S, V], id: str, *, by: str | None = None) -> None:
        self.cancelled.append(id)


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(engine, "_engine", lambda: fake)
    return fake


@pytest.fixture(scope="session")
def every_teacher(session_home: Path) -> Path:
    """The session's home folder, with all teachers of the digits trained."""
    load_once(session_home, "digits")
    return session_home


@pytest.fixture
def home(every_teacher: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without runs, where the teachers lie trained."""
    (own_home / "teachers").symlink_to(every_teacher / "teachers")
    return own_home


@pytest.fixture(autouse=True)
def _no_leftovers() -> Iterator[None]:
    yield
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def _no_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pages without a run say so: what comes with the program is tested in test_examples.py."""
    monkeypatch.setattr(examples, "FOLDER", tmp_path / "no-examples")
    monkeypatch.setattr(baseline_results, "shipped_comparisons", dict)


@pytest.fixture
def app(fake_engine: FakeEngine, home: Path) -> AppTest:
    """The app on its first page, not opened yet."""
    return new_app()


def new_app() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


@pytest.fixture
def opened(app: AppTest) -> Callable[..., AppTest]:
    """Open a page by a link: `opened("prior", **{"prior.strength": "0.5"})`."""
    return partial(open_page, app)


def open_page(app: AppTest, page: str, **link: str) -> AppTest:
    """The app, after its first page and then this one, by name or file, have run to their ends."""
    return go(start(app, **link), page)


def start(app: AppTest, **link: str) -> AppTest:
    """The app, after its first page was opened by a link."""
    for name, value in link.items():
        app.query_params[name] = value
    return app.run()


def go(app: AppTest, page: str) -> AppTest:
    """The app, after it went on to another page."""
    file = navigation.file(page) if page in navigation.names() else page
    return app.switch_page(f"pages/{file}").run()


def press(app: AppTest, label: str) -> AppTest:
    """The app, after the button with that label was pressed."""
    return next(button for button in app.button if button.label == label).click().run()


def lines(app: AppTest, *kinds: str) -> list[str]:
    """The texts of the elements of some kinds, without the entries of the glossary that terms show on hover."""
    return [re.sub("</?abbr[^>]*>", "", element.value) for kind in kinds for element in getattr(app, kind)]


def refused(app: AppTest, before: RunConfig) -> str:
    """The one line of a refused change; the draft is what it was."""
    assert not app.exception
    (error,) = app.error
    assert app.session_state.draft == before
    assert "\n" not in error.value
    return error.value


def without_help(app: AppTest) -> list[str]:
    """The labels of the controls that have no help."""
    kinds = ("slider", "number_input", "text_input", "selectbox", "segmented_control", "pills", "toggle", "button")
    return [element.label for kind in kinds for element in getattr(app, kind) if not element.help]


def undownloadable(app: AppTest) -> set[str]:
    """The charts whose data cannot be downloaded."""
    offered = {button.key.removeprefix("csv:") for button in app.get("download_button") if button.key}
    return {chart.key.removeprefix("chart:") for chart in app.get("plotly_chart")} - offered


@pytest.fixture(scope="session")
def shelf(every_teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[RunConfig], Path]:
    """The folder of a run that is done; each is computed once a session."""
    folder = tmp_path_factory.mktemp("shelf")

    def fetch(config: RunConfig) -> Path:
        kept = folder / run_id(config)
        if not kept.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("MTBKD_HOME", str(every_teacher))
                shutil.move(FakeEngine().distill(config).folder, kept)
        return kept

    return fetch


@pytest.fixture
def done(shelf: Callable[[RunConfig], Path], home: Path) -> Callable[[RunConfig], RunView]:
    """Put a run that is done into the test's own home folder."""

    def put(config: RunConfig) -> RunView:
        kept = shelf(config)
        shutil.copytree(kept, home / "runs" / kept.name)
        return store.read(RUN, kept.name)

    return put


@pytest.fixture
def finished(done: Callable[[RunConfig], RunView]) -> RunView:
    """A small run that is done."""
    return done(build_config(SMALL.items()))


def in_link(app: AppTest, name: str) -> str | None:
    """What the address bar holds under a name."""
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def traces(app: AppTest, title: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What the page sends to draw a chart: its traces by kind and name, with arrays of numbers as lists."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict) and "bdata" in value:
            numbers = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
            shape = str(value.get("shape", len(numbers))).split(",")
            return numbers.reshape([int(size) for size in shape]).tolist()
        return {name: plain(part) for name, part in value.items()} if isinstance(value, dict) else value

    (chart,) = [chart for chart in app.get("plotly_chart") if chart.proto.alt.startswith(f"{title}. ")]
    return {(trace["type"], trace.get("name", "")): plain(trace) for trace in json.loads(chart.proto.spec)["data"]}


def show_as(view: JobView[Any], kind: JobKind[Any, Any], patch: pytest.MonkeyPatch) -> None:
    """Let every page see one job of a kind as `view`."""
    read, find, list_jobs = store.read, store.find, store.list_jobs
    patch.setattr(store, "read", lambda of, id: view if of is kind else read(of, id))
    patch.setattr(store, "find", lambda of, spec: view if of is kind else find(of, spec))
    patch.setattr(store, "list_jobs", lambda of, *problems: [view] if of is kind else list_jobs(of, *problems))
