"""Groups: tracks that must be in one subset of a split (same artist, same recording)."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_OF_A_GENRE = 0.5
FEWEST_GROUPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A track to be assigned to a subset.

    ``artist`` is as tagged, empty if unknown. ``recordings`` are keys that it shares with
    duplicates; they link tracks in every genre, artists only in genres that are split by group.
    """

    track_id: str
    genre: str
    artist: str = ""
    recordings: tuple[str, ...] = ()


def fold_artist(artist: str) -> str:
    """Fold case, spaces and punctuation: ``"The  B-52's"`` and ``"the b52s"`` are one artist."""
    folded = unicodedata.normalize("NFKC", artist).casefold().strip()
    return re.sub(r"[\W_]+", "", folded) or folded


def group_keys(candidate: Candidate) -> tuple[str, ...]:
    """Keys that link a track to others where its genre is split by group."""
    artist = fold_artist(candidate.artist)
    own = (f"artist:{artist}",) if artist else (song_key(candidate),)
    return own + candidate.recordings


def song_keys(candidate: Candidate) -> tuple[str, ...]:
    """Keys that link a track to others where its genre is split by song."""
    return (song_key(candidate), *candidate.recordings)


def song_key(candidate: Candidate) -> str:
    """Name of the track as a group of its own."""
    return f"track:{candidate.track_id[:12]}"


def join_artists(group_ids: Sequence[str], artists: Sequence[str]) -> list[str]:
    """Join the groups of a split that share an artist; a joined group is named by one of them.

    In genres that are split by song, each song of an artist has a group of its own. An unknown
    artist joins nothing.
    """
    from scipy.cluster.hierarchy import DisjointSet

    joined: DisjointSet[str] = DisjointSet(group_ids)
    first: dict[str, str] = {}
    for group_id, artist in zip(group_ids, map(fold_artist, artists), strict=True):
        if artist:
            joined.merge(group_id, first.setdefault(artist, group_id))
    return [joined[group_id] for group_id in group_ids]


def genres_without_groups(candidates: Iterable[Candidate]) -> frozenset[str]:
    """Genres with fewer than three groups, or one with more than half of the songs."""
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    for candidate in candidates:
        sizes[candidate.genre][group_keys(candidate)[0]] += 1
    return frozenset(
        genre
        for genre, groups in sizes.items()
        if len(groups) < FEWEST_GROUPS or max(groups.values()) > MOST_OF_A_GENRE * groups.total()
    )
