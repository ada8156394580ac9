"""A music library whose genres are in the tags of its files."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from genre_core.locations import path_of
from genre_core.records import Source
from storage.sources.folder import list_songs
from storage.tags.journal import Journal

N_THREADS = 4  # which mostly wait for the disk
_NO_TAG = "its tags name no genre. Add one, or take the song in with --unlabelled."


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
    """Return tagged songs under the genres of the user: what `genreflow tag` wrote is no label."""
    fault, own = "" if takes_unlabelled else _NO_TAG, []
    for song in songs:
        entries = journal.find(song.source_id or song.location)
        if entries and set(song.labels or (song.genre,)) == set(entries[-1].genres):
            song = label(replace(song, labels=(), genre=""), entries[0].former, fault)
        own.append(song)
    return own


def label(song: Source, genres: Sequence[str], fault: str) -> Source:
    """Return a song with its genres; one without has the fault, or is unlabelled without one."""
    if not genres:
        return replace(song, label_fault=fault, is_unlabelled=not fault)
    several = tuple(genres) if len(genres) > 1 else ()
    return replace(song, genre="" if several else genres[0], labels=several, is_unlabelled=False)
