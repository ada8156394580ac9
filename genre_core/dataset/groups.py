"""Groups: tracks that must be in one subset of a split (same artist, same recording)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from genre_core.dataset.joined import DisjointSets

MOST_OF_A_GENRE = 0.5
FEWEST_GROUPS = 3
BY_GROUP, BY_MAIN_ARTIST, BY_SONG = "group", "main_artist", "song"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A track to be assigned to a subset.

    ``artists`` are from `name_artists`, the main one first, empty if unknown. ``recordings`` are
    keys that it shares with duplicates; they link tracks in every genre, artists only in genres
    that are not split by song. One that is assigned stands for ``n_tracks`` alike in genre,
    artists, subset and group, and have no duplicates.
    """

    track_id: str
    genre: str
    artists: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    n_tracks: int = 1


def group_keys(candidate: Candidate) -> tuple[str, ...]:
    """Keys that link a track to others where its genre is split by group: all its artists."""
    return _artist_keys(candidate, candidate.artists)


def main_artist_keys(candidate: Candidate) -> tuple[str, ...]:
    """Keys that link a track to others where its genre is split by main artist."""
    return _artist_keys(candidate, candidate.artists[:1])


def _artist_keys(candidate: Candidate, artists: tuple[str, ...]) -> tuple[str, ...]:
    keys = tuple(f"artist:{artist}" for artist in artists) or (song_key(candidate),)
    return keys + candidate.recordings


def song_keys(candidate: Candidate) -> tuple[str, ...]:
    """Keys that link a track to others where its genre is split by song."""
    return (song_key(candidate), *candidate.recordings)


def song_key(candidate: Candidate) -> str:
    """Name of the track as a group of its own."""
    return f"track:{candidate.track_id[:12]}"


KEYS: Mapping[str, Callable[[Candidate], tuple[str, ...]]] = MappingProxyType(
    {BY_GROUP: group_keys, BY_MAIN_ARTIST: main_artist_keys, BY_SONG: song_keys}
)
"""The keys of a track by the level that its genre is split at, the strictest first."""


def join_artists(group_ids: Sequence[str], artists: Sequence[Sequence[str]]) -> list[str]:
    """Join the groups of a split that share an artist; a joined group is named by one of them.

    ``artists`` are from `name_artists`. In genres that are split by song, each song of an artist
    has a group of its own. An unknown artist joins nothing.
    """
    joined = DisjointSets(group_ids)
    first: dict[str, str] = {}
    for group_id, names in zip(group_ids, artists, strict=True):
        for artist in names:
            joined.merge(group_id, first.setdefault(artist, group_id))
    return [joined[group_id] for group_id in group_ids]


def level_genres(candidates: Iterable[Candidate]) -> dict[str, str]:
    """Return the strictest level that each genre can be split at.

    That needs three groups, none with more than half of the songs. Featured artists can tie most
    songs of a genre; then main artists alone are kept apart.
    """
    members: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        members[candidate.genre].append(candidate)
    return {genre: _level(own) for genre, own in members.items()}


def _level(members: Sequence[Candidate]) -> str:
    for level in (BY_GROUP, BY_MAIN_ARTIST):
        sizes = _group_sizes([KEYS[level](candidate) for candidate in members])
        if len(sizes) >= FEWEST_GROUPS and max(sizes) <= MOST_OF_A_GENRE * len(members):
            return level
    return BY_SONG


def _group_sizes(keys: Sequence[tuple[str, ...]]) -> list[int]:
    joined: DisjointSets[str] = DisjointSets()
    alike = Counter(keys)
    for own in alike:
        for key in own:
            joined.merge(own[0], key)
    sizes: Counter[str] = Counter()
    for own, n_tracks in alike.items():
        sizes[joined[own[0]]] += n_tracks
    return list(sizes.values())
