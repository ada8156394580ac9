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
from storage.fetch.sites.client import Client, archive_id, explain_site, open_site
from storage.fetch.sites.pages import find_page
from storage.fetch.sites.songs import LINKS, LISTS, name_entry, tag_source

DEEPEST = 4
MOST_SONGS = 50_000
_UNPROCESSED = {"download": False, "process": False}


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

    def read(self, watch: Watch) -> None:
        """Read the page of the row, and the lists inside it."""
        location, site = self.row.location, self.row.site
        self.seen.add(location)
        with self._note_outcome(location):
            self.circuits.require_closed(site)
            page = try_again(lambda: self._read_head(location), watch)
            self.circuits.note_success(site)
            self._read_list(page, 0)

    @contextmanager
    def _note_outcome(self, location: str) -> Iterator[None]:
        """Note that a list was opened, or what kept it from being listed to its end."""
        try:
            with explain_site(show_location(location)):
                yield
        except TrackRejected as rejection:
            self._add_outcome(Result.QUARANTINED, rejection, location)
        except TransientError as error:
            self.circuits.note_failure(self.row.site, error)
            self._add_outcome(Result.RETRYABLE, error, location)
        else:
            self.lists.append(location)

    def _read_head(self, location: str) -> dict[str, Any]:
        """Read the head of a page; links that lead on to another page are followed."""
        with explain_site(show_location(location)):
            page: dict[str, Any] = self.client.extract_info(location, **_UNPROCESSED)
            for _ in range(DEEPEST):
                if page.get("_type") not in LINKS:
                    break
                key = page.get("ie_key")
                page = self.client.extract_info(page["url"], ie_key=key, **_UNPROCESSED)
            return page

    def _read_list(self, page: dict[str, Any], depth: int) -> None:
        """Read a list; a page that turns out to be one song is that song."""
        if page.get("_type", "video") not in LISTS:
            self._add_song(page, self.row.location)
            return
        n_songs = len(self.songs)
        for entry in filter(None, page.get("entries") or ()):
            self._read_entry(page, name_entry(page, entry), depth)
        if not depth and len(self.songs) == n_songs and not self.outcomes:
            message = f"{show_location(self.row.location)} is a list without a song. Leave it out."
            raise TrackRejected(Reason.NOT_FOUND, message)

    def _read_entry(self, listed: dict[str, Any], entry: dict[str, Any], depth: int) -> None:
        if len(self.songs) >= MOST_SONGS:
            message = f"the list has more than {MOST_SONGS} songs. Name its parts one by one."
            raise TrackRejected(Reason.TOO_LARGE, message)
        address = _address(entry)
        page = find_page(address)
        is_list = entry.get("_type") in LISTS
        if not is_list and (page is None or address == listed.get("webpage_url")):
            self._add_pageless(listed, entry)
        elif page and not is_list and (page.is_song or entry.get("_type", "video") == "video"):
            self._add_linked(entry, address)
        else:
            self._read_inner(entry, address, depth + 1)

    def _read_inner(self, entry: dict[str, Any], address: str, depth: int) -> None:
        """Read a list inside a list, once; one that cannot be opened does not affect the others."""
        if not address:
            self._read_list(entry, depth)
        elif address not in self.seen:
            self.seen.add(address)
            with self._note_outcome(address):
                self.circuits.require_closed(self.row.site)
                self._open_deeper(entry, address, depth)

    def _open_deeper(self, entry: dict[str, Any], address: str, depth: int) -> None:
        if depth >= DEEPEST:
            message = f"{show_location(address)} lies {DEEPEST} lists deep. Name it in a manifest."
            raise TrackRejected(Reason.TOO_LARGE, message)
        page = entry if entry.get("_type") in LISTS else self._read_head(address)
        if page.get("_type", "video") in LISTS:
            self._read_list(page, depth)
        else:
            self._add_linked(page, address)

    def _add_linked(self, entry: Mapping[str, Any], address: str) -> None:
        """Add a song with a page of its own; to the download, that page is named by the user."""
        host = urlsplit(address).netloc
        try:
            # whoever fetches a page that cannot be looked up reports it
            with suppress(OSError, httpx.InvalidURL):
                if host not in self.hosts:
                    find_route(httpx.URL(address), self.policy)
        except TrackRejected as rejection:
            self._add_outcome(Result.QUARANTINED, rejection, address)
            return
        self.hosts.add(host)
        self._add_song(entry, address)

    def _add_pageless(self, listed: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        """Name a song that has no page of its own by the page of its list and its id."""
        home = str(listed.get("webpage_url") or self.row.location)
        if song_id := archive_id(entry):
            self._add_song(entry, f"{home}#{quote(song_id)}")
            return
        address = _address(entry) or home
        message = f"{show_location(address)} is no page of a site. Name it in a manifest yourself."
        rejection = TrackRejected(Reason.FORBIDDEN, message)
        self._add_outcome(Result.QUARANTINED, rejection, address)

    def _add_song(self, entry: Mapping[str, Any], location: str) -> None:
        page = find_page(location)
        site = page.site if page else self.row.site
        song_id = archive_id(entry) if entry.get("id") else ""
        source = tag_source(self.row, entry)
        self.songs.append(replace(source, location=location, site=site, source_id=song_id))

    def _add_outcome(
        self, result: Result, error: TrackRejected | TransientError, location: str
    ) -> None:
        outcome = Outcome(
            location=location,
            genre=self.row.genre,
            result=result,
            stage=Stage.SOURCES,
            reason=Reason(error.reason or Reason.UNREACHABLE),
            message=str(error),
            source_id=self.row.source_id if location == self.row.location else "",
        )
        self.outcomes.append(outcome)


def list_page(row: Source, access: Access, limits: DownloadLimits, clock: Clock) -> Listing:
    """List the songs of a page that is a list, or may be one; no song is fetched.

    The genre, licence, artist and album of ``row`` are those of every song. A list that cannot be
    listed to its end has an outcome of its own; its songs until then are returned.
    """
    shown = show_location(row.location)
    watch = Watch(shown, limits, clock)
    with open_site(row.location, access, watch) as client:
        policy = AddressPolicy(row.location, shown, limits)
        listing = Listing(client=client, row=row, circuits=access.circuits, policy=policy)
        listing.read(watch)
    return listing


def _address(entry: Mapping[str, Any]) -> str:
    named = entry.get("url") if entry.get("_type") in LINKS else entry.get("webpage_url")
    return named if isinstance(named, str) and named.startswith(("http://", "https://")) else ""
