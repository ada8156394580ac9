"""The 70/15/15 split by group, which never moves (thesis section 4.1.2)."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from scipy.cluster.hierarchy import DisjointSet

from genre_core.dataset.golden import NO_GOLDEN, GoldenConfig, choose_golden
from genre_core.dataset.groups import (
    Candidate,
    fold_artist,
    genres_without_groups,
    group_keys,
    song_keys,
)
from genre_core.records import Split

SHARES: Mapping[Split, float] = MappingProxyType(
    {Split.TRAIN: 0.70, Split.VALIDATION: 0.15, Split.TEST: 0.15}
)


def assign_groups(
    members: Mapping[str, Counter[str]],
    known: Mapping[str, Split],
    settled: Mapping[str, Counter[Split]],
    seed: int,
) -> dict[str, Split]:
    """Return the split of every group: the known one, or the one that lacks most songs.

    Parameters
    ----------
    members : mapping
        The number of new tracks of each group, by genre.
    known : mapping
        The split of each assigned group.
    settled : mapping
        The number of assigned tracks of each genre, by split.
    seed : int
        Decides among groups of equal size.

    Returns
    -------
    dict
        The split of each group of ``known`` and ``members``.
    """
    filled = defaultdict(Counter, {genre: Counter(counts) for genre, counts in settled.items()})
    for name in members.keys() & known.keys():
        _fill(filled, members[name], known[name])
    waiting = sorted(members.keys() - known.keys(), key=lambda n: _order(n, members[n], seed))
    totals = Counter({genre: sum(counts[s] for s in SHARES) for genre, counts in filled.items()})
    for name in waiting:
        totals.update(members[name])
    groups_left = Counter(genre for name in waiting for genre in members[name])
    splits = dict(known)
    for name in waiting:
        splits[name] = _emptiest(members[name], filled, totals, groups_left)
        _fill(filled, members[name], splits[name])
        groups_left.subtract(members[name].keys())
    return splits


def _fill(filled: dict[str, Counter[Split]], counts: Mapping[str, int], split: Split) -> None:
    for genre, n_tracks in counts.items():
        filled[genre][split] += n_tracks


def _order(name: str, counts: Counter[str], seed: int) -> tuple[int, str]:
    return -counts.total(), hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _emptiest(
    counts: Mapping[str, int],
    filled: Mapping[str, Counter[Split]],
    totals: Mapping[str, int],
    groups_left: Mapping[str, int],
) -> Split:
    """Split that lacks most songs of these genres.

    Splits without a song come first once there are only as many groups left.
    """

    def missing(split: Split) -> tuple[int, float]:
        urgent = sum(
            _must_fill_empty(filled[genre], groups_left[genre]) and not filled[genre][split]
            for genre in counts
        )
        songs = sum(
            n_tracks * (SHARES[split] * totals[genre] - filled[genre][split])
            for genre, n_tracks in counts.items()
        )
        return urgent, songs

    return max(SHARES, key=missing)


def _must_fill_empty(filled: Mapping[Split, int], groups_left: int) -> bool:
    return groups_left <= sum(not filled.get(split) for split in SHARES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The subset of a track; ``split_level`` is ``group`` or ``song``."""

    track_id: str
    genre: str
    split: Split
    group_id: str
    split_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """Assignments of new tracks, and messages about tracks that link two subsets."""

    assignments: tuple[Assignment, ...]
    conflicts: Mapping[str, str]


def assign(
    candidates: Sequence[Candidate],
    settled: Mapping[str, Assignment],
    seed: int,
    golden: GoldenConfig = NO_GOLDEN,
) -> SplitPlan:
    """Assign new tracks to subsets; settled ones never move.

    Parameters
    ----------
    candidates : sequence of Candidate
        All tracks of the library, settled ones included.
    settled : mapping
        ``track_id`` to the earlier assignment.
    seed : int
        Decides among groups of equal size.
    golden : GoldenConfig
        Size of the golden set, which is chosen first.

    Returns
    -------
    SplitPlan
        ``assignments`` of the new tracks in the order of their ids; ``conflicts`` maps a track
        id to a message that names the groups it links.

    Notes
    -----
    Thesis section 4.1.2 splits 70/15/15; by fragment there, by group here. Within each genre,
    groups are assigned, the largest first, to the subset that lacks most songs; a genre with three
    groups or more has songs in every subset.
    """
    levels = _levels(candidates, settled)
    groups = _Groups(candidates, settled, levels)
    new = sorted((c for c in candidates if c.track_id not in settled), key=lambda c: c.track_id)
    conflicts = {c.track_id: sentence for c in new if (sentence := groups.link(c))}
    assigned = [c for c in new if c.track_id not in conflicts]
    filled = _count_splits(settled.values())
    members, known = _members(assigned, groups), groups.splits()
    n_groups = _count_groups(candidates, groups, conflicts)
    known |= choose_golden(members, known, filled, n_groups, golden, seed)
    splits = assign_groups(members, known, filled, seed)
    assignments = tuple(_assignment(c, groups, splits, levels) for c in assigned)
    return SplitPlan(assignments=assignments, conflicts=MappingProxyType(conflicts))


def _levels(candidates: Sequence[Candidate], settled: Mapping[str, Assignment]) -> dict[str, str]:
    """Split level of each track: whether its artist links it to others.

    A genre that was split by group stays so, and so does an artist whose songs were split one by
    one: they may be in several subsets already.
    """
    grouped_before = {a.genre for a in settled.values() if a.split_level == "group"}
    by_song = genres_without_groups(candidates) - grouped_before
    split_by_song = {
        (c.genre, fold_artist(c.artist))
        for c in candidates
        if c.track_id in settled and settled[c.track_id].split_level == "song"
    }
    return {
        c.track_id: "song"
        if c.genre in by_song or (c.artist and (c.genre, fold_artist(c.artist)) in split_by_song)
        else "group"
        for c in candidates
    }


class _Groups:
    """Keys joined into groups; each root has the group's name and the subsets of its tracks.

    The name is the first of the group's keys. Settled tracks may be in two subsets if they were
    found to belong together after their assignment.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        settled: Mapping[str, Assignment],
        levels: Mapping[str, str],
    ) -> None:
        self._levels = levels
        self._joined: DisjointSet[str] = DisjointSet()
        self._names: dict[str, str] = {}
        self._splits: dict[str, frozenset[Split]] = {}
        for candidate in candidates:
            if candidate.track_id in settled:
                root = self._join(self._keys(candidate))
                self._splits[root] |= {settled[candidate.track_id].split}

    def link(self, candidate: Candidate) -> str:
        """Join a new track to its groups; return a message instead if they are in two subsets."""
        keys = self._keys(candidate)
        found = {key: self._splits[self._root(key)] for key in keys}
        if len(frozenset().union(*found.values())) > 1:
            links = ", ".join(
                f"{key} ({', '.join(sorted(splits))})" for key, splits in found.items() if splits
            )
            return f"the song links groups in different splits: {links}."
        self._join(keys)
        return ""

    def name(self, candidate: Candidate) -> str:
        """Name of the group of a track: the first of its keys."""
        return self._names[self._root(self._keys(candidate)[0])]

    def splits(self) -> dict[str, Split]:
        """Split of each group that has one."""
        return {self._names[root]: min(splits) for root, splits in self._splits.items() if splits}

    def _root(self, key: str) -> str:
        """Root of the group of a key; a new key is a group of its own."""
        if key not in self._joined:
            self._joined.add(key)
            self._names[key] = key
            self._splits[key] = frozenset()
        return self._joined[key]

    def _join(self, keys: Sequence[str]) -> str:
        """Join the groups of the keys; return the root."""
        roots = {self._root(key) for key in keys}
        names = [self._names.pop(root) for root in roots]
        splits = [self._splits.pop(root) for root in roots]
        for key in keys[1:]:
            self._joined.merge(keys[0], key)
        root = self._joined[keys[0]]
        self._names[root] = min(names)
        self._splits[root] = frozenset().union(*splits)
        return root

    def _keys(self, candidate: Candidate) -> tuple[str, ...]:
        by_group = self._levels[candidate.track_id] == "group"
        return group_keys(candidate) if by_group else song_keys(candidate)


def _members(assigned: Iterable[Candidate], groups: _Groups) -> dict[str, Counter[str]]:
    """Count the new tracks of each group by genre."""
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for candidate in assigned:
        members[groups.name(candidate)][candidate.genre] += 1
    return members


def _count_groups(
    candidates: Iterable[Candidate], groups: _Groups, conflicts: Mapping[str, str]
) -> dict[str, int]:
    """Count the groups of each genre, old and new."""
    names: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        if candidate.track_id not in conflicts:
            names[candidate.genre].add(groups.name(candidate))
    return {genre: len(found) for genre, found in names.items()}


def _count_splits(settled: Iterable[Assignment]) -> dict[str, Counter[Split]]:
    """Count the settled tracks of each genre by split."""
    filled: dict[str, Counter[Split]] = defaultdict(Counter)
    for assignment in settled:
        filled[assignment.genre][assignment.split] += 1
    return filled


def _assignment(
    candidate: Candidate,
    groups: _Groups,
    splits: Mapping[str, Split],
    levels: Mapping[str, str],
) -> Assignment:
    group_id = groups.name(candidate)
    return Assignment(
        track_id=candidate.track_id,
        genre=candidate.genre,
        split=splits[group_id],
        group_id=group_id,
        split_level=levels[candidate.track_id],
    )
