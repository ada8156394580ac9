"""Which song a source is, wherever it is listed: known before anything is fetched."""

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit

from genre_core.locations import escape_text, location_of, path_of
from genre_core.records import Source
from storage.fetch.sites.pages import find_page

_PORTS = {"http": 80, "https": 443}
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_UNRESERVED = re.compile(rb"[A-Za-z0-9._~-]")
_KEPT = "%!$&'()*+,;=:@/?[]~"


def identify(source: Source, real_folders: dict[str, str] | None = None) -> Source:
    """Return a source with its ``source_id``, and its ``site`` if it is a page of one.

    The id of a page whose address holds it is that of a download archive (``youtube dQw4w9WgXcQ``),
    of other addresses their normal form, of a file its path with links resolved. ``real_folders``
    keeps the folders of a listing, so that each is resolved once.
    """
    source = locate(source)
    if source.source_id:
        return source
    if source.location.startswith("/"):
        file = _resolve(path_of(source.location), {} if real_folders is None else real_folders)
        found = location_of(file)
        return replace(source, source_id=source.location if found == source.location else found)
    page = find_page(source.location)
    song_id = page.song_id if page else ""
    return replace(source, source_id=song_id or normalise_url(source.location))


def _resolve(path: str, real_folders: dict[str, str]) -> str:
    folder, _, name = path.rpartition("/")
    is_link = os.path.islink(path)  # noqa: PTH114 - a Path takes ten times as long
    if is_link or name in ("", ".", ".."):
        return os.path.realpath(path)
    if folder not in real_folders:
        real_folders[folder] = os.path.realpath(f"{folder}/").rstrip("/")
    return f"{real_folders[folder]}/{name}"


def locate(source: Source) -> Source:
    """Return a source with the ``site`` of its page, if it is one."""
    if source.site or source.location.startswith("/"):
        return source
    page = find_page(source.location)
    return replace(source, site=page.site) if page else source


def normalise_url(url: str) -> str:
    """Return the form of an address that all its spellings share.

    Scheme and host are in lower case; the default port, credentials, fragment and needless escapes
    are left out. The query stays: it may choose the song.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    scheme, host = parts.scheme.lower(), _normalise_host(parts.hostname or "")
    place = host if port in (None, _PORTS.get(scheme)) else f"{host}:{port}"
    path = _normalise_percents(parts.path) or "/"
    return urlunsplit((scheme, place, path, _normalise_percents(parts.query), ""))


def host_of(location: str) -> str:
    """Return the server of an address, ``host`` or ``host:port``; empty for a path."""
    if Path(location).is_absolute() or "://" not in location:
        return ""
    try:
        return urlsplit(normalise_url(location)).netloc.rpartition("@")[2]
    except ValueError:  # no address at all, which its download explains
        return ""


def _normalise_host(host: str) -> str:
    if ":" in host:
        return f"[{host}]"
    try:
        return host.encode("idna").decode("ascii").rstrip(".")
    except UnicodeError:
        return host


def _normalise_percents(text: str) -> str:
    """Unescape what needs no percent sign, and write the rest in upper case, as UTF-8."""
    plain = _ESCAPED.sub(lambda found: _unescape(found[0]), text)
    return quote(plain, safe=_KEPT, errors="surrogatepass")


def _unescape(escaped: str) -> str:
    return "".join(
        chr(byte) if _UNRESERVED.match(bytes([byte])) else f"%{byte:02X}"
        for byte in unquote_to_bytes(escaped)
    )


def file_version(location: str) -> str:
    """Return the version of a file, its size and the time of its last change; empty if none."""
    if not location.startswith("/"):
        return ""
    try:
        found = os.stat(path_of(location))  # noqa: PTH116 - a Path takes ten times as long
    except (OSError, ValueError):
        return ""
    return f"{found.st_size} bytes {found.st_mtime_ns} ns"


def location_given(name: str) -> str:
    """Return the location that a person names: a file that exists, or a text as it is."""
    return location_of(name) if os.path.lexists(name) else escape_text(name)


def locations_given(name: str) -> list[str]:
    """Return the locations that the catalog may have for a name: as it is, or absolute."""
    return [escape_text(name), location_of(Path(path_of(location_given(name))).absolute())]


def is_gone(location: str, places: Iterable[str] = ()) -> bool:
    """Whether a song that was fetched from a file has lost that file for good.

    A file is gone if its folder exists without it. If its folder is missing, too, a disk may only
    be absent: then one of ``places``, the sources of the same recording, must lie below the nearest
    folder that exists, on the same disk. URLs, and what cannot be read now, are not gone.
    """
    path = Path(path_of(location))
    try:
        if not path.is_absolute() or (folder := _find_existing(path)) == path:
            return False
        is_certain = folder == path.parent or any(_lies_in(folder, place) for place in places)
        return is_certain and os.access(folder, os.R_OK | os.X_OK)
    except OSError:
        return False


def _find_existing(path: Path) -> Path:
    """Return a path, or else the nearest one above it that exists."""
    try:
        path.lstat()
    except FileNotFoundError:
        return _find_existing(path.parent)
    return path


def _lies_in(folder: Path, place: str) -> bool:
    path = Path(path_of(place))
    try:
        return path.is_relative_to(folder) and path.stat().st_dev == folder.stat().st_dev
    except OSError:
        return False
