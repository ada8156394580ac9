"""List the songs of a music library, whatever form it has, with genres or without."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.records import Outcome, Source
from storage.fetch.limits import Clock, DownloadLimits
from storage.fetch.sites.access import Access
from storage.fetch.sites.pages import find_page
from storage.sources.collections import (
    TABLE_SUFFIX,
    find_fma,
    find_gtzan,
    find_jamendo,
    list_fma,
    list_gtzan,
    list_jamendo,
)
from storage.sources.folder import audio_files, list_folder, list_songs
from storage.sources.identity import identify
from storage.sources.manifest import (
    MANIFEST_SUFFIXES,
    list_manifest,
    list_songs_of_manifest,
)

logger = logging.getLogger(__name__)


def list_sources(music: str | Path) -> list[Source]:
    """List the songs of a folder, a manifest or a public collection.

    Parameters
    ----------
    music : str or Path
        A folder that holds a ``manifest.csv`` is read by it, one in the layout of FMA, GTZAN or
        MTG-Jamendo as that collection, another folder by its genre folders, a file as a manifest
        or a table of MTG-Jamendo.

    Returns
    -------
    list of Source
        In an order that is the same every time.

    Raises
    ------
    UsageError
        If there is nothing of that name, it is neither, it may not be read, or it holds no song.
    """
    found = _list_place(music, _list_within, _list_table)
    return _require_songs(music, found, "Put them in one folder per genre, or name a manifest.")


def list_unlabelled(music: str | Path) -> list[Source]:
    """List the songs of a folder, a manifest or a public collection that needs no genres.

    Parameters
    ----------
    music : str or Path
        A folder that holds a ``manifest.csv``, a manifest and the tables of FMA and MTG-Jamendo
        are read as by `list_sources`: a row with a genre is listed under it. In any other folder,
        every song in it and below is listed, and names of folders mean nothing.

    Returns
    -------
    list of Source
        In an order that is the same every time; unlabelled where no genre is known.

    Raises
    ------
    UsageError
        If there is nothing of that name, it is neither, it may not be read, or it holds no song.
    """
    found = _list_place(music, _list_songs_within, _list_songs_of_table)
    return _require_songs(music, found, "Name a folder of music or a manifest.")


Lister = Callable[[Path], list[Source]]


def _list_place(music: str | Path, within: Lister, of_table: Lister) -> list[Source]:
    place = Path(music).expanduser()
    try:
        if not place.exists():
            raise UsageError(f"{place} is not there. Name a folder of music or a manifest.")
        return within(place) if place.is_dir() else of_table(place)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}. Check its rights.") from error


def _require_songs(music: str | Path, found: list[Source], advice: str) -> list[Source]:
    if not found:
        raise UsageError(f"{Path(music).expanduser()} holds no songs. {advice}")
    return found


def _list_within(place: Path) -> list[Source]:
    """List a folder; a manifest is stronger than a layout."""
    if (manifest := place / "manifest.csv").is_file():
        return list_manifest(manifest)
    collection = _list_collection(_absolute(place))
    if not collection:
        return list_folder(place)
    _tell_others(place, collection)
    return collection


def _list_songs_within(place: Path) -> list[Source]:
    """List a folder of any shape; what a table says of its songs is not lost."""
    if (manifest := place / "manifest.csv").is_file():
        return list_songs_of_manifest(manifest)
    if clips := find_fma(_absolute(place)):
        return _without_faults(list_fma(clips))
    table = find_jamendo(_absolute(place))
    return _without_faults(list_jamendo(table)) if table else list_songs(place)


def _without_faults(sources: Sequence[Source]) -> list[Source]:
    """Take in what a collection gives no label."""
    return [
        s if s.genre or s.labels else replace(s, label_fault="", is_unlabelled=True)
        for s in sources
    ]


def _list_collection(place: Path) -> list[Source]:
    """List a folder in the layout of a public collection; empty if it is none."""
    if clips := find_fma(place):
        return list_fma(clips)
    if genres := find_gtzan(place):
        return list_gtzan(genres)
    table = find_jamendo(place)
    return list_jamendo(table) if table else []


def _absolute(place: Path) -> Path:
    """Resolve all but the last name, which may be that of a link."""
    unnamed = place.name in ("", "..")
    return place.resolve() if unnamed else place.parent.resolve() / place.name


def _tell_others(place: Path, collection: Sequence[Source]) -> None:
    listed = {source.location for source in collection}
    songs = audio_files(_absolute(place))
    others = [song for song in songs if not {str(song), str(song.resolve())} & listed]
    if others:
        logger.warning(
            "%d songs in %s are no part of the collection: %s", len(others), place, others[:3]
        )


def _list_table(place: Path) -> list[Source]:
    if place.suffix.lower() in MANIFEST_SUFFIXES:
        return list_manifest(place)
    return list_jamendo(_require_table(place))


def _list_songs_of_table(place: Path) -> list[Source]:
    if place.suffix.lower() in MANIFEST_SUFFIXES:
        return list_songs_of_manifest(place)
    return _without_faults(list_jamendo(_require_table(place)))


def _require_table(place: Path) -> Path:
    if find_jamendo(place):
        return place
    known = ", ".join((*MANIFEST_SUFFIXES, TABLE_SUFFIX))
    raise UsageError(f"{place} is neither a folder nor a manifest ({known}).")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """What a library lists once its lists are opened.

    Attributes
    ----------
    sources : tuple of Source
        A song each, with ``source_id`` and ``site``; one may stand in several places.
    outcomes : tuple of Outcome
        Of the lists that cannot be opened now, or not to their end.
    lists : tuple of str
        The locations of the lists that were opened to their end.
    n_again : int
        How many rows said again what a row before had said.
    """

    sources: tuple[Source, ...]
    outcomes: tuple[Outcome, ...] = ()
    lists: tuple[str, ...] = ()
    n_again: int = 0


def expand_pages(
    listed: Sequence[Source], access: Access, limits: DownloadLimits, clock: Clock | None = None
) -> Expanded:
    """Name the sources of a library, and open the lists of songs among them.

    Nothing is asked for where no row is a list on a music site.
    """
    rows = {(row.location, row.genre, row.labels): row for row in reversed(listed)}
    sources: list[Source] = []
    outcomes: list[Outcome] = []
    lists: list[str] = []
    for row in listed:
        if rows[row.location, row.genre, row.labels] is not row:
            continue
        source = identify(row)
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
