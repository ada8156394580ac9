"""List the songs of a music library, whatever form it has, with genres or without."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.locations import location_of, path_of
from genre_core.records import Outcome, Source, counted
from storage.fetch.limits import Clock, DownloadLimits
from storage.fetch.sites.access import Access
from storage.fetch.sites.pages import find_page
from storage.files import write_bytes
from storage.home import DataLayout
from storage.sources.collections import (
    find_jamendo,
    list_collection,
    list_inner,
    list_jamendo,
)
from storage.sources.folder import PassedOver, find_songs, list_folder, list_songs
from storage.sources.identity import identify
from storage.sources.manifest import MANIFEST_SUFFIXES, list_manifest

logger = logging.getLogger(__name__)


def list_sources(music: str | Path, *, takes_unlabelled: bool = False) -> list[Source]:
    """List the songs of a folder, a manifest or a public collection.

    A folder that holds a ``manifest.csv`` is read by it, one in the layout of FMA, GTZAN or
    MTG-Jamendo as that collection, another folder by its genre folders; a file is a manifest or a
    table of MTG-Jamendo. With ``takes_unlabelled``, songs without a genre are unlabelled, and a
    folder may have any shape: names of folders mean nothing, except in FMA and MTG-Jamendo. The
    order is the same every time.
    """
    place = require_place(music)
    try:
        listed = _list_place(place, takes_unlabelled)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}. Check its rights.") from error
    if not listed:
        shape = "" if takes_unlabelled else " with one folder per genre"
        raise UsageError(f"{place} holds no songs. Name a folder of music{shape} or a manifest.")
    return listed


def require_place(music: str | Path) -> Path:
    """Return the path of a music library; a UsageError if there is none."""
    place = Path(path_of(str(music))).expanduser()
    try:
        if not place.exists():
            raise UsageError(f"{place} is not there. Name a folder of music or a manifest.")
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}. Check its rights.") from error
    is_manifest = place.suffix.lower() in MANIFEST_SUFFIXES or find_jamendo(place) is not None
    if not place.is_dir() and not is_manifest:
        known = ", ".join(MANIFEST_SUFFIXES)
        raise UsageError(f"{place} is neither a folder nor a manifest ({known}).")
    return place


def known_music(layout: DataLayout) -> dict[str, bool]:
    """Return the libraries that a home was fed from, the latest last; whether as unlabelled."""
    try:
        return dict(json.loads(layout.music_note.read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def remember_music(layout: DataLayout, music: str, takes_unlabelled: bool) -> None:
    """Note a library, so that later ingests need not name it.

    The built-in library is forgotten with the first other one.
    """
    place, builtin = str(Path(music).expanduser().absolute()), str(layout.builtin)
    noted = known_music(layout)
    others = {name: option for name, option in noted.items() if name not in (place, builtin)}
    known = others | {place: takes_unlabelled}
    if list(known.items()) != list(noted.items()):
        write_bytes(layout.music_note, json.dumps(known, indent=2).encode())


def _list_place(place: Path, takes_unlabelled: bool) -> list[Source]:
    manifest = place / "manifest.csv" if place.is_dir() else place
    is_table = place.is_file() and find_jamendo(place) is not None
    if manifest.is_file() and manifest.suffix.lower() in MANIFEST_SUFFIXES and not is_table:
        return list_manifest(manifest, takes_unlabelled=takes_unlabelled)
    # all but the last name is resolved, which may be that of a link
    is_unnamed = place.name in ("", "..")
    named = place.resolve() if is_unnamed else place.parent.resolve() / place.name
    listed = list_jamendo(place) if is_table else list_collection(named, not takes_unlabelled)
    if takes_unlabelled:
        unlabelled = [
            s if s.genre or s.labels else replace(s, label_fault="", is_unlabelled=True)
            for s in listed
        ]
        return unlabelled or list_songs(place)
    if listed:
        if not is_table:
            _warn_of_others(named, listed)
        return listed
    listed = list_folder(place)
    return list_inner(place, listed) or listed


def _warn_of_others(place: Path, collection: Sequence[Source]) -> None:
    listed = {source.location for source in collection}
    found = find_songs(place, PassedOver(place))
    songs = [{location_of(song), location_of(song.resolve())} for song in found]
    others = [min(names) for names in songs if not names & listed]
    if others:
        logger.warning(
            "no part of the collection in %s: %s (%s)",
            place,
            counted(len(others), "song"),
            ", ".join(others[:3]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """What a library lists once its lists are opened; one song may be listed in several places.

    ``outcomes`` are those of lists that cannot be opened to their end, ``lists`` the locations of
    the others; ``n_again`` counts rows that repeat an earlier row.
    """

    sources: tuple[Source, ...]
    outcomes: tuple[Outcome, ...] = ()
    lists: tuple[str, ...] = ()
    n_again: int = 0


def expand_pages(
    listed: Sequence[Source], access: Access, limits: DownloadLimits, clock: Clock | None = None
) -> Expanded:
    """Name the sources of a library by their ids, and open the lists of songs among them."""
    rows: dict[object, Source] = {}
    for row in listed:
        rows.setdefault((row.location, row.genre, row.labels), row)
    sources: list[Source] = []
    outcomes: list[Outcome] = []
    lists: list[str] = []
    real_folders: dict[str, str] = {}
    for source in (identify(row, real_folders) for row in rows.values()):
        page = find_page(source.location) if source.site else None
        if page is None or page.is_song:
            sources.append(source)
            continue
        from storage.fetch.sites.playlists import list_page  # yt-dlp takes a moment to load

        opened = list_page(source, access, limits, clock or Clock())
        sources += opened.songs
        outcomes += opened.outcomes
        lists += opened.lists
    return Expanded(
        sources=tuple(sources),
        outcomes=tuple(outcomes),
        lists=tuple(lists),
        n_again=len(listed) - len(rows),
    )
