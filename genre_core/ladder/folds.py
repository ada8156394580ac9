"""Folds: which songs stand together, and the part in which each of them is scored."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from genre_core.audit.songs import AuditedSong
from genre_core.audit.sources import name_sources
from genre_core.examples import Int64Array
from genre_core.groups import fold_artist
from genre_core.ladder.rungs import Division

FEWEST_GROUPS = 2
FEWEST_GENRES = 2
NEVER_SCORED = -1

Groups = Mapping[str, str] | Mapping[str, int]
"""``track_id`` to the name of what must not be torn apart, or to its fold."""


def group_songs(
    songs: Sequence[AuditedSong], recordings: Mapping[str, str], division: Division
) -> dict[str, str]:
    """Join songs that must stand in one fold.

    Parameters
    ----------
    songs : sequence of AuditedSong
    recordings : mapping
        Copies of one recording are one song, see `name_recordings`.
    division : Division
        ``ARTIST`` also joins songs of one artist, as far as artists are known, and ``SOURCE``
        those of one source, too: each holds what was held before.

    Returns
    -------
    dict
        ``track_id`` to its group.
    """
    from scipy.cluster.hierarchy import DisjointSet

    _, sources = name_sources(songs) if division == Division.SOURCE else ("", {})
    joined: DisjointSet[str] = DisjointSet(recordings[song.track_id] for song in songs)
    for song in songs:
        for key in _keys(song, sources, division):
            joined.add(key)
            joined.merge(recordings[song.track_id], key)
    return {song.track_id: joined[recordings[song.track_id]] for song in songs}


def divisible_genres(songs: Sequence[AuditedSong], groups: Groups) -> set[str]:
    """Give the genres that can be learnt while one of their groups is held out."""
    found: dict[str, set[str | int]] = defaultdict(set)
    for song in songs:
        found[song.genre].add(groups[song.track_id])
    return {genre for genre, names in found.items() if len(names) >= FEWEST_GROUPS}


def deal_songs(
    songs: Sequence[AuditedSong], groups: Mapping[str, str], n_folds: int, rng: np.random.Generator
) -> dict[str, int]:
    """Deal whole groups into folds, so that each genre is spread over them.

    Parameters
    ----------
    songs : sequence of AuditedSong
    groups : mapping
    n_folds : int
    rng : numpy.random.Generator
        Decides among groups of equal size.

    Returns
    -------
    dict
        ``track_id`` to its fold; -1 for songs of genres that stand in one fold alone, such
        as those of one group: they are trained on in all folds, and never scored.
    """
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for song in songs:
        members[groups[song.track_id]][song.genre] += 1
    fold_of_group = _deal_groups(members, n_folds, rng)
    folds = {song.track_id: fold_of_group[groups[song.track_id]] for song in songs}
    scored = divisible_genres(songs, folds)
    return {
        song.track_id: folds[song.track_id] if song.genre in scored else NEVER_SCORED
        for song in songs
    }


def deal_fragments(n_examples: int, n_folds: int, rng: np.random.Generator) -> Int64Array:
    """Deal examples into folds of equal size, whatever their songs."""
    return rng.permutation(np.arange(n_examples, dtype=np.int64) % n_folds)


def describe_groups(
    songs: Sequence[AuditedSong], groups: Groups, division: Division, n_folds: int
) -> str:
    """Say what a division cannot test, or what makes it weak; empty if there is nothing to say."""
    testable = divisible_genres(songs, groups)
    single = sorted({song.genre for song in songs} - testable)
    sentences = []
    if single:
        sentences.append(
            f"one {division} only, so trained on and not testable: {', '.join(single)}"
        )
    if few := _few(songs, groups, testable, n_folds):
        sentences.append(f"few {division}s: {few}")
    n_unknown = sum(not fold_artist(song.artist) for song in songs)
    if division == Division.ARTIST and n_unknown:
        sentences.append(f"{n_unknown} of {len(songs)} songs name no artist and stand alone")
    return "; ".join(sentences)


def _deal_groups(
    members: Mapping[str, Counter[str]], n_folds: int, rng: np.random.Generator
) -> dict[str, int]:
    """Give each group, the largest first, to the fold that has the fewest songs of its genres."""
    filled = [Counter[str]() for _ in range(n_folds)]
    names = [sorted(members)[at] for at in rng.permutation(len(members))]
    fold_of_group: dict[str, int] = {}
    for name in sorted(names, key=lambda name: -members[name].total()):
        counts = members[name]
        fold = min(range(n_folds), key=lambda at: (_crowd(filled[at], counts), filled[at].total()))
        filled[fold] += counts
        fold_of_group[name] = fold
    return fold_of_group


def _keys(song: AuditedSong, sources: Mapping[str, str], division: Division) -> list[str]:
    if division not in (Division.ARTIST, Division.SOURCE):
        return []
    artist, source = fold_artist(song.artist), sources.get(song.track_id)
    named = [f"artist:{artist}"] if artist else []
    return [*named, f"source:{source}"] if source is not None else named


def _crowd(filled: Counter[str], counts: Counter[str]) -> int:
    """Count the songs that a fold has of the genres of a group, each as often as the group."""
    return sum(n_songs * filled[genre] for genre, n_songs in counts.items())


def _few(songs: Sequence[AuditedSong], groups: Groups, testable: set[str], n_folds: int) -> str:
    held = {genre: {groups[s.track_id] for s in songs if s.genre == genre} for genre in testable}
    return ", ".join(
        f"{genre} {len(held[genre])}" for genre in sorted(held) if len(held[genre]) < n_folds
    )
