"""List the songs of a music library, whatever form it has."""

import logging
from collections.abc import Sequence
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.fma import find_fma, list_fma
from storage.sources.folder import audio_files, list_folder
from storage.sources.gtzan import find_gtzan, list_gtzan
from storage.sources.jamendo import TABLE_SUFFIX, find_jamendo, list_jamendo
from storage.sources.manifest import MANIFEST_SUFFIXES, list_manifest

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
    place = Path(music).expanduser()
    try:
        sources = _list_place(place)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}. Check its rights.") from error
    if not sources:
        message = f"{place} holds no songs. Put them in one folder per genre, or name a manifest."
        raise UsageError(message)
    return sources


def _list_place(place: Path) -> list[Source]:
    if not place.exists():
        raise UsageError(f"{place} is not there. Name a folder of music or a manifest.")
    return _list_within(place) if place.is_dir() else _list_table(place)


def _list_within(place: Path) -> list[Source]:
    """List a folder; a manifest is stronger than a layout."""
    if (manifest := place / "manifest.csv").is_file():
        return list_manifest(manifest)
    collection = _list_collection(_absolute(place))
    if not collection:
        return list_folder(place)
    _tell_others(place, collection)
    return collection


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
    if find_jamendo(place):
        return list_jamendo(place)
    known = ", ".join((*MANIFEST_SUFFIXES, TABLE_SUFFIX))
    raise UsageError(f"{place} is neither a folder nor a manifest ({known}).")
