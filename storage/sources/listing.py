"""List the songs of a music library, whatever form it has, with genres or without."""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from genre_core.dataset.labels import LabelsFrom
from genre_core.errors import UsageError
from genre_core.locations import location_of, path_of
from genre_core.records import Outcome, Source, counted
from storage.fetch.limits import Clock, DownloadLimits
from storage.fetch.sites.access import Access
from storage.fetch.sites.pages import find_page
from storage.files import write_bytes
from storage.home import DataLayout
from storage.sources.beets import BEETS_SUFFIXES, list_beets
from storage.sources.collections import (
    find_jamendo,
    list_collection,
    list_inner,
    list_jamendo,
)
from storage.sources.folder import PassedOver, find_songs, list_folder, list_songs
from storage.sources.identity import identify
from storage.sources.manifest import MANIFEST_SUFFIXES, list_manifest
from storage.sources.tagged import list_tagged

logger = logging.getLogger(__name__)


class Layout(StrEnum):
    """Where the labels of a library turned out to be; the values are for people."""

    FOLDER = "the names of its folders"
    TAG = "in the tags of its files"
    MANIFEST = "in its manifest"
    COLLECTION = "those of a public collection"
    BEETS = "those of beets"
    NONE = "left out"

    @property
    def reads_tags(self) -> bool:
        """Whether labels may be what `genreflow tag` wrote."""
        return self in (Layout.TAG, Layout.BEETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The songs of a library, and where their labels are."""

    sources: list[Source]
    layout: Layout


def list_sources(
    music: str | Path, *, takes_unlabelled: bool = False, label_from: str = ""
) -> list[Source]:
    """List the songs of a music library (`list_library`)."""
    return list_library(music, takes_unlabelled=takes_unlabelled, label_from=label_from).sources


def list_library(
    music: str | Path, *, takes_unlabelled: bool = False, label_from: str = ""
) -> Listed:
    """List the songs of a folder, a manifest, a public collection or a library of beets.

    A folder that holds a ``manifest.csv`` is read by it, one in the layout of FMA, GTZAN or
    MTG-Jamendo as that collection, another folder by its genre folders; a file is a manifest, a
    table of MTG-Jamendo, or of beets. ``label_from``, a value of `LabelsFrom`, chooses for a
    folder. With ``takes_unlabelled``, songs without a genre are unlabelled, and a folder may have
    any shape: unless ``label_from`` says otherwise, names of folders mean nothing then, except in
    FMA and MTG-Jamendo. The order is the same every time.
    """
    place = require_place(music)
    try:
        listed = (
            _list_chosen(place, LabelsFrom(label_from), takes_unlabelled)
            if label_from
            else _list_place(place, takes_unlabelled)
        )
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}. Check its rights.") from error
    if not listed.sources:
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
    suffixes = (*MANIFEST_SUFFIXES, *BEETS_SUFFIXES)
    is_table = place.suffix.lower() in suffixes or find_jamendo(place) is not None
    if not place.is_dir() and not is_table:
        raise UsageError(
            f"{place} is neither a folder nor a manifest ({', '.join(MANIFEST_SUFFIXES)}) nor of "
            f"beets ({', '.join(BEETS_SUFFIXES)})."
        )
    return place


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMusic:
    """How a home took a library in: whether also unlabelled songs, and its `LabelsFrom`."""

    unlabelled: bool = False
    label_from: str = ""


def known_music(layout: DataLayout) -> dict[str, KnownMusic]:
    """Return the libraries that a home was fed from, the latest last."""
    try:
        noted = dict(json.loads(layout.music_note.read_text("utf-8")))
        return {  # a note of earlier versions is whether as unlabelled
            str(layout.home / name): KnownMusic(**note)
            if isinstance(note, dict)
            else KnownMusic(unlabelled=note)
            for name, note in noted.items()
        }
    except (OSError, ValueError, TypeError):
        return {}


def name_music(music: str) -> str:
    """Return the name under which a home knows a library."""
    return str(Path(music).expanduser().absolute())


def remember_music(layout: DataLayout, music: str, how: KnownMusic) -> None:
    """Note a library, so that later ingests need not name it.

    The built-in library is forgotten with the first other one.
    """
    place, builtin = name_music(music), str(layout.builtin)
    noted = known_music(layout)
    others = {name: option for name, option in noted.items() if name not in (place, builtin)}
    known = others | {place: how}
    if list(known.items()) != list(noted.items()):
        # a place in the home is relative to it, for a home that moves
        document = {
            name.removeprefix(f"{layout.home}{os.sep}"): asdict(option)
            for name, option in known.items()
        }
        write_bytes(layout.music_note, json.dumps(document, indent=2).encode())


def _list_chosen(place: Path, label_from: LabelsFrom, takes_unlabelled: bool) -> Listed:
    """List a library whose labels are where the user says; refuse what cannot be so."""
    is_folder, manifest = place.is_dir(), _manifest_of(place)
    if label_from is LabelsFrom.MANIFEST:
        if is_folder and not manifest.is_file():
            raise UsageError(f"{place} has no manifest.csv. Name the manifest, or add one.")
        return _list_place(manifest if is_folder else place, takes_unlabelled)
    if not is_folder:
        raise UsageError(
            f"{place} is a table of songs and has their labels itself. --label-from {label_from} "
            "is for a folder; leave it out."
        )
    if label_from is LabelsFrom.TAG:
        return Listed(sources=list_tagged(place, takes_unlabelled), layout=Layout.TAG)
    sources = list_folder(place)
    if takes_unlabelled:
        sources = _unlabel(sources)
    return Listed(sources=sources, layout=Layout.FOLDER)


def _manifest_of(place: Path) -> Path:
    return place / "manifest.csv" if place.is_dir() else place


def _list_place(place: Path, takes_unlabelled: bool) -> Listed:
    manifest = _manifest_of(place)
    is_table = place.is_file() and find_jamendo(place) is not None
    if place.is_file() and place.suffix.lower() in BEETS_SUFFIXES:
        return Listed(sources=list_beets(place, takes_unlabelled), layout=Layout.BEETS)
    if manifest.is_file() and manifest.suffix.lower() in MANIFEST_SUFFIXES and not is_table:
        sources = list_manifest(manifest, takes_unlabelled=takes_unlabelled)
        return Listed(sources=sources, layout=Layout.MANIFEST)
    # all but the last name is resolved, which may be that of a link
    is_unnamed = place.name in ("", "..")
    named = place.resolve() if is_unnamed else place.parent.resolve() / place.name
    listed = list_jamendo(place) if is_table else list_collection(named, not takes_unlabelled)
    if takes_unlabelled and listed:
        return Listed(sources=_unlabel(listed), layout=Layout.COLLECTION)
    if takes_unlabelled:
        return Listed(sources=list_songs(place), layout=Layout.NONE)
    if listed:
        if not is_table:
            _warn_of_others(named, listed)
        return Listed(sources=listed, layout=Layout.COLLECTION)
    listed = list_folder(place)
    inner = list_inner(place, listed)
    return Listed(sources=inner or listed, layout=Layout.COLLECTION if inner else Layout.FOLDER)


def _unlabel(listed: Sequence[Source]) -> list[Source]:
    """Return songs of which those without a label are unlabelled."""
    return [
        s if s.genre or s.labels else replace(s, label_fault="", is_unlabelled=True) for s in listed
    ]


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
