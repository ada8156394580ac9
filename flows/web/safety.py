"""Which requests are answered: hosts, origins, passwords, and what a browser may load.

A page of another site can send requests to this machine from the user's browser (cross-site posts),
or name this machine by its own host (DNS rebinding): both are refused.
"""

import base64
import binascii
import hmac
import secrets
import socket
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.web.bodies import bounded
from flows.web.state import state_of
from genre_core.locations import printable

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})
SAFE_METHODS = ("GET", "HEAD")
LONGEST_NAME = 100
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Guard:
    """Middleware: refuses foreign hosts and origins, asks for the password, sets the policy."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...] = LOOPBACK, secret: str = "") -> None:
        self.app, self._hosts, self._secret = app, hosts, secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce
        sending = _with_headers(send, nonce)
        refusal = self._refuse(scope)
        await (refusal or self.app)(scope, bounded(scope, receive), sending)

    def _refuse(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own(hostname(host)):
            return PlainTextResponse("This host name is not one of this server.\n", 421)
        if scope["method"] not in SAFE_METHODS and not is_own_origin(headers):
            return PlainTextResponse("The request comes from a page of another site.\n", 403)
        if self._secret and not holds_secret(headers, self._secret):
            challenge = {"WWW-Authenticate": 'Basic realm="genreflow", charset="UTF-8"'}
            return PlainTextResponse("A password is needed: that of this server.\n", 401, challenge)
        return None

    def _is_own(self, name: str) -> bool:
        """Whether a name is one of this server.

        On all addresses, each of them and the name of the machine are: a page that rebinds comes
        under a name of its own.
        """
        if name in self._hosts or EVERY_ADDRESS.isdisjoint(self._hosts):
            return name in self._hosts
        machine = socket.gethostname().lower()
        return is_address(name) or name in (machine, f"{machine}.local")


def is_address(name: str) -> bool:
    """Whether the name of a host is an address of IPv4 or IPv6."""
    with suppress(ValueError):
        return bool(ip_address(name))
    return False


def hostname(host: str) -> str:
    """Return the name in a Host header, without its port; empty if it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_own_origin(headers: Headers) -> bool:
    """Whether a request comes from a page of this server, or from no browser."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    with suppress(ValueError):
        return urlsplit(origin).netloc == headers.get("host", "")
    return False


def holds_secret(headers: Headers, secret: str) -> bool:
    """Whether a request gives the password: as that of HTTP Basic, or as bearer token."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return hmac.compare_digest(given.strip().encode("latin-1"), secret.encode())
    return hmac.compare_digest(read_pair(headers)[1], secret.encode())


def read_pair(headers: Headers) -> tuple[str, bytes]:
    """Return name and password of HTTP Basic; empty if there is none."""
    given = headers.get("authorization", "").partition(" ")[2]
    try:
        name, _, password = base64.b64decode(given, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return "", b""
    return name.decode("utf-8", "replace"), password


def actor_of(request: Request) -> str:
    """Return who sends a request: the user name beside the password, else who runs the server.

    Whoever gives a password without a name is unknown.
    """
    from tasks.nightly import login

    if not state_of(request).secret:
        return login()
    name = read_pair(request.headers)[0]
    return printable(name)[:LONGEST_NAME].strip() or "unknown"


def _with_headers(send: Send, nonce: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = POLICY.format(nonce=nonce)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "same-origin"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            # files of the page are asked for again, and come only if they changed
            headers.setdefault("Cache-Control", "no-cache" if "etag" in headers else "no-store")
        await send(message)

    return sending
