"""A music library whose genres are in the tags of its files."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from genre_core.locations import path_of
from genre_core.records import Source
from storage.files import digest_file
from storage.sources.folder import list_songs
from storage.tags.journal import Entry, Journal

N_THREADS = 4  # which mostly wait for the disk
_NO_TAG = "its tags name no genre. Add one, or take the song in with --unlabelled."
_WRITTEN = (
    "its genre is one that `genreflow tag` wrote, which is no label. Name its genre in its tags, "
    "or take the song in with --unlabelled."
)


def list_tagged(folder: Path, takes_unlabelled: bool) -> list[Source]:
    """List the songs of a folder of any shape under the genres of their tags, sorted by location.

    A song with several genres has all of them as ``labels``; one without is unlabelled, or has a
    ``label_fault``.
    """
    from storage.tags.reading import read_tag_genres  # PyAV takes a moment to load

    songs = list_songs(folder)
    with ThreadPoolExecutor(N_THREADS) as threads:
        found = threads.map(lambda song: read_tag_genres(Path(path_of(song.location))), songs)
        return [
            label(song, genres, "" if takes_unlabelled else _NO_TAG)
            for song, genres in zip(songs, found, strict=True)
        ]


def keep_own(songs: Sequence[Source], journal: Journal, takes_unlabelled: bool) -> list[Source]:
    """Return songs under the genres of the user: what `genreflow tag` wrote is no label.

    Their genres are of tags, or of a library of beets, which reads tags. A file that was moved
    since is known by its content.
    """
    fault, own = "" if takes_unlabelled else _WRITTEN, []
    sizes = {held[-1].n_bytes for held in journal.entries.values()}
    for song in songs:
        entries = journal.find(song.source_id or song.location) or _find_moved(song, journal, sizes)
        if entries and set(song.labels or (song.genre,)) == set(entries[-1].genres):
            song = label(replace(song, labels=(), genre=""), entries[0].former, fault)
        own.append(song)
    return own


def _find_moved(song: Source, journal: Journal, sizes: Collection[int]) -> list[Entry]:
    """Return the entries of a file by its content, which is read if one as long was written."""
    path = Path(path_of(song.location))
    try:
        if "://" in song.location or path.stat().st_size not in sizes:
            return []
        return journal.find_content(digest_file(path))
    except OSError:  # the next to read it says why
        return []


def label(song: Source, genres: Sequence[str], fault: str) -> Source:
    """Return a song with its genres; one without has the fault, or is unlabelled without one."""
    if not genres:
        return replace(song, label_fault=fault, is_unlabelled=not fault)
    several = tuple(genres) if len(genres) > 1 else ()
    return replace(song, genre="" if several else genres[0], labels=several, is_unlabelled=False)
