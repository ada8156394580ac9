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
    later gains nothing. ``shown`` names the song in messages.
    """

    def __init__(self, location: str, shown: str, limits: DownloadLimits) -> None:
        self.shown = shown
        self._limits = limits
        self._named_host = urlsplit(location).hostname or ""
        self._named: list[str] | None = None if limits.trust_named else []

    def find_addresses(self, url: str, host: str, *, has_proxy: bool) -> list[str]:
        """Return the addresses of the host of a request, the one to try first in front.

        Through a proxy, which looks up the names, only an address that is written out is checked.

        Raises
        ------
        TrackRejected
            ``forbidden`` for another scheme than http and https, and for a host any of whose
            addresses is neither public nor named by the user.
        OSError
            If the name has no address, or cannot be looked up now.
        """
        require_scheme(url, f"{self.shown} leads to {show_location(url)[:200]}")
        addresses = _written_address(host) if has_proxy else resolve_host(host)
        if self._named is None and host == self._named_host:
            self._named = addresses
        if not self._limits.allow_private:
            self._require_public(host, [each for each in addresses if not is_public(each)])
        return addresses

    def _require_public(self, host: str, closed: list[str]) -> None:
        unnamed = [address for address in closed if address not in self._find_named()]
        if unnamed:
            raise TrackRejected(
                Reason.FORBIDDEN,
                f"{self.shown} leads to {host}, which is at {unnamed[0]}, no public address."
                " Name that address yourself, or set limits.allow_private.",
            )

    def _find_named(self) -> list[str]:
        """Return the addresses that the user named; they are looked up only if it matters."""
        if self._named is None:
            try:
                self._named = resolve_host(self._named_host)
            except OSError:
                self._named = []
        return self._named


def require_scheme(location: str, shown: str) -> None:
    """Reject an address whose scheme is neither http nor https.

    Raises
    ------
    TrackRejected
        ``forbidden`` for another scheme, ``not_found`` for what is no address.
    """
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
    """Return the addresses of a host, the one to try first in front.

    Raises
    ------
    OSError
        If the name has no address, or cannot be looked up now.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet at large.

    Loopback, private, link-local, shared, reserved, multicast and unspecified addresses do not;
    an IPv6 address that embeds an IPv4 address counts as that.
    """
    place = ip_address(address)
    inner = _embedded(place) if isinstance(place, IPv6Address) else None
    place = inner or place
    return place.is_global and not place.is_multicast


def _written_address(host: str) -> list[str]:
    try:
        return [str(ip_address(host))]
    except ValueError:
        return []


def _embedded(place: IPv6Address) -> IPv4Address | None:
    if place in _NAT64 or place in _COMPATIBLE:
        return IPv4Address(int(place) & 0xFFFFFFFF)
    teredo = place.teredo[1] if place.teredo else None
    return place.ipv4_mapped or place.sixtofour or teredo
