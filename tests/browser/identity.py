"""An OpenID Connect provider for tests, on 127.0.0.1: whoever is named on its page has logged in."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

CLIENT, SECRET = "explorer", "a secret of the app's"
_KEY = ec.generate_private_key(ec.SECP256R1())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _text(value.to_bytes(32, "big"))


def _signed(claims: dict[str, Any]) -> str:
    """A token with claims, signed by ES256 (RFC 7515, 7518)."""
    body = ".".join(_text(json.dumps(part).encode()) for part in ({"alg": "ES256", "kid": "1"}, claims))
    r, s = decode_dss_signature(_KEY.sign(body.encode(), ec.ECDSA(SHA256())))
    return f"{body}.{_text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class _Provider(BaseHTTPRequestHandler):
    """Discovery, keys, a page of names, tokens, and the end of a session."""

    codes: dict[str, dict[str, str]]

    @property
    def _url(self) -> str:
        host, port = self.server.server_address[:2]
        return f"http://{host!s}:{port}"

    def _answer(self, content: str, kind: str = "application/json", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content.encode())

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        asked = dict(parse_qsl(at.query))
        if at.path == "/.well-known/openid-configuration":
            parts = {
                "authorization_endpoint": "authorize",
                "token_endpoint": "token",
                "jwks_uri": "keys",
                "end_session_endpoint": "end",
            }
            about = {name: f"{self._url}/{part}" for name, part in parts.items()}
            about["issuer"] = self._url
            lists = {"id_token_signing_alg_values_supported": ["ES256"], "code_challenge_methods_supported": ["S256"]}
            self._answer(json.dumps(about | lists))
        elif at.path == "/keys":
            public = _KEY.public_key().public_numbers()
            key = {
                "kty": "EC",
                "crv": "P-256",
                "kid": "1",
                "alg": "ES256",
                "x": _number(public.x),
                "y": _number(public.y),
            }
            self._answer(json.dumps({"keys": [key]}))
        elif at.path == "/authorize" and "as" not in asked:
            links = (f'<a href="?{urlencode({**asked, "as": name})}">{name}</a>' for name in ("ada", "ben"))
            self._answer(
                f"<!doctype html><title>Who?</title><link rel=icon href=data:,>{' '.join(links)}".replace("&", "&amp;"),
                "text/html",
            )
        elif at.path == "/authorize":
            code = secrets.token_urlsafe()
            self.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"]})
            self._answer("", status=302, Location=f"{asked['redirect_uri']}?{back}")
        elif at.path == "/end":
            self._answer("", status=302, Location=asked["post_logout_redirect_uri"])
        else:
            self._answer("", status=404)

    def do_POST(self) -> None:
        given = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        asked = self.codes.pop(given["code"])
        now = int(time.time())
        claims = {"iss": self._url, "aud": CLIENT, "iat": now, "exp": now + 600, "nonce": asked["nonce"]}
        claims |= {"sub": asked["as"], "email": f"{asked['as']}@example.org"}
        token = {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 600}
        self._answer(json.dumps(token | {"id_token": _signed(claims)}))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def provide() -> Iterator[str]:
    """A running provider's address."""
    handler = type("Provider", (_Provider,), {"codes": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def settings(provider: str, app: str) -> str:
    """The app's secrets.toml."""
    return (
        f'[auth]\nredirect_uri = "{app}/oauth2callback"\ncookie_secret = "{secrets.token_hex()}"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
        f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n'
    )
