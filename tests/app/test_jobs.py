"""A job of any kind on the pages: watched, stopped, gone on with, and listed where it is under way."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config
from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.runs import naming, store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobView
from mtbkd_core.runs.kinds import run, shapley
from mtbkd_core.runs.kinds.registry import KINDS
from pages.ui import navigation
from pages.ui.jobs.kinds import SHAPLEY_STUDIES, WORDS, JobWords
from tests.app.conftest import SMALL, FakeEngine, go, in_link, lines, press, show_as, start
from tests.runs.kinds.samples import SAMPLES, former_names

#: What is shown beside the bar, by kind.
DOING = {
    "run": "Sampling the posterior: 2 of 6",
    "comparison": "Seed 2 of 6: MT-BKD",
    "sweep": "2 of 6 runs done · mt bkd",
    "Shapley study": "2 of 6 runs done · mt bkd",
    "training": "2 of 6 teachers trained · mt bkd",
    "sampler benchmark": "mt_bkd",
    "choice of the strength": "Sampling the posterior: 2 of 6",
    "coverage study": "2 of 6 settings done · mt bkd",
}


@pytest.fixture(params=WORDS, ids=lambda words: words.noun)
def words(request: pytest.FixtureRequest) -> JobWords[Any, Any]:
    return request.param


@pytest.fixture
def job(words: JobWords[Any, Any], home: object) -> JobView[Any]:
    """One that was made, and never launched."""
    return store.create(words.kind, SAMPLES[words.noun].spec())


def under_way(job: JobView[Any]) -> JobView[Any]:
    return replace(job, state=State.RUNNING, progress=(Progress(Phase.SAMPLING, 2, 6, 0.4, "mt_bkd"),))


def test_every_kind_has_words_and_a_parameter_of_its_own() -> None:
    assert {words.kind.noun for words in WORDS} == {kind.noun for kind in KINDS}
    named = [words.parameter for words in WORDS if words.parameter]
    assert len(set(named)) == len(named)
    assert not set(named) & navigation.parameters()


def test_one_under_way_is_listed_on_the_overview_with_a_link(
    app: AppTest, words: JobWords[Any, Any], job: JobView[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    show_as(under_way(job), words.kind, monkeypatch)
    app.run()
    assert not app.exception
    assert f"{words.noun.capitalize()} · {words.what(job)}" in [caption.value for caption in app.caption]
    (bar,) = app.main.get("progress")
    assert (bar.proto.value, bar.proto.text) == (40, DOING[words.noun])
    (watch,) = (link for link in app.main.get("page_link") if link.proto.label == "Watch")
    page, parameters = words.where(job)
    assert watch.proto.page.endswith(page)
    assert watch.proto.query_string == "&".join(f"{name}={value}" for name, value in parameters.items())


def shown(words: JobWords[Any, Any], job: JobView[Any]) -> AppTest:
    """A page that follows the job and does nothing else."""

    def page(words, job):  # type: ignore[no-untyped-def]  # its text alone is run
        from pages.ui.jobs import follow

        follow.follow(words, job)

    app = AppTest.from_function(page, args=(words, job), default_timeout=60)
    app.run()
    assert not app.exception
    return app


def test_one_under_way_can_be_cancelled(
    words: JobWords[Any, Any], job: JobView[Any], fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = under_way(job)
    show_as(view, words.kind, monkeypatch)
    app = shown(words, view)
    app.button(key=f"cancel-{words.noun}").click().run()
    assert fake_engine.cancelled == [job.id]


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        (State.CANCELLED, None, "was cancelled."),
        (State.FAILED, "the disk is full", "failed. The disk is full."),
        (State.CRASHED, None, "was given up after its worker stopped three times."),
        (State.INTERRUPTED, None, "was interrupted"),
    ],
)
def test_one_that_ended_early_says_why_and_can_be_started_again(
    words: JobWords[Any, Any],
    job: JobView[Any],
    fake_engine: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
    state: State,
    reason: str | None,
    said: str,
) -> None:
    submitted: list[Any] = []
    monkeypatch.setattr(FakeEngine, "submit", lambda self, kind, spec, by: submitted.append((kind, spec)) or job)
    app = shown(words, replace(job, state=state, reason=reason))
    (line,) = [*app.info, *app.error]
    assert line.value.startswith(f"This {words.noun} {said}")
    app.button(key=f"go-on-{words.noun}").click().run()
    assert submitted == [(words.kind, job.spec)]


@pytest.mark.parametrize("asked", ["nonsense", "0123456789abcdef"])
def test_a_link_to_none_is_one_line_and_the_newest_is_shown(
    opened: Callable[..., AppTest], words: JobWords[Any, Any], job: JobView[Any], asked: str
) -> None:
    if not words.parameter:
        return
    page, parameters = words.where(job)
    files = {"compare": "results/compare/page.py", "samplers": "learn/samplers.py", "coverage": "learn/coverage.py"}
    files |= {"prior": "setup/prior/page.py"}
    app = opened(files[page], **(parameters | {words.parameter: asked}))
    assert not app.exception
    assert not app.warning
    assert len([error for error in app.error if asked in error.value]) == 1
    assert in_link(app, words.parameter) == job.id


def test_a_link_from_another_page_chooses_the_run_and_the_task_in_an_open_session(app: AppTest) -> None:
    start(app)
    app.query_params["data.task"] = "synthetic"
    app.query_params["run"] = "0123456789abcdef"
    go(app, "teachers")
    assert not app.exception
    assert (app.session_state.draft.data.task, app.session_state.run) == ("synthetic", "0123456789abcdef")


def test_a_shapley_study_leads_to_a_run_of_a_former_format(home: Path) -> None:
    config = SAMPLES["Shapley study"].spec().config
    folder = store.create(run.KIND, config).folder
    raw = json.dumps(former_names(config), separators=(",", ":"))
    (folder / "config.json").write_text(raw)
    old = content_hash(raw, *naming.fingerprints(run.KIND, config))
    folder.rename(folder.with_name(old))
    study = store.create(shapley.KIND, SAMPLES["Shapley study"].spec())
    assert SHAPLEY_STUDIES.where(study)[1]["run"] == old


def test_all_jobs_of_an_engine_that_ended_go_on_by_one_button(app: AppTest, fake_engine: FakeEngine) -> None:
    left = [build_config([*SMALL.items(), ("seed", str(seed))]) for seed in range(2)]
    for config in left:
        store.create(run.KIND, config)
    start(app)
    assert any("2 jobs interrupted" in line for line in lines(app, "caption"))
    app.button(key="go-on-with-all").click().run()
    assert fake_engine.submitted == left
    assert [view.state for view in store.list_jobs(run.KIND)] == [State.DONE, State.DONE]
    assert not any("interrupted" in line for line in lines(app, "caption"))


def test_try_again_starts_an_engine_that_has_ended(app: AppTest, fake_engine: FakeEngine) -> None:
    fake_engine.problem = "engine: its scheduler has ended"
    start(app)
    press(app, "Try again")
    assert not app.exception
    assert not any("Nothing can be run" in line for line in lines(app, "caption"))
