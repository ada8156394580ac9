"""The songs of a snapshot as the audit sees them, and which of them are one recording."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from genre_core.groups import join_artists
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
        Of its sound, see `genre_core.sound`; NaN where it was not measured.
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
