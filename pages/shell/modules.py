"""What the server gives to browsers beside the pages: the playground's modules, and the playground as one file."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from pages.ui.navigation import MODULES, OFFLINE_FILE

_KINDS = {".js": "text/javascript", ".css": "text/css"}
#: Asked for anew after an update, and not fetched again while it is the same.
_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def routes() -> list[Route]:
    """The answers to requests for modules."""
    return [Route(f"/{MODULES}/{OFFLINE_FILE}", _offline), Route(f"/{MODULES}/{{name}}", _module)]


def _module(request: Request) -> Response:
    from mtbkd_core.browser import module_file

    path = module_file(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    return FileResponse(path, media_type=_KINDS[path.suffix], headers=_HEADERS)


def _offline(request: Request) -> Response:
    # Imported here: the libraries take longer than the server, which begins beside them.
    from mtbkd_core.browser.offline import document

    return Response(document(), media_type="text/html", headers=_HEADERS)
