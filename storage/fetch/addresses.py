"""Which addresses may be fetched, and how they are shown."""

import re
import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from genre_core.errors import TrackRejected
from genre_core.records import Reason

SCHEMES = ("http", "https")
_CREDENTIALS = re.compile(r"(://)[^/?#]*@")
_PERHAPS_CREDENTIALS = re.compile(r"^([a-z+.-]*:(?://)?)?.*@", re.IGNORECASE | re.DOTALL)
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def show_location(location: str) -> str:
    """Give a location as messages may show it: an address without credentials and query."""
    if location.startswith("/"):
        return location
    credentials = _CREDENTIALS if _is_well_formed(location) else _PERHAPS_CREDENTIALS
    return _QUERY.sub("", credentials.sub(r"\1", location))


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
    """Give the addresses of a host, the one to be tried first in front.

    Raises
    ------
    OSError
        If the name has no address, or cannot be looked up now.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


def written_addresses(host: str) -> list[str]:
    """Give the address that a host is written as; none if it is a name."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        return []


def require_public(
    shown: str, host: str, addresses: Collection[str], named: Collection[str]
) -> None:
    """Reject a host any of whose addresses is not public and not among those the user named.

    Raises
    ------
    TrackRejected
        ``forbidden``.
    """
    closed = [a for a in addresses if a not in named and not is_public(a)]
    if closed:
        raise TrackRejected(
            Reason.FORBIDDEN,
            f"{shown} leads to {host}, which is at {closed[0]}, no public address."
            " Name that address yourself, or set limits.allow_private.",
        )


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the internet at large.

    Loopback, private, link-local, shared, reserved, multicast and unspecified addresses do not;
    an IPv6 address that stands for an IPv4 address is judged by that.
    """
    place = ip_address(address)
    inner = _embedded(place) if isinstance(place, IPv6Address) else None
    place = inner or place
    return place.is_global and not place.is_multicast


def _is_well_formed(location: str) -> bool:
    """Tell whether the parts of an address stand where they seem to stand."""
    try:
        parts = urlsplit(location)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _embedded(place: IPv6Address) -> IPv4Address | None:
    if place in _NAT64 or place in _COMPATIBLE:
        return IPv4Address(int(place) & 0xFFFFFFFF)
    teredo = place.teredo[1] if place.teredo else None
    return place.ipv4_mapped or place.sixtofour or teredo
