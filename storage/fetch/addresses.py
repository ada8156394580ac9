"""The address policy: which servers a song may be fetched from."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from genre_core.errors import TrackRejected
from genre_core.locations import show_location
from genre_core.records import Reason
from storage.fetch.limits import DownloadLimits

SCHEMES = ("http", "https")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


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

        Through a proxy, which looks up the names, only an address that is written out is checked.
        A host with an address that is neither public nor named is ``forbidden``; an `OSError` means
        that its name cannot be looked up now.
        """
        require_scheme(url, f"{self.shown} leads to {show_location(url)[:200]}")
        addresses = _written_address(host) if has_proxy else resolve_host(host)
        if self._named is None and host == self._named_host:
            self._named = addresses
        for address in addresses:
            if not (self._limits.allow_private or is_public(address) or self._is_named(address)):
                message = f"{self.shown} leads to {host}, which is at {address}, no public address."
                hint = "Name that address yourself, or set limits.allow_private."
                raise TrackRejected(Reason.FORBIDDEN, f"{message} {hint}")
        return addresses

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
    """Whether an address is on the public internet; an embedded IPv4 address counts as that."""
    place: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(place, IPv6Address):
        teredo = place.teredo[1] if place.teredo else None
        is_low = place in _NAT64 or place in _COMPATIBLE
        low = IPv4Address(int(place) & 0xFFFFFFFF) if is_low else None
        place = low or place.ipv4_mapped or place.sixtofour or teredo or place
    return place.is_global and not place.is_multicast


def _written_address(host: str) -> list[str]:
    try:
        return [str(ip_address(host))]
    except ValueError:
        return []
