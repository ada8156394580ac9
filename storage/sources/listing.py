"""List the songs of a music library, whatever form it has, with genres or without."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.records import Outcome, Source
from storage.fetch.limits import Clock, DownloadLimits
from storage.fetch.sites.access import Access
from storage.fetch.sites.pages import find_page
from storage.sources.collections import TABLE_SUFFIX, find_jamendo, list_collection, list_jamendo
from storage.sources.folder import audio_files, list_folder, list_songs
from storage.sources.identity import identify
from storage.sources.manifest import MANIFEST_SUFFIXES, list_manifest

logger = logging.getLogger(__name__)


def list_sources(music: str | Path, *, takes_unlabelled: bool = False) -> list[Source]:
    """List the songs of a folder, a manifest or a public collection.

    Parameters
    ----------
    music : str or Path
        A folder that holds a ``manifest.csv`` is read by it, one in the layout of FMA, GTZAN or
        MTG-Jamendo as that collection, another folder by its genre folders; a file is read as a
        manifest or a table of MTG-Jamendo.
    takes_unlabelled : bool
        Songs without a genre are unlabelled, and have no ``label_fault``. A folder may have any
        shape: names of folders mean nothing, except in FMA and MTG-Jamendo.

    Returns
    -------
    list of Source
        In an order that is the same every time.

    Raises
    ------
    UsageError
        If there is nothing of that name, it is neither, it may not be read, or it holds no song.
    """
    place = Path(music).expanduser()
    try:
        if not place.exists():
            raise UsageError(f"{place} is not there. Name a folder of music or a manifest.")
        listed = _list_place(place, takes_unlabelled)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}. Check its rights.") from error
    if not listed:
        shape = "" if takes_unlabelled else " with one folder per genre"
        raise UsageError(f"{place} holds no songs. Name a folder of music{shape} or a manifest.")
    return listed


def _list_place(place: Path, takes_unlabelled: bool) -> list[Source]:
    manifest = place / "manifest.csv" if place.is_dir() else place
    if manifest.is_file() and manifest.suffix.lower() in MANIFEST_SUFFIXES:
        return list_manifest(manifest, takes_unlabelled=takes_unlabelled)
    if not place.is_dir() and not find_jamendo(place):
        known = ", ".join((*MANIFEST_SUFFIXES, TABLE_SUFFIX))
        raise UsageError(f"{place} is neither a folder nor a manifest ({known}).")
    listed = _list_collection(place, takes_unlabelled)
    if not listed:
        return list_songs(place) if takes_unlabelled else list_folder(place)
    return _take_unlabelled(listed) if takes_unlabelled else listed


def _list_collection(place: Path, takes_unlabelled: bool) -> list[Source]:
    """List a public collection; empty if it is none."""
    if place.is_file():
        return list_jamendo(place)
    named = _absolute(place)
    listed = list_collection(named, by_folders=not takes_unlabelled)
    if listed and not takes_unlabelled:
        _warn_of_others(named, listed)
    return listed


def _take_unlabelled(sources: Sequence[Source]) -> list[Source]:
    return [
        s if s.genre or s.labels else replace(s, label_fault="", is_unlabelled=True)
        for s in sources
    ]


def _absolute(place: Path) -> Path:
    """Resolve all but the last name, which may be that of a link."""
    unnamed = place.name in ("", "..")
    return place.resolve() if unnamed else place.parent.resolve() / place.name


def _warn_of_others(place: Path, collection: Sequence[Source]) -> None:
    listed = {source.location for source in collection}
    others = [song for song in audio_files(place) if not {str(song), str(song.resolve())} & listed]
    if others:
        logger.warning(
            "%d songs in %s are no part of the collection: %s", len(others), place, others[:3]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """What a library lists once its lists are opened.

    Attributes
    ----------
    sources : tuple of Source
        A song each, with ``source_id`` and ``site``; one may be listed in several places.
    outcomes : tuple of Outcome
        Of the lists that cannot be opened now, or not to their end.
    lists : tuple of str
        The locations of the lists that were opened to their end.
    n_again : int
        Rows that repeat an earlier row.
    """

    sources: tuple[Source, ...]
    outcomes: tuple[Outcome, ...] = ()
    lists: tuple[str, ...] = ()
    n_again: int = 0


def expand_pages(
    listed: Sequence[Source], access: Access, limits: DownloadLimits, clock: Clock | None = None
) -> Expanded:
    """Name the sources of a library by their ids, and open the lists of songs among them.

    No request is made where no row is a list on a music site.
    """
    rows: dict[object, Source] = {}
    for row in listed:
        rows.setdefault((row.location, row.genre, row.labels), row)
    sources: list[Source] = []
    outcomes: list[Outcome] = []
    lists: list[str] = []
    for source in map(identify, rows.values()):
        if not _is_perhaps_list(source):
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


def _is_perhaps_list(source: Source) -> bool:
    page = find_page(source.location) if source.site else None
    return page is not None and not page.is_song
