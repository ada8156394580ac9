"""Lists of songs on music sites: each song becomes a source, and no song is fetched."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from genre_core.errors import TrackRejected, TransientError
from genre_core.locations import show_location
from genre_core.records import Outcome, Reason, Result, Source, Stage
from storage.fetch.addresses import AddressPolicy
from storage.fetch.connect import find_route, try_again
from storage.fetch.limits import Clock, DownloadLimits, Watch
from storage.fetch.sites.access import Access, Circuits
from storage.fetch.sites.client import Client, archive_id, open_site
from storage.fetch.sites.failures import explain_site
from storage.fetch.sites.pages import find_page
from storage.fetch.sites.songs import LINKS, LISTS, name_entry, tag_source

DEEPEST = 4
MOST_SONGS = 50_000


@dataclass(slots=True, kw_only=True)
class Listing:
    """One list and those inside it: its songs, what could not be listed, and the lists opened."""

    client: Client
    row: Source
    circuits: Circuits
    policy: AddressPolicy
    songs: list[Source] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)


def list_page(row: Source, access: Access, limits: DownloadLimits, clock: Clock) -> Listing:
    """List the songs of a page that is a list, or may be one; no song is fetched.

    The genre, licence, artist and album of ``row`` are those of every song. A list that cannot be
    listed to its end has an outcome of its own; its songs until then are returned.
    """
    shown = show_location(row.location)
    watch = Watch(shown, limits, clock)
    with open_site(row.location, access, watch) as client:
        policy = AddressPolicy(row.location, shown, limits)
        reading = Listing(client=client, row=row, circuits=access.circuits, policy=policy)
        reading.seen.add(row.location)
        with _note_outcome(reading, row.location):
            reading.circuits.require_closed(row.site)
            page = try_again(lambda: _read_head(client, row.location), watch)
            reading.circuits.note_success(row.site)
            _read_list(reading, page, 0)
    return reading


@contextmanager
def _note_outcome(reading: Listing, location: str) -> Iterator[None]:
    """Note that a list was opened, or what kept it from being listed to its end."""
    try:
        with explain_site(show_location(location)):
            yield
    except TrackRejected as rejection:
        reading.outcomes.append(_outcome(reading.row, Result.QUARANTINED, rejection, location))
    except TransientError as error:
        reading.circuits.note_failure(reading.row.site, error)
        reading.outcomes.append(_outcome(reading.row, Result.RETRYABLE, error, location))
    else:
        reading.lists.append(location)


def _read_head(client: Client, location: str) -> dict[str, Any]:
    """Read the head of a page; links that lead on to another page are followed."""
    with explain_site(show_location(location)):
        page: dict[str, Any] = client.extract_info(location, download=False, process=False)
        for _ in range(DEEPEST):
            if page.get("_type") not in LINKS:
                break
            page = client.extract_info(
                page["url"], download=False, process=False, ie_key=page.get("ie_key")
            )
        return page


def _read_list(reading: Listing, page: dict[str, Any], depth: int) -> None:
    """Read a list; a page that turns out to be one song is that song."""
    if page.get("_type", "video") not in LISTS:
        reading.songs.append(_to_source(reading, page, reading.row.location))
        return
    n_songs = len(reading.songs)
    for entry in page.get("entries") or ():
        if entry:
            _read_entry(reading, page, name_entry(page, entry), depth)
    if not depth and len(reading.songs) == n_songs and not reading.outcomes:
        message = f"{show_location(reading.row.location)} is a list without a song. Leave it out."
        raise TrackRejected(Reason.NOT_FOUND, message)


def _read_entry(
    reading: Listing, listed: dict[str, Any], entry: dict[str, Any], depth: int
) -> None:
    if len(reading.songs) >= MOST_SONGS:
        message = f"the list has more than {MOST_SONGS} songs. Name its parts one by one."
        raise TrackRejected(Reason.TOO_LARGE, message)
    address = _address(entry)
    page = find_page(address)
    if entry.get("_type") in LISTS:
        _read_inner(reading, entry, address, depth + 1)
    elif page is None or address == listed.get("webpage_url"):
        _add_pageless(reading, listed, entry)
    elif page.is_song or entry.get("_type", "video") == "video":
        _add_linked(reading, entry, address)
    else:
        _read_inner(reading, entry, address, depth + 1)


def _add_linked(reading: Listing, entry: Mapping[str, Any], address: str) -> None:
    """Add a song with a page of its own; to the download, that page is named by the user."""
    host = urlsplit(address).netloc
    try:
        # whoever fetches a page that cannot be looked up reports it
        with suppress(OSError, httpx.InvalidURL):
            if host not in reading.hosts:
                find_route(httpx.URL(address), reading.policy)
    except TrackRejected as rejection:
        reading.outcomes.append(_outcome(reading.row, Result.QUARANTINED, rejection, address))
        return
    reading.hosts.add(host)
    reading.songs.append(_to_source(reading, entry, address))


def _read_inner(reading: Listing, entry: dict[str, Any], address: str, depth: int) -> None:
    """Read a list inside a list, once; one that cannot be opened does not affect the others."""
    if not address:
        _read_list(reading, entry, depth)
    elif address not in reading.seen:
        reading.seen.add(address)
        with _note_outcome(reading, address):
            reading.circuits.require_closed(reading.row.site)
            _open_deeper(reading, entry, address, depth)


def _open_deeper(reading: Listing, entry: dict[str, Any], address: str, depth: int) -> None:
    if depth >= DEEPEST:
        message = f"{show_location(address)} lies {DEEPEST} lists deep. Name it in a manifest."
        raise TrackRejected(Reason.TOO_LARGE, message)
    page = entry if entry.get("_type") in LISTS else _read_head(reading.client, address)
    if page.get("_type", "video") in LISTS:
        _read_list(reading, page, depth)
    else:
        _add_linked(reading, page, address)


def _add_pageless(reading: Listing, listed: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
    """Name a song that has no page of its own by the page of its list and its id."""
    song_id = archive_id(entry)
    home = str(listed.get("webpage_url") or reading.row.location)
    if song_id:
        reading.songs.append(_to_source(reading, entry, f"{home}#{quote(song_id)}"))
        return
    address = _address(entry) or home
    message = f"{show_location(address)} is no page of a site. Name it in a manifest yourself."
    rejection = TrackRejected(Reason.FORBIDDEN, message)
    reading.outcomes.append(_outcome(reading.row, Result.QUARANTINED, rejection, address))


def _address(entry: Mapping[str, Any]) -> str:
    named = entry.get("url") if entry.get("_type") in LINKS else entry.get("webpage_url")
    return named if isinstance(named, str) and named.startswith(("http://", "https://")) else ""


def _to_source(reading: Listing, entry: Mapping[str, Any], location: str) -> Source:
    page = find_page(location)
    site = page.site if page else reading.row.site
    song_id = archive_id(entry) if entry.get("id") else ""
    return replace(tag_source(reading.row, entry), location=location, site=site, source_id=song_id)


def _outcome(
    row: Source, result: Result, error: TrackRejected | TransientError, location: str
) -> Outcome:
    return Outcome(
        location=location,
        genre=row.genre,
        result=result,
        stage=Stage.SOURCES,
        reason=Reason(error.reason or Reason.UNREACHABLE),
        message=str(error),
        source_id=row.source_id if location == row.location else "",
    )
