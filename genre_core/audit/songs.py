"""Songs as the audit sees them: their recordings and their sources."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from genre_core.dataset.artists import fold_artist
from genre_core.dataset.groups import join_artists
from genre_core.dataset.joined import DisjointSets
from genre_core.records import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedSong:
    """A track of a snapshot, with everything from which its genre might be predicted.

    ``assigned`` is the subset in the catalog, other than ``split`` where one was tampered with;
    ``artist`` is as tagged, ``artists`` are from `name_artists`.
    Unknown numbers are 0; loudness and cut-off (`genre_core.signal.sound`) are NaN where they were
    not measured. Rates are in Hz and bits per second.
    """

    track_id: str
    genre: str
    split: Split
    assigned: str
    group_id: str
    split_level: str
    location: str
    artist: str = ""
    artists: tuple[str, ...] = ()
    album: str = ""
    publisher: str = ""
    year: int = 0
    packets_id: str = ""
    codec: str = ""
    sample_rate: int = 0
    bit_rate: int = 0
    channels: int = 0
    duration_s: float = 0.0
    n_bytes: int = 0
    loudness_db: float = float("nan")
    cutoff_hz: float = float("nan")


def fold_groups(songs: Sequence[AuditedSong]) -> list[str]:
    """Return the group of each song for folds: groups that share an artist are joined."""
    return join_artists([song.group_id for song in songs], [song.artists for song in songs])


def name_recordings(
    songs: Sequence[AuditedSong], duplicates: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Return the recording of each track; duplicates of duplicates are one recording.

    ``duplicates`` are pairs of track ids that are one recording by their fingerprints; they may
    link over songs that are not among ``songs``. Songs with the same packets are one, too.
    """
    joined = DisjointSets(song.track_id for song in songs)
    pairs = [(song.track_id, f"packets:{song.packets_id}") for song in songs if song.packets_id]
    for one, other in (*pairs, *duplicates):
        joined.merge(one, other)
    names = {track_id: min(alike) for alike in joined.sets() for track_id in alike}
    return {song.track_id: names[song.track_id] for song in songs}


FEWEST_SOURCES = 2
FEWEST_GENRES = 2


def collection_of(song: AuditedSong) -> str:
    """Site of an address, or the folder above the one that is named as the genre."""
    address = urlsplit(song.location)
    if address.netloc:
        return address.netloc.casefold()
    folders = song.location.split("/")[:-1]
    names = [folder.casefold() for folder in folders]
    genre = song.genre.casefold()
    return "/".join(folders[: names.index(genre)] if genre in names else folders)


def folder_of(song: AuditedSong) -> str:
    """Folder of a song, also of an address."""
    return song.location.rsplit("/", 1)[0]


def release_of(song: AuditedSong) -> str:
    """Album, if unknown the artist, then the folder."""
    if album := fold_artist(song.album):
        return f"album:{album}"
    return f"artist:{song.artists[0]}" if song.artists else f"folder:{folder_of(song)}"


SOURCE_LEVELS: Mapping[str, Callable[[AuditedSong], str]] = MappingProxyType(
    {"collection": collection_of, "folder": folder_of, "album": release_of}
)
"""From the widest to the narrowest."""


def name_sources(songs: Sequence[AuditedSong]) -> tuple[str, dict[str, str]]:
    """Return a level and the source of each track: the widest with two sources in two genres.

    The level is a key of ``SOURCE_LEVELS``; empty if there is none, and the sources are those of
    the narrowest.
    """
    sources: dict[str, str] = {}
    for level, name in SOURCE_LEVELS.items():
        sources = {song.track_id: name(song) for song in songs}
        if len(genres_of_several(songs, sources)) >= FEWEST_GENRES:
            return level, sources
    return "", sources


def genres_of_several(songs: Sequence[AuditedSong], sources: Mapping[str, str]) -> list[str]:
    """Genres whose songs come from at least two sources."""
    found: dict[str, set[str]] = defaultdict(set)
    for song in songs:
        found[song.genre].add(sources[song.track_id])
    return sorted(genre for genre, names in found.items() if len(names) >= FEWEST_SOURCES)


def assign_folds(sources: Mapping[str, str], n_folds: int) -> dict[str, int]:
    """Assign sources to folds of about equal size; up to ``n_folds`` sources are a fold each."""
    sizes = Counter(sources.values())
    filled = [0] * min(n_folds, len(sizes))
    folds: dict[str, int] = {}
    for source, n_songs in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        folds[source] = filled.index(min(filled))
        filled[folds[source]] += n_songs
    return folds
