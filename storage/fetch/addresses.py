"""The address policy: which servers a song may be fetched from."""

import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NoReturn
from urllib.parse import urlsplit

from genre_core.errors import TrackRejected
from genre_core.locations import show_location
from genre_core.records import Reason
from storage.fetch.limits import DownloadLimits

SCHEMES = ("http", "https")
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # IANA has given out no other addresses
# IANA's special-purpose registries as of 2026-11, multicast and future use; the anycast and
# protocol blocks are closed as a whole. Python's own list differs from version to version.
_CLOSED = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
    224.0.0.0/4 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 3fff::/20
"""
_CLOSED_NETWORKS = tuple(map(ip_network, _CLOSED.split()))
_LOCAL_DOMAINS = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa")


class AddressPolicy:
    """Decides for every request of one song which addresses it may connect to.

    A request may go to public addresses, and to those of the server that the user named
    (``location``), as they were when they were looked up first: a name that changes its address
    later gains nothing.
    """

    def __init__(self, location: str, shown: str, limits: DownloadLimits) -> None:
        self.shown = shown
        self._limits = limits
        self._named_host = urlsplit(location).hostname or ""
        self._named: list[str] | None = None if limits.trust_named else []

    def find_addresses(self, url: str, host: str, *, has_proxy: bool) -> list[str]:
        """Return the addresses of the host of a request, the one to try first in front.

        A host with an address that is neither public nor named is ``forbidden``; an `OSError` means
        that its name cannot be looked up now. A proxy gets the names that cannot be looked up here,
        except those of local networks.
        """
        require_scheme(url, f"{self.shown} leads to {show_location(url)[:200]}")
        if has_proxy:
            return self._check_proxied(host)
        addresses = resolve_host(host)
        if self._named is None and host == self._named_host:
            self._named = addresses
        self._require_open(host, addresses)
        return addresses

    def _check_proxied(self, host: str) -> list[str]:
        """Check a host that a proxy connects to; what the user named is left to the proxy."""
        if self._limits.allow_private or (self._limits.trust_named and host == self._named_host):
            return []
        addresses = _written_address(host)
        if not addresses and _is_local(host):
            self._refuse(host, "in a local network")
        if not addresses:
            with suppress(OSError):
                addresses = resolve_host(host)
        self._require_open(host, addresses)
        return addresses

    def _require_open(self, host: str, addresses: list[str]) -> None:
        for address in addresses:
            if not (self._limits.allow_private or is_public(address) or self._is_named(address)):
                self._refuse(host, f"at {address}, no public address")

    def _refuse(self, host: str, place: str) -> NoReturn:
        message = f"{self.shown} leads to {host}, which is {place}."
        hint = "Name that address yourself, or set limits.allow_private."
        raise TrackRejected(Reason.FORBIDDEN, f"{message} {hint}")

    def _is_named(self, address: str) -> bool:
        """Whether the user named an address; the name is looked up only if it matters."""
        if self._named is None:
            try:
                self._named = resolve_host(self._named_host)
            except OSError:
                self._named = []
        return address in self._named


def require_scheme(location: str, shown: str) -> None:
    """Reject an address that is no address, or neither http nor https."""
    try:
        parts = urlsplit(location)
    except ValueError as error:
        message = f"{shown} is no valid address. Correct it."
        raise TrackRejected(Reason.NOT_FOUND, message) from error
    scheme = parts.scheme.lower()
    if scheme in SCHEMES and not parts.hostname:
        raise TrackRejected(Reason.NOT_FOUND, f"{shown} names no server. Correct it.")
    if scheme not in SCHEMES:
        message = f"{shown}: songs are fetched from paths, http and https, not {scheme!r}."
        raise TrackRejected(Reason.FORBIDDEN, message)


def resolve_host(host: str) -> list[str]:
    """Return the addresses of a host, the one to try first in front."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


def is_public(address: str) -> bool:
    """Whether an address is on the public internet; one translated by NAT64 is the IPv4 address."""
    place: IPv4Address | IPv6Address = ip_address(address)
    if place in _NAT64:
        place = IPv4Address(int(place) & 0xFFFFFFFF)
    is_given_out = isinstance(place, IPv4Address) or place in _GLOBAL_UNICAST
    return is_given_out and not any(place in network for network in _CLOSED_NETWORKS)


def _written_address(host: str) -> list[str]:
    """Return the address that a host is written as, if any: ``127.0.0.1``, ``2130706433``, ``::1``.

    The short forms and those in octal and hexadecimal are what a proxy understands, too.
    """
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(host.rstrip("."), None, flags=socket.AI_NUMERICHOST)
        return [str(found[0][4][0])]
    return []


def _is_local(host: str) -> bool:
    """Whether a name is one of a local network, or no name at all."""
    name = host.rstrip(".").lower()
    is_plain = "." in name and name.replace(".", "").replace("-", "").replace("_", "").isalnum()
    return not is_plain or f".{name}".endswith(tuple(f".{domain}" for domain in _LOCAL_DOMAINS))
