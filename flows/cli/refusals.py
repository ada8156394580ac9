"""What commands of the pipeline and of the studies refuse before a flow starts."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.app import require_home
from flows.settings import read_settings
from genre_core.dataset.labels import label_source, unify_genres
from genre_core.dataset.listing import explain_genres
from genre_core.errors import UsageError
from genre_core.locations import path_of
from genre_core.records import Source
from storage.catalog.query import query_rows
from storage.catalog.status import require_known_genres, require_lengths
from storage.fetch.sites.access import open_access
from storage.sources.listing import list_sources, require_place

if TYPE_CHECKING:
    from flows.settings import Settings


def require_several_genres(config: "Settings") -> None:
    """Refuse the first listing of a home if its genres are none: one alone, or artists."""
    layout = config.layout
    if config.unlabelled or (
        layout.published.exists() and query_rows(layout, "select 1 from tracks limit 1")
    ):
        return
    logger = logging.getLogger("storage.sources")
    logger.setLevel(logging.ERROR)  # the flow lists the songs again, and warns then
    try:
        listed = list_sources(config.music)
    finally:
        logger.setLevel(logging.NOTSET)
    labelled = [label_source(source, config.genre_map, config.genres) for source in listed]
    if fault := explain_genres(unify_genres(labelled, config.genres), _find_artist):
        raise UsageError(
            f"{fault} Name a folder with one folder a genre, or a manifest. If these are the "
            "genres, use --yes; if the songs have none, `genreflow ingest --unlabelled`."
        )


def _find_artist(source: Source) -> str:
    from storage.audio.probe import read_artist  # PyAV takes a moment to load

    if source.artist or "://" in source.location:
        return source.artist
    return read_artist(Path(path_of(source.location)))


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
