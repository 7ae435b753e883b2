"""What the server does with a request before a page sees it: the host that it names, and the browser's key."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Message
from streamlit import config

from pages.shell import server


def page(request: Request) -> Response:
    return HTMLResponse("<html><head><script>theirs()</script></head></html>")


def ask(host: str, path: str = "/", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of an answer."""
    app = Starlette(
        routes=[*server.routes(), Route("/_stcore/health", page), Route("/", page)], middleware=server.middleware()
    )
    named = {"host": host, "accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()  # the visitor stays
        raise AssertionError

    asyncio.run(app(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]).decode()


@pytest.fixture
def behind_a_proxy() -> Iterator[None]:
    before = config.get_option("server.allowedHosts")
    config.set_option("server.allowedHosts", [*before, "app.example.org"])
    yield
    config.set_option("server.allowedHosts", before)


@pytest.mark.parametrize("path", ["/", "/browser/sampler.js", "/live-run/0123456789abcdef"])
def test_a_host_that_is_not_the_servers_is_refused(path: str) -> None:
    status, _, text = ask("elsewhere.example.org", path)
    assert status == 400
    assert "server.allowedHosts" in text
    for host in ("localhost:8501", "127.0.0.1:8501", "[::1]:8501"):
        assert ask(host, path)[0] != 400


def test_a_page_runs_the_scripts_that_are_written_in_it_and_loads_nothing_from_elsewhere() -> None:
    _, headers, text = ask("127.0.0.1")
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    written = re.findall("<script>(.*?)</script>", text)
    assert len(written) == 2
    for script in written:
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in rules["script-src"]
    assert rules["default-src"] == "'self'"
    assert rules["img-src"] == "'self' data: blob:"
    assert "unsafe" not in rules["script-src"]


def test_whether_the_server_is_well_is_said_under_any_name() -> None:
    assert ask("elsewhere.example.org", "/_stcore/health")[0] == 200


def test_one_person_on_this_machine_gets_no_cookie() -> None:
    status, headers, text = ask("127.0.0.1:8501")
    assert status == 200
    assert "__streamlit" in text
    assert "set-cookie" not in headers


@pytest.mark.usefixtures("behind_a_proxy")
def test_a_browser_behind_a_proxy_gets_a_key_and_keeps_it() -> None:
    cookie = ask("app.example.org", x_forwarded_proto="https")[1]["set-cookie"]
    assert cookie.endswith("; HttpOnly; SameSite=Lax; Secure")
    key = cookie.split(";")[0]
    assert ask("app.example.org", cookie=key)[1]["set-cookie"].split(";")[0] == key
    assert ask("app.example.org")[1]["set-cookie"].split(";")[0] != key


@pytest.mark.usefixtures("behind_a_proxy")
def test_a_key_that_is_none_is_replaced() -> None:
    assert "mtbkd-owner=short;" not in ask("app.example.org", cookie="mtbkd-owner=short")[1]["set-cookie"]
