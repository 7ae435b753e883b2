"""The story of a run under way, as the server tells it to the page several times a second."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Router

from mtbkd_core import build_config
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView
from pages.shell import server
from pages.ui import live
from tests.app.conftest import SMALL

pytestmark = pytest.mark.usefixtures("fake_engine", "home")


def reports(chains: int, *steps: int) -> tuple[Progress, ...]:
    return tuple(
        Progress(Phase.SAMPLING, step, 100, step / 100, "", tuple(map(float, range(chains))), (0.5, 0.3, 0.2))
        for step in steps
    )


def told_of(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> dict[str, Any]:
    view = store.create(RUN, build_config(SMALL.items()))
    monkeypatch.setattr(store, "read", lambda kind, id: replace(view, **changes))
    return live.story(view.id)


def test_what_is_done_and_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told = told_of(monkeypatch, state=State.RUNNING, attempt=2, progress=reports(2, 10, 20), reason="the worker died")
    assert (told["ended"], told["fraction"]) == (False, 0.2)
    assert told["text"] == "Sampling the posterior: 20 of 100 (attempt 2)"
    assert told["reason"] == "The worker died."
    chains, shares = told["panels"]
    assert chains["curve"].count("<polyline") == 2
    assert 'data-points="2"' in chains["curve"]
    assert chains["caption"].endswith("show that they have.")
    assert shares["curve"].count("<polyline") == 3
    assert [name for _, name in shares["legend"]] == ["Digits 0 to 4", "Digits 5 to 9", "Even digits"]
    assert all(f'stroke="{colour}"' in shares["curve"] for colour, _ in shares["legend"])


def test_chains_that_are_not_drawn_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    chains, _ = told_of(monkeypatch, state=State.RUNNING, progress=reports(100, 10))["panels"]
    assert chains["caption"].endswith("show that they have. 64 of 100 chains are drawn.")
    assert chains["curve"].count("<polyline") == 64


@pytest.mark.parametrize(
    ("state", "said"), [(State.QUEUED, "Waiting for a free worker…"), (State.RUNNING, "Starting…")]
)
def test_what_is_waited_for(monkeypatch: pytest.MonkeyPatch, state: State, said: str) -> None:
    told = told_of(monkeypatch, state=state, reason=None)
    assert (told["text"], told["fraction"], told["reason"]) == (said, 0.0, None)


@pytest.mark.parametrize("state", [State.DONE, State.CANCELLED, State.FAILED, State.CRASHED, State.INTERRUPTED])
def test_an_ended_run_has_no_more_to_tell(monkeypatch: pytest.MonkeyPatch, state: State) -> None:
    assert told_of(monkeypatch, state=state) == {"ended": True}


def asked(path: str) -> tuple[int, Any]:
    """Status and JSON of what the server's own routes answer."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "query_string": b"", "headers": []}
    asyncio.run(Router(server.routes())(scope, receive, send))
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


def queued() -> RunView:
    return store.create(RUN, build_config(SMALL.items()))


def test_the_server_tells_it() -> None:
    view = queued()
    assert asked(f"/live-run/{view.id}") == (200, json.loads(json.dumps(live.story(view.id))))


@pytest.mark.parametrize("run", ["0" * 16, "..%2Fconfig", "nonsense"])
def test_a_run_that_is_none_has_ended(run: str, own_home: Path) -> None:
    assert asked(f"/live-run/{run}") == (200, {"ended": True})
