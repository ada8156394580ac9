"""The one way to connect: every address is checked, and the address checked is the one used.

yt-dlp's requests take it, too. Names are resolved once a request. A proxy (``HTTP_PROXY`` and its
like) resolves the name again, so a name that changes its address between the two is its to refuse.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from threading import Event, Timer
from typing import Any, TypeVar
from urllib.request import getproxies, proxy_bypass

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason
from storage.fetch.addresses import AddressPolicy
from storage.fetch.limits import DownloadLimits, Watch

FIRST_WAIT_S = 1.0

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
# a connection is bound to the host it was opened for, and two hosts may share an address
_UNSHARED = httpx.Limits(max_keepalive_connections=0)

Fetched = TypeVar("Fetched")


class Delayed(TransientError):
    """The server is busy: ``Delayed(reason, sentence, wait_s)``."""

    code = "delayed"

    @property
    def wait_s(self) -> float:
        """How many seconds the server wants to be left alone."""
        return float(self.args[2])


def explain_status(status: int, shown: str, wait_s: float = 0.0) -> TrackRejected | Delayed:
    """Return what a status other than success means for a song."""
    reason = _DELAYS.get(status) or _REFUSALS.get(status) or Reason.UNREACHABLE
    if status in _DELAYS or status >= 500:
        return Delayed(reason, f"{shown}: its server answers {status}. Try again later.", wait_s)
    message = f"{shown}: its server answers {status}. Check the address and its rights."
    return TrackRejected(reason, message)


@contextmanager
def explain_failures(shown: str) -> Iterator[None]:
    """Turn the failures of a connection into outcomes; their own words may hold credentials."""
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


def try_again(fetch: Callable[[], Fetched], watch: Watch) -> Fetched:
    """Call ``fetch`` until it succeeds, with longer and longer waits (full jitter).

    No wait is shorter than the server wants. The last `TransientError` is raised after
    ``limits.max_attempts``, or if the next wait would be too long.
    """
    limits = watch.limits
    jitter = wait_random_exponential(multiplier=FIRST_WAIT_S, max=limits.max_wait_s)

    def wait_s(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(jitter(state), error.wait_s if isinstance(error, Delayed) else 0.0)

    def is_over(state: RetryCallState) -> bool:
        is_too_long = state.upcoming_sleep > limits.max_wait_s
        is_last = state.attempt_number >= limits.max_attempts
        return is_last or is_too_long or not watch.has_time(state.upcoming_sleep)

    attempts = Retrying(
        retry=retry_if_exception_type(TransientError),
        wait=wait_s,
        stop=is_over,
        sleep=watch.clock.sleep,
        reraise=True,
    )
    return attempts(fetch)


@contextmanager
def open_client(policy: AddressPolicy, limits: DownloadLimits) -> Iterator[httpx.Client]:
    """Open a client for one song, whose every request follows the policy."""
    transport = CheckedTransport(policy, 2 * limits.timeout_s)
    headers = {"user-agent": "genreflow", "accept": "*/*", "accept-encoding": "identity"}
    with httpx.Client(transport=transport, headers=headers, timeout=limits.timeout_s) as client:
        yield client


def send_request(
    client: httpx.Client, request: httpx.Request, shown: str, max_redirects: int
) -> httpx.Response:
    """Send a request and follow its redirects; the caller reads and closes the response."""
    url, auth = request.url, None
    if url.userinfo:  # libraries log addresses
        auth = httpx.BasicAuth(url.username, url.password)
    for _ in range(max_redirects + 1):
        request.url = request.url.copy_with(userinfo=b"")
        response = client.send(request, auth=auth, stream=True)
        if response.next_request is None:
            return response
        response.close()
        request, auth = response.next_request, None
    message = f"{shown} is redirected more than {max_redirects} times. Correct it,"
    raise TrackRejected(Reason.UNREACHABLE, f"{message} or raise limits.max_redirects.")


class CheckedTransport(httpx.BaseTransport):
    """Connects to the addresses that a policy has checked; a head that takes too long is cut."""

    def __init__(self, policy: AddressPolicy, head_limit_s: float) -> None:
        self._policy, self._head_limit_s = policy, head_limit_s
        self._transports: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request: to the proxy of the environment, or to the addresses of the host."""
        try:
            proxy, addresses = find_route(request.url, self._policy)
        except OSError as error:
            raise httpx.ConnectError("the name of the server cannot be looked up") from error
        if proxy not in self._transports:
            self._transports[proxy] = httpx.HTTPTransport(
                verify=_certificates(), limits=_UNSHARED, proxy=proxy or None
            )
        with _limit_head(request, self._head_limit_s):
            if proxy:
                return self._transports[proxy].handle_request(request)
            return _send(self._transports[proxy], request, addresses)

    def close(self) -> None:
        """Close the connections."""
        for transport in self._transports.values():
            transport.close()


def find_route(url: httpx.URL, policy: AddressPolicy) -> tuple[str, list[str]]:
    """Return the proxy that a request takes, if any, and the addresses that it may connect to."""
    host = url.raw_host.decode("ascii")
    proxies = getproxies()
    proxy = "" if proxy_bypass(host) else proxies.get(url.scheme, proxies.get("all", ""))
    addresses = policy.find_addresses(str(url), host, has_proxy=bool(proxy))
    return proxy if "://" in proxy or not proxy else f"http://{proxy}", addresses


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


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


@contextmanager
def _limit_head(request: httpx.Request, limit_s: float) -> Iterator[None]:
    """Cut the connection of a request if the block, which reads the head, takes too long."""
    connections: list[socket.socket] = []
    is_cut = Event()

    def note_connection(event: str, facts: Mapping[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            connections.append(facts["return_value"].get_extra_info("socket"))

    def cut() -> None:
        is_cut.set()
        for connection in connections[-1:]:
            with suppress(OSError):  # under TLS, too: its reader wakes up with an error
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    request.extensions = {**request.extensions, "trace": note_connection}
    timer = Timer(limit_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except httpx.TransportError as error:
        if is_cut.is_set():
            raise httpx.ReadTimeout("the head takes too long") from error
        raise
    finally:
        timer.cancel()
