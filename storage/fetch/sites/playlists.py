"""Lists of songs on music sites: each song becomes a source, and no song is fetched."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Outcome, Reason, Result, Source, Stage
from storage.fetch.addresses import show_location
from storage.fetch.limits import Clock, DownloadLimits
from storage.fetch.retry import try_again
from storage.fetch.sites.access import Access, Circuits
from storage.fetch.sites.client import Client, open_client
from storage.fetch.sites.failures import explain_site
from storage.fetch.sites.pages import find_page
from storage.fetch.sites.songs import LINKS, LISTS, name_entry, tag_source
from storage.fetch.sites.watch import Watch
from storage.sources.identity import host_of

DEEPEST = 4
MOST_SONGS = 50_000


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One list and those inside it, while they are walked through."""

    client: Client
    row: Source
    circuits: Circuits
    songs: list[Source] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a list gave: its songs, what could not be listed, and which lists were opened."""

    songs: tuple[Source, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    lists: tuple[str, ...] = ()


def list_page(row: Source, access: Access, limits: DownloadLimits, clock: Clock) -> Listed:
    """List the songs of a page that is a list, or may be one.

    Parameters
    ----------
    row : Source
        The page; its genre, licence, artist and album are those of every song.
    access : Access
        Cookies, and which sites were given up.
    limits : DownloadLimits
        The time that a list may take, and how often it is asked for.
    clock : Clock
        The time, and the way to wait.

    Returns
    -------
    Listed
        A list that cannot be listed, or not to its end, has an outcome of its own; the songs that
        it has told are there.
    """
    circuits, shown = access.circuits, show_location(row.location)
    with open_client(access, limits, Watch(row.location, shown, limits, clock)) as client:
        walk = _Walk(client=client, row=row, circuits=circuits, seen={row.location})
        try:
            circuits.require_closed(row.site)
            with explain_site(shown):
                page = try_again(lambda _: _ask(client, row.location, shown), shown, limits, clock)
                circuits.note_success(row.site)
                _walk_page(walk, page, 0)
        except TrackRejected as rejection:
            walk.outcomes.append(_outcome(row, Result.QUARANTINED, rejection, row.location))
        except TransientError as error:
            circuits.note_failure(row.site, error)
            walk.outcomes.append(_outcome(row, Result.RETRYABLE, error, row.location))
        else:
            walk.lists.append(row.location)
    return Listed(songs=tuple(walk.songs), outcomes=tuple(walk.outcomes), lists=tuple(walk.lists))


def _ask(client: Client, location: str, shown: str) -> dict[str, Any]:
    """Read the head of a page; links that lead on to another page are followed."""
    with explain_site(shown):
        page = client.extract_info(location, download=False, process=False)
        for _ in range(DEEPEST):
            if page.get("_type") not in LINKS:
                break
            page = client.extract_info(
                page["url"], download=False, process=False, ie_key=page.get("ie_key")
            )
        return page


def _walk_page(walk: _Walk, page: dict[str, Any], depth: int) -> None:
    """Go through a list; a page that turns out to be one song is that song."""
    if page.get("_type", "video") not in LISTS:
        walk.songs.append(_to_source(walk, page, walk.row.location))
        return
    n_songs = len(walk.songs)
    for entry in page.get("entries") or ():
        if entry:
            _walk_entry(walk, page, name_entry(page, entry), depth)
    if not depth and len(walk.songs) == n_songs and not walk.outcomes:
        message = f"{show_location(walk.row.location)} is a list without a song. Leave it out."
        raise TrackRejected(Reason.NOT_FOUND, message)


def _walk_entry(walk: _Walk, listed: dict[str, Any], entry: dict[str, Any], depth: int) -> None:
    if len(walk.songs) >= MOST_SONGS:
        message = f"the list has more than {MOST_SONGS} songs. Name its parts one by one."
        raise TrackRejected(Reason.TOO_LARGE, message)
    address = _address(entry)
    page = find_page(address)
    if entry.get("_type") in LISTS:
        _walk_deeper(walk, entry, address, depth)
    elif page is None or address == listed.get("webpage_url"):
        _add_pageless(walk, listed, entry)
    elif page.is_song or entry.get("_type", "video") == "video":
        _add_linked(walk, entry, address)
    else:
        _walk_deeper(walk, entry, address, depth)


def _add_linked(walk: _Walk, entry: Mapping[str, Any], address: str) -> None:
    """Add a song with a page of its own; whoever fetches it takes the page for one named."""
    host = host_of(address)
    try:
        if host not in walk.hosts:
            walk.client.require_link(address)
    except TrackRejected as rejection:
        walk.outcomes.append(_outcome(walk.row, Result.QUARANTINED, rejection, address))
        return
    walk.hosts.add(host)
    walk.songs.append(_to_source(walk, entry, address))


def _walk_deeper(walk: _Walk, entry: dict[str, Any], address: str, depth: int) -> None:
    """Go through a list inside a list, once; one that cannot be opened leaves the others be."""
    if address in walk.seen:
        return
    if not address:
        _walk_page(walk, entry, depth + 1)
        return
    walk.seen.add(address)
    try:
        with explain_site(show_location(address)):
            _open_deeper(walk, entry, address, depth + 1)
    except TrackRejected as rejection:
        walk.outcomes.append(_outcome(walk.row, Result.QUARANTINED, rejection, address))
    except TransientError as error:
        walk.circuits.note_failure(walk.row.site, error)
        walk.outcomes.append(_outcome(walk.row, Result.RETRYABLE, error, address))
    else:
        walk.lists.append(address)


def _open_deeper(walk: _Walk, entry: dict[str, Any], address: str, depth: int) -> None:
    if depth >= DEEPEST:
        message = f"{show_location(address)} lies {DEEPEST} lists deep. Name it in a manifest."
        raise TrackRejected(Reason.TOO_LARGE, message)
    walk.circuits.require_closed(walk.row.site)
    is_here = entry.get("_type") in LISTS
    page = entry if is_here else _ask(walk.client, address, show_location(address))
    if page.get("_type", "video") in LISTS:
        _walk_page(walk, page, depth)
    else:
        _add_linked(walk, page, address)


def _add_pageless(walk: _Walk, listed: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
    """Name a song that has no page of its own by the page of its list and its id."""
    song_id = walk.client.archive_id(entry)
    home = str(listed.get("webpage_url") or walk.row.location)
    if song_id:
        walk.songs.append(_to_source(walk, entry, f"{home}#{quote(song_id)}"))
        return
    address = _address(entry) or home
    walk.outcomes.append(_outcome(walk.row, Result.QUARANTINED, _no_page(address), address))


def _no_page(address: str) -> TrackRejected:
    message = f"{show_location(address)} is no page of a site. Name it in a manifest yourself."
    return TrackRejected(Reason.FORBIDDEN, message)


def _address(entry: Mapping[str, Any]) -> str:
    named = entry.get("url") if entry.get("_type") in LINKS else entry.get("webpage_url")
    return named if isinstance(named, str) and named.startswith(("http://", "https://")) else ""


def _to_source(walk: _Walk, entry: Mapping[str, Any], location: str) -> Source:
    page = find_page(location)
    site = page.site if page else walk.row.site
    song_id = walk.client.archive_id(entry) if entry.get("id") else ""
    return replace(tag_source(walk.row, entry), location=location, site=site, source_id=song_id)


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
