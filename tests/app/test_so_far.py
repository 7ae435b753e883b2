"""Results pages while a run samples: the posterior so far, marked as such, and what an ended run left."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mtbkd_core import build_config, distill
from mtbkd_core import snapshot as snapshot_module
from mtbkd_core.config.models import GOOD_PRECISION, RunConfig
from mtbkd_core.extension import More
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kept import CHAINS, SNAPSHOT
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.snapshot import Snapshot
from tests.app.conftest import SMALL, Opened, go, in_link, lines, press, show_as

PAGES = ["reliability", "influence", "uncertainty", "shifts"]


@pytest.fixture(scope="session")
def seen(every_teacher: Path) -> dict[int, Snapshot]:
    """The snapshots of a small run: of the warm start, and of some draws, by the number of draws."""
    found: dict[int, Snapshot] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTBKD_HOME", str(every_teacher))
        patch.setattr(snapshot_module, "_LEAST_SECONDS", 0.0)
        patch.setattr(snapshot_module, "_SHARE", 0)
        config = build_config({**SMALL, "sampler.draws": "6"}.items())
        distill(config, on_snapshot=lambda each: found.setdefault(each.moment.draws, each))
    return found


@pytest.fixture
def under_way(home: Path, seen: dict[int, Snapshot], monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunView]:
    """A run as every page sees it: in a state, with a snapshot of so many draws."""

    def put(draws: int | None, state: State = State.RUNNING, config: RunConfig | None = None) -> RunView:
        view = replace(store.create(RUN, config or build_config(SMALL.items())), state=state, reason=None)
        if draws is not None:
            seen[draws].save(view.folder / SNAPSHOT)
        show_as(view, RUN, monkeypatch)
        return view

    return put


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_posterior_so_far(
    page: str, opened: Opened, under_way: Callable[..., RunView], seen: dict[int, Snapshot]
) -> None:
    view = under_way(5)
    app = opened(page, run=view.id)
    assert not app.exception
    assert bool(app.get("plotly_chart")) == (page != "shifts")
    (said,) = [line for line in lines(app, "caption") if "**So far**" in line]
    assert "5 draws a chain" in said
    assert seen[5].result.metrics.student.text("nll") in said
    assert not app.warning


def test_the_warm_start_is_marked_as_such(opened: Opened, under_way: Callable[..., RunView]) -> None:
    app = opened("reliability", run=under_way(0).id)
    assert not app.exception
    assert any("warm start's ensemble, before any sampling" in line for line in lines(app, "caption"))


@pytest.mark.parametrize("page", PAGES)
def test_before_the_first_snapshot_a_page_says_that_it_comes(
    page: str, opened: Opened, under_way: Callable[..., RunView]
) -> None:
    app = opened(page, run=under_way(None).id)
    assert not app.exception
    assert any("appears here in a moment" in line for line in lines(app, "info"))


def test_a_torn_snapshot_counts_as_none(opened: Opened, under_way: Callable[..., RunView]) -> None:
    view = under_way(5)
    path = view.folder / SNAPSHOT
    path.write_bytes(path.read_bytes()[:1000])
    app = opened("reliability", run=view.id)
    assert not app.exception
    assert any("appears here in a moment" in line for line in lines(app, "info"))


@pytest.mark.parametrize("state", [State.CANCELLED, State.CRASHED, State.INTERRUPTED])
def test_a_run_that_ended_early_shows_its_last_snapshot(
    state: State, opened: Opened, under_way: Callable[..., RunView]
) -> None:
    app = opened("reliability", run=under_way(5, state).id)
    assert not app.exception
    assert app.get("plotly_chart")
    assert any("What is shown is what it had by then" in line for line in lines(app, "warning"))
    assert any("5 draws a chain" in line for line in lines(app, "caption"))


def test_a_stopped_run_that_has_draws_offers_to_go_on(opened: Opened, under_way: Callable[..., RunView]) -> None:
    view = under_way(5, State.CANCELLED)
    (view.folder / CHAINS).touch()
    app = opened("distill", run=view.id)
    assert not app.exception
    assert any(button.label == "Go on" and "chains" in button.help for button in app.button)


def test_a_newer_snapshot_is_drawn_when_the_page_is_drawn_again(
    opened: Opened, under_way: Callable[..., RunView], seen: dict[int, Snapshot]
) -> None:
    view = under_way(4)
    app = opened("reliability", run=view.id)
    seen[5].save(view.folder / SNAPSHOT)
    app.run()
    assert any("5 draws a chain" in line for line in lines(app, "caption"))


def test_the_overview_shows_what_is_under_way_so_far(opened: Opened, under_way: Callable[..., RunView]) -> None:
    under_way(5)
    app = opened("overview")
    assert not app.exception
    assert any("5 draws a chain" in line for line in lines(app, "caption"))


def test_sampling_longer_keeps_the_run_and_adds_draws(opened: Opened, finished: RunView) -> None:
    app = opened("distill", run=finished.id)
    press(app, "Sample longer")
    assert not app.exception
    assert in_link(app, "run") == finished.id
    app.run()
    assert any("There are 16 now" in (each.help or "") for each in app.number_input)
    go(app, "reliability")
    assert not app.exception


@pytest.mark.parametrize("page", ["distill", "reliability"])
def test_sampling_longer_offers_the_default_precision_with_a_time_budget(
    page: str, opened: Opened, finished: RunView, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[More] = []
    monkeypatch.setattr("pages.ui.sample_longer.extend", lambda words, id, more: asked.append(more))
    app = opened(page, run=finished.id)
    (end,) = [each for each in app.button_group if each.label == "Go on"]
    end.set_value("Until it is precise").run()
    assert next(each for each in app.number_input if each.label == "Precision").value == GOOD_PRECISION
    next(each for each in app.number_input if each.label == "Time budget, s").set_value(7).run()
    press(app, "Sample longer")
    assert not app.exception
    assert asked == [More(until=GOOD_PRECISION, seconds=7)]
