"""What the server knows of a visitor from requests alone: a key of the browser's, and whether the server is one's own.

The key is a cookie that the server sets with its one document, out of reach of scripts. This is read with the server,
so it reads none of the core's libraries.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

import streamlit as st
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

_COOKIE = "mtbkd-owner"
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
_YEAR_SECONDS = 31_536_000
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
#: Of requests that someone else passes on.
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")


def is_local(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this machine and by no proxy, to a server that listens to no other machine."""
    given = Headers(dict(headers))
    host = given.get("host", "localhost")
    name = host[1:].split("]")[0] if host.startswith("[") else host.split(":")[0]
    here = st.get_option("server.address") in _LOCAL and name.lower() in _LOCAL
    return here and not any(name in given for name in _FORWARDED)


def key_in(cookies: Mapping[str, str]) -> str | None:
    """The browser's key among its cookies; None where there is none."""
    key = cookies.get(_COOKIE, "")
    return key if _KEY.fullmatch(key) else None


def new_key() -> str:
    """A key that cannot be guessed."""
    return secrets.token_urlsafe(32)


def cookie(headers: Headers, scheme: str) -> str | None:
    """The cookie to set with the document: the browser's key, or a new one; None where one person has the server."""
    if is_local(headers):
        return None
    key = key_in(cookie_parser(headers.get("cookie", ""))) or new_key()
    secure = "; Secure" if "https" in (scheme, headers.get("x-forwarded-proto")) else ""
    return f"{_COOKIE}={key}; Path=/; Max-Age={_YEAR_SECONDS}; HttpOnly; SameSite=Lax{secure}"
