"""The songs of a snapshot as the audit sees them, and which of them are one recording."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from genre_core.dataset.groups import fold_artist, join_artists
from genre_core.records import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedSong:
    """A track of a snapshot, with all that might give its genre away.

    Attributes
    ----------
    assigned : str
        The side that the catalog keeps for it; other than ``split`` where one was tampered with.
    publisher : str
        Its record label.
    year : int
        Of its release; 0 where it is unknown.
    codec, sample_rate, bit_rate, channels, duration_s, n_bytes
        Of its file: Hz, bits per second, seconds, bytes; 0 where nobody knows.
    loudness_db, cutoff_hz : float
        Of its sound, see `genre_core.signal.sound`; NaN where it was not measured.
    """

    track_id: str
    genre: str
    split: Split
    assigned: str
    group_id: str
    split_level: str
    location: str
    artist: str = ""
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
    """Return the group of each song for folds: groups of the split that share an artist are one."""
    return join_artists([song.group_id for song in songs], [song.artist for song in songs])


def name_recordings(
    songs: Sequence[AuditedSong], copies: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Name the recording of each song; copies of copies are one recording.

    Parameters
    ----------
    songs : sequence of AuditedSong
        Those with the same packets are one recording, too.
    copies : iterable of (str, str)
        Pairs of track ids that are one recording, as fingerprints tell; they may lead over songs
        that are not among ``songs``.

    Returns
    -------
    dict
        ``track_id`` to the smallest of its recording's keys.
    """
    from scipy.cluster.hierarchy import DisjointSet

    joined = DisjointSet(song.track_id for song in songs)
    pairs = [(song.track_id, f"packets:{song.packets_id}") for song in songs if song.packets_id]
    for one, other in (*pairs, *copies):
        joined.add(one)
        joined.add(other)
        joined.merge(one, other)
    return {song.track_id: min(joined.subset(song.track_id)) for song in songs}


def sides_of(songs: Sequence[AuditedSong], keys: Mapping[str, str]) -> dict[str, set[Split]]:
    """Give the sides on which each key stands; songs without a key are left out."""
    sides: dict[str, set[Split]] = {}
    for song in songs:
        if key := keys.get(song.track_id, ""):
            sides.setdefault(key, set()).add(song.split)
    return sides


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
