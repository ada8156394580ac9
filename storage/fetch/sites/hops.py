"""Send the requests of yt-dlp: every hop is checked, and the address checked is the one used.

Its handler of urllib is the one in use: there, a redirect is a request of its own that can be
looked at. Through a proxy the proxy resolves the names, and the connection is that of yt-dlp.
"""

import socket
from collections.abc import Mapping, Sequence
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from http.cookiejar import CookieJar
from ssl import SSLContext
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import AbstractHTTPHandler, OpenerDirector, Request

from yt_dlp.networking import Request as SiteRequest
from yt_dlp.networking import Response
from yt_dlp.networking._urllib import UrllibRH
from yt_dlp.networking.exceptions import RequestError
from yt_dlp.utils.networking import select_proxy

from genre_core.errors import GenreflowError
from storage.fetch.addresses import resolve_host, written_addresses
from storage.fetch.sites.watch import Watch


class CheckedHandler(UrllibRH):  # type: ignore[misc]
    """Sends requests as yt-dlp does, with the watch asked before every hop."""

    _SUPPORTED_URL_SCHEMES = ("http", "https")
    RH_KEY = "Urllib"  # yt-dlp asks for it by this name

    def __init__(self, watch: Watch, **settings: Any) -> None:  # noqa: ANN401
        self._watch = watch
        super().__init__(**settings)

    def _create_instance(
        self, proxies: Mapping[str, str], cookiejar: CookieJar, legacy_ssl_support: bool | None
    ) -> OpenerDirector:
        opener: OpenerDirector = super()._create_instance(proxies, cookiejar, legacy_ssl_support)
        certificates = self._make_sslcontext(legacy_ssl_support=legacy_ssl_support)
        opener.add_handler(_Hops(self._watch, proxies, certificates))
        return opener

    def _send(self, request: SiteRequest) -> Response:
        """Send a request; yt-dlp goes on to another handler after errors that are not its own."""
        try:
            return super()._send(request)
        except GenreflowError as refusal:
            raise RequestError(cause=refusal) from refusal


class _Hops(AbstractHTTPHandler):
    """Opens each hop of a request: the first one, and where it is redirected to."""

    handler_order = 450  # behind the proxies, before the connections that nobody looks at

    def __init__(self, watch: Watch, proxies: Mapping[str, str], certificates: SSLContext) -> None:
        super().__init__()
        self._watch, self._proxies, self._certificates = watch, proxies, certificates

    def http_open(self, request: Request) -> HTTPResponse | None:
        """Open a hop; none if it goes through a proxy."""
        addresses = self._check(request)
        if select_proxy(request.full_url, self._proxies):
            return None
        return self.do_open(partial(_aim, HTTPConnection, addresses), request)

    def https_open(self, request: Request) -> HTTPResponse | None:
        """Open a hop; the certificate must be that of the host, not of the address."""
        addresses = self._check(request)
        if select_proxy(request.full_url, self._proxies):
            return None
        aim = partial(_aim, HTTPSConnection, addresses)
        return self.do_open(aim, request, context=self._certificates)

    def ftp_open(self, request: Request) -> None:
        """Refuse what is neither http nor https."""
        self._watch.require_request(request.full_url)

    def _check(self, request: Request) -> Sequence[str]:
        """Give the addresses of a hop, if it may be made."""
        url = request.full_url
        self._watch.require_request(url)
        try:
            addresses = find_addresses(url, self._proxies)
        except OSError as error:
            raise URLError(error) from error
        self._watch.require_addresses(url, addresses)
        return addresses


def find_addresses(url: str, proxies: Mapping[str, str]) -> list[str]:
    """Give the addresses of the host of an address; through a proxy, only one that is written.

    Raises
    ------
    OSError
        If the host has no address, or cannot be looked up now.
    """
    host = urlsplit(url).hostname or ""
    return written_addresses(host) if select_proxy(url, proxies) else resolve_host(host)


def _aim(
    kind: type[HTTPConnection],
    addresses: Sequence[str],
    host: str,
    **settings: Any,  # noqa: ANN401
) -> HTTPConnection:
    """Make a connection that goes to one of the addresses and to no other."""
    connection = kind(host, **settings)
    connection._create_connection = partial(_connect, addresses)  # type: ignore[attr-defined]
    return connection


def _connect(addresses: Sequence[str], place: tuple[str, int], *settings: Any) -> socket.socket:  # noqa: ANN401
    """Connect to the first address that takes a connection."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, place[1]), *settings)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], place[1]), *settings)
