"""The server around the pages: the engine lives as long as it does, and a shared link opens without detours."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from pages.shell import modules
from pages.ui import navigation, visitor

_HEALTH = "/_stcore/health"
#: What a page may load: this server's own files, and what its scripts make, as Streamlit does with a component's code.
_POLICY = (
    "default-src 'self'; script-src 'self' blob:{hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; worker-src 'self' blob:; "
    "frame-src 'self' blob:; object-src 'none'; base-uri 'self'"
)
#: The script that is run for each visitor.
SHELL = str(Path(__file__).resolve().parents[1] / "shell" / "main.py")


def is_script_run() -> bool:
    """Whether the caller is run as a visitor's script, not loaded by a server."""
    return get_script_run_ctx(suppress_warning=True) is not None


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Start the engine and read the libraries with the server, in the background, and stop the engine with it."""
    starting = asyncio.create_task(asyncio.to_thread(_start_engine))
    try:
        yield
    finally:
        await starting
        _stop_engine()


def _start_engine() -> None:
    # Imported here: the libraries take longer than the server and the browser, which begin beside it.
    from pages.ui import engine

    engine.begin()
    engine.load_the_rest()


def _stop_engine() -> None:
    from pages.ui import engine

    engine.end()


def _policy(document: bytes) -> bytes:
    """The content security policy of a document; its own scripts are named by their hashes."""
    scripts = re.findall(rb"<script>(.*?)</script>", document, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts)
    return _POLICY.format(hashes="".join(f" 'sha256-{digest}'" for digest in digests)).encode()


class ServerAddress:
    """Writes the server's root into the document that the browser loads, with what it may load; gives it its key.

    Opened by a link to a page, Streamlit looks for its server below that page first, is refused twice, and only then
    looks where it is. `window.__streamlit` says where: the present address, less a page's name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._script = (
            "<script>(() => {"
            f"const pages = {json.dumps(navigation.names())};"
            "const parts = window.location.pathname.replace(/\\/+$/, '').split('/');"
            "if (pages.includes(parts[parts.length - 1])) parts.pop();"
            "const root = window.location.origin + parts.join('/') + '/';"
            "window.__streamlit = {BACKEND_BASE_URL: root, MAIN_PAGE_BASE_URL: root};"
            "})()</script>"
        ).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the script to the one HTML document that the server sends; all else passes as it is."""
        if scope["type"] != "http" or b"text/html" not in dict(scope["headers"]).get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        # Asked for as it is, not compressed: the document is small, and has to be read here.
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        scope = {**scope, "headers": headers}
        begin: Message | None = None
        body = b""

        async def pass_on(message: Message) -> None:
            nonlocal begin, body
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                plain = b"content-encoding" not in headers and message["status"] == 200
                if plain and headers.get(b"content-type", b"").startswith(b"text/html"):
                    begin = message
                    return
            elif message["type"] == "http.response.body" and begin is not None:
                body += message.get("body", b"")
                if message.get("more_body"):
                    return
                body = body.replace(b"<head>", b"<head>" + self._script, 1)
                kept = [(name, value) for name, value in begin["headers"] if name not in (b"content-length", b"etag")]
                kept.append((b"content-length", str(len(body)).encode()))
                kept.append((b"content-security-policy", _policy(body)))
                if key := visitor.cookie(Headers(scope=scope), scope["scheme"]):
                    kept.append((b"set-cookie", key.encode()))
                await send({**begin, "headers": kept})
                await send({"type": "http.response.body", "body": body})
                return
            await send(message)

        await self._app(scope, receive, pass_on)


class AllowedHosts:
    """Refuses requests that name another host than `server.allowedHosts` has, as Streamlit does on its websocket.

    A page elsewhere can have its own name point to this machine; a browser then asks here under that name. Whether the
    server is well may be asked under any.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        asked = scope["type"] == "http" and not scope["path"].endswith(_HEALTH)
        if asked and not is_host_allowed(Headers(scope=scope).get("host")):
            refusal = "This host is not one of server.allowedHosts, see docs/deploying.md.\n"
            await PlainTextResponse(refusal, status_code=400)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def routes() -> list[Route]:
    """What the server answers beside Streamlit's pages."""
    return [Route(f"/{navigation.LIVE_RUN}/{{run}}", _live_run), *modules.routes()]


def _live_run(request: Request) -> Response:
    """How far a run is: see `pages/ui/live.py`."""
    from pages.ui import live  # here, as the engine above

    return JSONResponse(live.story(request.path_params["run"]))


def middleware() -> list[Middleware]:
    """What requests pass through before Streamlit."""
    return [Middleware(AllowedHosts), Middleware(ServerAddress)]
