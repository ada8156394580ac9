"""Ask for an address, hop by hop: every target is checked, and the address checked is the one used.

All use of httpx's connections is here. Names are resolved once a hop; the connection goes to an
address that was checked, so that a name that changes its address in between gains nothing. Through
a proxy (``HTTP_PROXY`` and its like) the proxy resolves the names, and only addresses written as
numbers are checked.
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from functools import cache
from threading import Timer
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason
from storage.fetch.addresses import (
    require_public,
    require_scheme,
    resolve_host,
    show_location,
    written_addresses,
)
from storage.fetch.limits import Clock, DownloadLimits

_REFUSALS = {
    401: Reason.FORBIDDEN,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    410: Reason.NOT_FOUND,
    451: Reason.FORBIDDEN,
}
_DELAYS = {
    408: Reason.TIMED_OUT,
    425: Reason.UNREACHABLE,
    429: Reason.UNREACHABLE,
    504: Reason.TIMED_OUT,
}
_MALFORMED = (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, OverflowError)
_CUT = (httpx.ReadError, httpx.RemoteProtocolError, httpx.DecodingError)


def reason_of(status: int) -> Reason:
    """Give what a status other than success means for a song."""
    return _DELAYS.get(status) or _REFUSALS.get(status) or Reason.UNREACHABLE


def is_delay(status: int) -> bool:
    """Tell whether a server with this status may have the song later."""
    return status in _DELAYS or status >= 500


class Delayed(TransientError):
    """The server is busy: ``Delayed(reason, sentence, wait_s)``."""

    @property
    def wait_s(self) -> float:
        """How long the server asks to wait."""
        return float(self.args[2])


def require_success(response: httpx.Response, location: str, clock: Clock) -> None:
    """Let an answer with a body pass.

    Raises
    ------
    Delayed
        If the server is busy or broken.
    TrackRejected
        If it refuses.
    """
    if response.is_success:
        return
    status, shown = response.status_code, show_location(location)
    if is_delay(status):
        wait_s = read_retry_after(response.headers.get("retry-after", ""), clock.today_s())
        raise Delayed(reason_of(status), f"{shown} answers {status}. Try again later.", wait_s)
    message = f"{shown} answers {status}. Check the address and its rights."
    raise TrackRejected(reason_of(status), message)


def read_retry_after(text: str, today_s: float) -> float:
    """Give the seconds that a ``Retry-After`` asks to wait; 0 if it says nothing.

    Parameters
    ----------
    text : str
        Seconds, or a date.
    today_s : float
        Seconds since 1970.
    """
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - today_s)
    except (ValueError, OverflowError):
        return 0.0


@contextmanager
def explain_failures(location: str) -> Iterator[None]:
    """Turn the failures of a connection into outcomes; their own words may tell credentials.

    Raises
    ------
    TrackRejected
        If the address can never be fetched.
    TransientError
        ``timed_out``, ``truncated`` (the answer broke off) or ``unreachable``.
    """
    shown = show_location(location)
    try:
        yield
    except _MALFORMED as error:
        message = f"{shown} is no address that can be fetched. Correct it."
        raise TrackRejected(Reason.UNREACHABLE, message) from error
    except httpx.TimeoutException as error:
        message = f"{shown} does not answer in time. Try again, or raise limits.timeout_s."
        raise TransientError(Reason.TIMED_OUT, message) from error
    except _CUT as error:
        message = f"{shown} breaks off ({type(error).__name__}). Try again."
        raise TransientError(Reason.TRUNCATED, message) from error
    except httpx.HTTPError as error:
        message = f"{shown} cannot be reached now ({type(error).__name__}). Try again."
        raise TransientError(Reason.UNREACHABLE, message) from error


@contextmanager
def limit_head(request: httpx.Request, limit_s: float) -> Iterator[None]:
    """Cut the connection of a request if the block, which reads the head, takes too long.

    Raises
    ------
    httpx.ReadTimeout
        After ``limit_s``.
    """
    cut = _Cut()
    request.extensions = {**request.extensions, "trace": cut.watch}
    timer = Timer(limit_s, cut.fire)
    timer.daemon = True
    timer.start()
    try:
        yield
    except httpx.TransportError as error:
        if cut.is_fired:
            raise httpx.ReadTimeout("the head takes too long") from error
        raise
    finally:
        timer.cancel()


class _Cut:
    """Knows the connection of a request, and cuts it."""

    def __init__(self) -> None:
        self.is_fired = False
        self._connection: socket.socket | None = None

    def watch(self, event: str, facts: Mapping[str, Any]) -> None:
        """Take note of the connection; called at every step of the request."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._connection = facts["return_value"].get_extra_info("socket")

    def fire(self) -> None:
        """Cut the connection under TLS, too: its reader wakes up with an error."""
        self.is_fired = True
        if self._connection is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._connection, socket.SHUT_RDWR)


_NAMED = "named_by_user"
_SHOWN = "shown_location"
# a connection is bound to the host it was opened for, and two hosts may share an address
_UNSHARED = httpx.Limits(max_keepalive_connections=0)


class CheckedTransport(httpx.BaseTransport):
    """Connects to addresses that were checked; remembers those that the user named."""

    def __init__(self, limits: DownloadLimits) -> None:
        self._limits = limits
        self._named: list[str] = []
        self._transports: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request: to the proxy of the environment, or to the addresses of the host."""
        host = request.url.raw_host.decode("ascii")
        proxy = _proxy_of(request.url.scheme, host)
        addresses = written_addresses(host) if proxy else _look_up(host)
        if request.extensions[_NAMED] and self._limits.trust_named:
            self._named = addresses
        elif not self._limits.allow_private:
            require_public(request.extensions[_SHOWN], host, addresses, self._named)
        transport = self._open_transport(proxy)
        with limit_head(request, 2 * self._limits.timeout_s):
            if proxy:
                return transport.handle_request(request)
            return _send(transport, request, addresses)

    def close(self) -> None:
        """Close the connections."""
        for transport in self._transports.values():
            transport.close()

    def _open_transport(self, proxy: str) -> httpx.HTTPTransport:
        if proxy not in self._transports:
            self._transports[proxy] = httpx.HTTPTransport(
                verify=_certificates(), limits=_UNSHARED, proxy=proxy or None
            )
        return self._transports[proxy]


@contextmanager
def open_client(limits: DownloadLimits) -> Iterator[httpx.Client]:
    """Open a client for one song."""
    transport = CheckedTransport(limits)
    headers = {"user-agent": "genreflow", "accept": "*/*", "accept-encoding": "identity"}
    with httpx.Client(transport=transport, headers=headers, timeout=limits.timeout_s) as client:
        yield client


@contextmanager
def open_response(
    client: httpx.Client, location: str, headers: dict[str, str], max_redirects: int
) -> Iterator[httpx.Response]:
    """Ask for an address and follow its redirects; the body is not read yet.

    Raises
    ------
    TrackRejected
        If a hop leads to another scheme, to an address that is not public, or there are too many.
    """
    request, auth = _first_request(client, location, headers)
    for _ in range(max_redirects + 1):
        response = client.send(request, auth=auth, stream=True)
        if response.next_request is None:
            try:
                yield response
            finally:
                response.close()
            return
        response.close()
        request, auth = _next_request(response.next_request, location), None
    message = f"{show_location(location)} is redirected more than {max_redirects} times."
    raise TrackRejected(Reason.UNREACHABLE, f"{message} Correct it, or raise limits.max_redirects.")


def _first_request(
    client: httpx.Client, location: str, headers: dict[str, str]
) -> tuple[httpx.Request, httpx.BasicAuth | None]:
    """Take the credentials out of the address: libraries log addresses."""
    url = httpx.URL(location)
    auth = httpx.BasicAuth(url.username, url.password) if url.userinfo else None
    request = client.build_request(
        "GET",
        url.copy_with(userinfo=b""),
        headers=headers,
        extensions={_NAMED: True, _SHOWN: show_location(location)},
    )
    return request, auth


def _next_request(request: httpx.Request, location: str) -> httpx.Request:
    target = show_location(str(request.url))
    require_scheme(str(request.url), f"{show_location(location)} is redirected to {target}")
    request.url = request.url.copy_with(userinfo=b"")
    request.extensions = {**request.extensions, _NAMED: False}
    return request


def _send(
    transport: httpx.HTTPTransport, request: httpx.Request, addresses: list[str]
) -> httpx.Response:
    """Send to the first address that takes a connection."""
    for address in addresses[:-1]:
        with suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return transport.handle_request(_aim(request, address))
    return transport.handle_request(_aim(request, addresses[-1]))


def _aim(request: httpx.Request, address: str) -> httpx.Request:
    """Aim a request at an address; the certificate must still be that of the host."""
    host = request.url.raw_host.decode("ascii")
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


def _look_up(host: str) -> list[str]:
    try:
        return resolve_host(host)
    except OSError as error:
        raise httpx.ConnectError("the name of the server cannot be looked up") from error


def _proxy_of(scheme: str, host: str) -> str:
    proxies = getproxies()
    proxy = "" if proxy_bypass(host) else proxies.get(scheme, proxies.get("all", ""))
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()
