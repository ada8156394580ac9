"""What commands of the pipeline and of the studies refuse before a flow starts."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.app import require_home
from flows.settings import read_settings
from genre_core.dataset.labels import label_source, unify_genres
from genre_core.dataset.listing import explain_genres, find_artist_folders
from genre_core.errors import GenreflowError, UsageError
from genre_core.locations import path_of
from genre_core.records import Header, Source, counted
from storage.catalog.query import query_rows
from storage.catalog.status import require_known_genres, require_lengths
from storage.fetch.sites.access import open_access
from storage.sources.listing import (
    Layout,
    Listed,
    known_music,
    list_library,
    name_music,
    require_place,
)

if TYPE_CHECKING:
    from flows.settings import Settings

N_READ = 100
"""Songs whose tags are read for a suggestion, at most."""


def require_several_genres(config: "Settings") -> None:
    """Refuse a library whose genres are none: artists; in an empty home, also one genre alone.

    A library that the home knows, and one without labels, may be as it is.
    """
    (library,) = config.libraries()
    is_known = name_music(library.music) in known_music(library.layout)
    is_empty = not (
        library.layout.published.exists()
        and query_rows(library.layout, "select 1 from tracks limit 1")
    )
    if library.unlabelled or (is_known and not is_empty):
        return
    listed = list_quietly(library)
    labelled = [
        label_source(source, library.genre_map, library.genres) for source in listed.sources
    ]
    explain = explain_genres if is_empty else find_artist_folders
    if fault := explain(unify_genres(labelled, library.genres), find_artist):
        raise UsageError(f"{fault} {suggest_labels(listed)}")


def list_quietly(library: "Settings") -> Listed:
    """List the songs of a library without the warnings, which whoever lists them again repeats."""
    logger = logging.getLogger("storage.sources")
    logger.setLevel(logging.ERROR)
    try:
        return list_library(
            library.music,
            takes_unlabelled=library.unlabelled,
            label_from=library.label_from,
        )
    finally:
        logger.setLevel(logging.NOTSET)


def suggest_labels(listed: Listed) -> str:
    """Say what to do where the genres of a listing are none; the tags of some songs are read."""
    has_genres = any(s.labels or (s.genre and not s.label_fault) for s in listed.sources)
    kept = "If these are the genres, use --yes; if" if has_genres else "If"
    others = f"{kept} the songs have none, `genreflow ingest --unlabelled`."
    if listed.layout is Layout.FOLDER:
        tagged = [read_tags(song) for song in listed.sources[:: -(-len(listed.sources) // N_READ)]]
        n_named = sum(bool(found and found.genre) for found in tagged)
        if n_named > len(tagged) / 2:
            return (
                f"{n_named} of {counted(len(tagged), 'song')} that were scanned have a genre in "
                f"their tags: use --label-from tag. {others}"
            )
    if listed.layout in (Layout.MANIFEST, Layout.BEETS):
        return f"Correct the genres there. {others}"
    return f"Name a folder with one folder a genre, or a manifest. {others}"


def find_artist(source: Source) -> str:
    """Return the artist that a listing or the tags of a file name; empty if none does."""
    if source.artist or "://" in source.location:
        return source.artist
    found = read_tags(source)
    return found.artist if found else ""


def read_tags(source: Source) -> Header | None:
    """Return the header of a song's file; None if it cannot be read."""
    from storage.audio.probe import read_header  # PyAV takes a moment to load

    try:
        return read_header(Path(path_of(source.location)))
    except GenreflowError:
        return None


def require_extractable(config: "Settings") -> None:
    """Refuse settings of a folder that is no home, or a length that was asked for in vain."""
    require_home(config)
    require_given_lengths(config)


def require_given_lengths(config: "Settings") -> None:
    """Refuse fragments, if others than those of the home, that most songs are too short for."""
    own = read_settings(home=config.home)
    if config.fragment_lengths_s != own.fragment_lengths_s:
        require_lengths(config.layout, config.known_features)


def require_trainable(config: "Settings") -> None:
    """Refuse, besides, genres that no song there has."""
    require_extractable(config)
    require_known_genres(config.layout, config.genres)


def require_studied(config: "Settings") -> None:
    """Refuse a study under the protocol of the thesis that most songs are too short for."""
    require_home(config)
    require_known_genres(config.layout, config.genres)
    require_lengths(config.layout, config.of_thesis.known_features)


def require_named_music(config: "Settings", named: str | None, download: str | None) -> None:
    """Refuse music that is not there, or is named beside a collection to be fetched."""
    if named and download:
        raise UsageError("Name a library or --download, not both.")
    require_given_lengths(config)
    if config.music and not download:
        require_place(config.music)


def require_known_music(config: "Settings", named: str | None, download: str | None) -> None:
    """Refuse, besides, to go without music in a home that knows none."""
    require_named_music(config, named, download)
    open_access(config.sites)
    for library in [] if download else config.libraries():
        require_place(library.music)
