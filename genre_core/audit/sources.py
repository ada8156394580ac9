"""Where songs come from: site or collection, folder, album or artist."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

from genre_core.audit.songs import AuditedSong
from genre_core.groups import fold_artist

FEWEST_SOURCES = 2
FEWEST_GENRES = 2


def collection_of(song: AuditedSong) -> str:
    """Give the site of an address, or what stands above the folder that is named as the genre."""
    address = urlsplit(song.location)
    if address.netloc:
        return address.netloc.casefold()
    folders = song.location.split("/")[:-1]
    names = [folder.casefold() for folder in folders]
    genre = song.genre.casefold()
    return "/".join(folders[: names.index(genre)] if genre in names else folders)


def folder_of(song: AuditedSong) -> str:
    """Give the folder of a song, also of an address."""
    return song.location.rsplit("/", 1)[0]


def release_of(song: AuditedSong) -> str:
    """Give the album, where nobody knows it the artist, then the folder."""
    album, artist = fold_artist(song.album), fold_artist(song.artist)
    if album:
        return f"album:{album}"
    return f"artist:{artist}" if artist else f"folder:{folder_of(song)}"


SOURCE_LEVELS: Mapping[str, Callable[[AuditedSong], str]] = MappingProxyType(
    {"collection": collection_of, "folder": folder_of, "album": release_of}
)
"""From the widest to the narrowest."""


def name_sources(songs: Sequence[AuditedSong]) -> tuple[str, dict[str, str]]:
    """Name the source of each song, at the widest level where several can be told apart.

    Returns
    -------
    level : str
        A key of ``SOURCE_LEVELS``; empty if at none of them two genres have two sources each.
    sources : dict
        ``track_id`` to its source at that level, at the narrowest if there is none.
    """
    sources: dict[str, str] = {}
    for level, name in SOURCE_LEVELS.items():
        sources = {song.track_id: name(song) for song in songs}
        if len(genres_of_several(songs, sources)) >= FEWEST_GENRES:
            return level, sources
    return "", sources


def genres_of_several(songs: Sequence[AuditedSong], sources: Mapping[str, str]) -> list[str]:
    """Name the genres whose songs come from two sources at least."""
    found: dict[str, set[str]] = defaultdict(set)
    for song in songs:
        found[song.genre].add(sources[song.track_id])
    return sorted(genre for genre, names in found.items() if len(names) >= FEWEST_SOURCES)


def deal_sources(sources: Mapping[str, str], n_folds: int) -> dict[str, int]:
    """Deal sources into folds of about equal size, the largest first; a fold is left out at once.

    With ``n_folds`` sources or fewer, each is a fold of its own.
    """
    sizes = Counter(sources.values())
    filled = [0] * min(n_folds, len(sizes))
    folds: dict[str, int] = {}
    for source, n_songs in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        folds[source] = filled.index(min(filled))
        filled[folds[source]] += n_songs
    return folds
