"""The 70/15/15 split by group, which never moves (thesis section 4.1.2)."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genre_core.dataset.golden import NO_GOLDEN, GoldenConfig, choose_golden
from genre_core.dataset.groups import (
    BY_GROUP,
    BY_MAIN_ARTIST,
    BY_SONG,
    KEYS,
    Candidate,
    level_genres,
)
from genre_core.dataset.joined import DisjointSets
from genre_core.records import Split

SHARES: Mapping[Split, float] = {Split.TRAIN: 0.70, Split.VALIDATION: 0.15, Split.TEST: 0.15}


def assign_groups(
    members: Mapping[str, Counter[str]], filled: Mapping[str, Counter[Split]], seed: int
) -> dict[str, Split]:
    """Assign each new group to the split that lacks most songs, the largest group first.

    ``members`` has the number of tracks of each group, by genre; ``filled`` the number of assigned
    tracks of each genre, by split. The seed decides among groups of equal size.
    """
    filled = defaultdict(Counter, {genre: Counter(counts) for genre, counts in filled.items()})
    totals = Counter({genre: sum(counts[s] for s in SHARES) for genre, counts in filled.items()})
    for counts in members.values():
        totals.update(counts)
    groups_left = Counter(genre for counts in members.values() for genre in counts)
    splits: dict[str, Split] = {}
    for name in sorted(members, key=lambda name: _order(name, members[name], seed)):
        counts = members[name]
        splits[name] = _emptiest(counts, filled, totals, groups_left)
        for genre, n_tracks in counts.items():
            filled[genre][splits[name]] += n_tracks
        groups_left.subtract(counts.keys())
    return splits


def _order(name: str, counts: Counter[str], seed: int) -> tuple[int, str]:
    return -counts.total(), hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _emptiest(
    counts: Mapping[str, int],
    filled: Mapping[str, Counter[Split]],
    totals: Mapping[str, int],
    groups_left: Mapping[str, int],
) -> Split:
    """Split that lacks most songs of these genres; empty ones first if few groups are left."""

    def missing(split: Split) -> tuple[int, float]:
        urgent = sum(
            groups_left[genre] <= sum(not filled[genre][s] for s in SHARES)
            and not filled[genre][split]
            for genre in counts
        )
        songs = sum(
            n_tracks * (SHARES[split] * totals[genre] - filled[genre][split])
            for genre, n_tracks in counts.items()
        )
        return urgent, songs

    return max(SHARES, key=missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The subset of a track; ``split_level`` is ``group``, ``main_artist`` or ``song``."""

    track_id: str
    genre: str
    split: Split
    group_id: str
    split_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """Assignments of new tracks by id, and messages about tracks that link two subsets.

    Assigned tracks are among those, too, if their artists were corrected since.
    """

    assignments: tuple[Assignment, ...]
    conflicts: Mapping[str, str]


def assign(
    candidates: Sequence[Candidate],
    settled: Mapping[str, Assignment],
    seed: int,
    golden: GoldenConfig = NO_GOLDEN,
) -> SplitPlan:
    """Assign new tracks to subsets; those of ``settled``, by track id, never move.

    ``candidates`` are all tracks of the library; one of ``settled`` may stand for those that are
    alike, also among the conflicts. The golden set is chosen first. Within each genre, groups are
    assigned, the largest first, to the subset that lacks most songs; a genre with three groups or
    more has songs in every subset. Thesis section 4.1.2 splits 70/15/15; by fragment there, by
    group here.
    """
    levels = _levels(candidates, settled)
    keys = {c.track_id: KEYS[levels[c.track_id]](c) for c in candidates}
    torn = _find_torn(candidates, settled, keys)
    groups = _Groups([c for c in candidates if c.track_id not in torn], settled, keys)
    new = sorted((c for c in candidates if c.track_id not in settled), key=lambda c: c.track_id)
    conflicts = torn | {c.track_id: sentence for c in new if (sentence := groups.link(c))}
    names = {c.track_id: groups.name(c) for c in candidates if c.track_id not in conflicts}
    assigned = [c for c in new if c.track_id not in conflicts]
    known = groups.splits()
    filled: dict[str, Counter[Split]] = defaultdict(Counter)
    n_alike = {c.track_id: c.n_tracks for c in candidates}
    for track_id, earlier in settled.items():
        filled[earlier.genre][earlier.split] += n_alike.get(track_id, 1)
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for candidate in assigned:
        name = names[candidate.track_id]
        if name in known:
            filled[candidate.genre][known[name]] += 1
        else:
            members[name][candidate.genre] += 1
    n_groups = _count_groups([c for c in candidates if c.track_id in names], names)
    chosen = choose_golden(members, filled, n_groups, golden, seed)
    others = {name: counts for name, counts in members.items() if name not in chosen}
    splits = known | dict.fromkeys(chosen, Split.GOLDEN) | assign_groups(others, filled, seed)
    assignments = tuple(
        Assignment(
            track_id=c.track_id,
            genre=c.genre,
            split=splits[names[c.track_id]],
            group_id=names[c.track_id],
            split_level=levels[c.track_id],
        )
        for c in assigned
    )
    return SplitPlan(assignments=assignments, conflicts=conflicts)


def _count_groups(candidates: Sequence[Candidate], names: Mapping[str, str]) -> Counter[str]:
    """Count the groups of each genre; a song without an artist is one of its own."""
    sizes = {
        (c.genre, names[c.track_id]): 1 if c.artists or c.recordings else c.n_tracks
        for c in candidates
    }
    n_groups: Counter[str] = Counter()
    for (genre, _), n in sizes.items():
        n_groups[genre] += n
    return n_groups


def find_torn(candidates: Sequence[Candidate], settled: Mapping[str, Assignment]) -> dict[str, str]:
    """Return, by track, messages about assigned tracks that share an artist across subsets.

    That is so once the artist of a track was corrected. The artist stays where most of its tracks
    are, and of as many, where the group has its name; the others are to be left out.
    """
    mine = [c for c in candidates if c.track_id in settled]
    keys = {c.track_id: KEYS[settled[c.track_id].split_level](c) for c in mine}
    return _find_torn(mine, settled, keys)


def _find_torn(
    candidates: Sequence[Candidate],
    settled: Mapping[str, Assignment],
    keys_of: Mapping[str, tuple[str, ...]],
) -> dict[str, str]:
    places: dict[str, Counter[Split]] = defaultdict(Counter)
    named: dict[str, Counter[Split]] = defaultdict(Counter)
    mine = [
        (candidate, place, keys)
        for candidate in candidates
        if (place := settled.get(candidate.track_id))
        and (keys := _tying_keys(candidate, place, keys_of[candidate.track_id]))
    ]
    alike: Counter[tuple[tuple[str, ...], Split, str]] = Counter()
    for candidate, place, keys in mine:
        alike[keys, place.split, place.group_id] += candidate.n_tracks
    for (keys, split, group_id), n_tracks in alike.items():
        for key in keys:
            places[key][split] += n_tracks
            named[key][split] += n_tracks * (group_id == key)
    home = {
        key: max(sorted(counts), key=lambda split: (counts[split], named[key][split]))
        for key, counts in places.items()
    }
    torn: dict[str, str] = {}
    for candidate, place, keys in mine:
        away = [f"{key} ({home[key]})" for key in keys if home[key] != place.split]
        if away:
            torn[candidate.track_id] = (
                f"the song was assigned to {place.split}, and songs that now share an artist with "
                f"it are in other splits: {', '.join(away)}. Splits stay, so it is left out of new "
                "snapshots; it comes back if its artist is corrected."
            )
    return torn


def _tying_keys(candidate: Candidate, place: Assignment, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Those of its keys by which the artists of an assigned track tie it to others."""
    if place.split_level == BY_SONG or not candidate.artists:
        return ()
    return keys[: len(keys) - len(candidate.recordings)] if candidate.recordings else keys


def _levels(candidates: Sequence[Candidate], settled: Mapping[str, Assignment]) -> dict[str, str]:
    """Split level of each track: whether its artists link it to others.

    A genre that was split by group stays so, and so does an artist whose songs were split one by
    one: they may be in several subsets already.
    """
    used = {(place.genre, place.split_level) for place in settled.values()}
    known = {
        genre: level
        for level in (BY_MAIN_ARTIST, BY_GROUP)
        for genre, used_level in used
        if used_level == level
    }
    of_genre = known | level_genres(c for c in candidates if c.genre not in known)
    split_by_song = {
        (c.genre, artist)
        for c in candidates
        if c.track_id in settled and settled[c.track_id].split_level == BY_SONG
        for artist in c.artists[:1]
    }
    new = {
        c.track_id: BY_SONG if (c.genre, *c.artists[:1]) in split_by_song else of_genre[c.genre]
        for c in candidates
    }
    return new | {track_id: place.split_level for track_id, place in settled.items()}


class _Groups:
    """Keys joined into groups, each named by the first of its keys, and the splits of its tracks.

    Settled tracks of a group may be in two splits if they were found to belong together after
    their assignment. What is known of a group is kept under the root of its keys: no group is
    ever listed, so that a track costs the same in a large group as in a small one.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        settled: Mapping[str, Assignment],
        keys: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._keys = keys  # by track
        self._joined: DisjointSets[str] = DisjointSets()
        self._names: dict[str, str] = {}  # by root
        self._splits: dict[str, frozenset[Split]] = {}  # by root
        places = {
            (keys[c.track_id], settled[c.track_id].split)
            for c in candidates
            if c.track_id in settled
        }
        for own, split in places:
            root = self._join(own)
            self._splits[root] |= {split}

    def link(self, candidate: Candidate) -> str:
        """Join a new track to its groups; return a message instead if they are in two subsets."""
        keys = self._keys[candidate.track_id]
        found = {key: self._splits[self._root(key)] for key in keys}
        if len(frozenset().union(*found.values())) > 1:
            links = ", ".join(
                f"{key} ({', '.join(sorted(splits))})" for key, splits in found.items() if splits
            )
            return f"the song links groups in different splits: {links}."
        self._join(keys)
        return ""

    def name(self, candidate: Candidate) -> str:
        """Name of the group of a track."""
        return self._names[self._root(self._keys[candidate.track_id][0])]

    def splits(self) -> dict[str, Split]:
        """Split of each group that has one."""
        return {self._names[root]: min(found) for root, found in self._splits.items() if found}

    def _join(self, keys: Sequence[str]) -> str:
        """Join keys to one group; return its root."""
        root = self._root(keys[0])
        for key in keys[1:]:
            if (other := self._root(key)) != root:
                pair = (root, other)
                self._joined.merge(*pair)
                root = self._joined[root]
                self._names[root] = min(self._names.pop(one) for one in pair)
                splits = [self._splits.pop(one) for one in pair]
                self._splits[root] = splits[0] | splits[1]
        return root

    def _root(self, key: str) -> str:
        if key not in self._joined:
            self._joined.add(key)
            self._names[key], self._splits[key] = key, frozenset()
        return self._joined[key]
