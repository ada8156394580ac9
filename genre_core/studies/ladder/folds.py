"""Folds of a rung: groups of songs stay whole, genres are spread."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from genre_core.audit.songs import AuditedSong, name_sources
from genre_core.dataset.joined import DisjointSets
from genre_core.examples import Int64Array
from genre_core.studies.ladder.rungs import Division

FEWEST_GROUPS = 2
FEWEST_GENRES = 2
NEVER_SCORED = -1

Groups = Mapping[str, str] | Mapping[str, int]
"""``track_id`` to its group, or to its fold."""


def group_songs(
    songs: Sequence[AuditedSong], recordings: Mapping[str, str], division: Division
) -> dict[str, str]:
    """Return the group of each track: songs that must be in one fold.

    Duplicates of one recording are one song, see `name_recordings`. ``ARTIST`` also joins songs
    of one artist, as far as artists are known, and ``SOURCE`` those of one source, too.
    """
    _, sources = name_sources(songs) if division == Division.SOURCE else ("", {})
    joined = DisjointSets(recordings[song.track_id] for song in songs)
    for song in songs:
        source, is_named = (
            sources.get(song.track_id),
            division in (Division.ARTIST, Division.SOURCE),
        )
        keys = [f"artist:{artist}" for artist in song.artists if is_named]
        if source is not None:
            keys.append(f"source:{source}")
        for key in keys:
            joined.merge(recordings[song.track_id], key)
    return {song.track_id: joined[recordings[song.track_id]] for song in songs}


def divisible_genres(songs: Sequence[AuditedSong], groups: Groups) -> set[str]:
    """Return the genres that can be learned while one of their groups is held out."""
    found = _groups_of_genres(songs, groups)
    return {genre for genre, names in found.items() if len(names) >= FEWEST_GROUPS}


def _groups_of_genres(songs: Sequence[AuditedSong], groups: Groups) -> dict[str, set[str | int]]:
    found: dict[str, set[str | int]] = defaultdict(set)
    for song in songs:
        found[song.genre].add(groups[song.track_id])
    return found


def assign_songs(
    songs: Sequence[AuditedSong], groups: Mapping[str, str], n_folds: int, rng: np.random.Generator
) -> dict[str, int]:
    """Assign whole groups to folds, so that each genre is spread over them.

    The fold is -1 for songs of genres that are in one fold alone, such as those of one group:
    they are trained on in all folds, and never scored.
    """
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for song in songs:
        members[groups[song.track_id]][song.genre] += 1
    fold_of_group = _assign_groups(members, n_folds, rng)
    folds = {song.track_id: fold_of_group[groups[song.track_id]] for song in songs}
    scored = divisible_genres(songs, folds)
    return {s.track_id: folds[s.track_id] if s.genre in scored else NEVER_SCORED for s in songs}


def _assign_groups(
    members: Mapping[str, Counter[str]], n_folds: int, rng: np.random.Generator
) -> dict[str, int]:
    """Assign each group, the largest first, to the fold with the fewest songs of its genres."""
    filled = [Counter[str]() for _ in range(n_folds)]
    names = [sorted(members)[at] for at in rng.permutation(len(members))]
    fold_of_group: dict[str, int] = {}
    for name in sorted(names, key=lambda name: -members[name].total()):
        counts = members[name]
        fold = min(range(n_folds), key=lambda at: (_crowd(filled[at], counts), filled[at].total()))
        filled[fold] += counts
        fold_of_group[name] = fold
    return fold_of_group


def _crowd(filled: Counter[str], counts: Counter[str]) -> int:
    """Count the songs that a fold has of the genres of a group, each as often as the group."""
    return sum(n_songs * filled[genre] for genre, n_songs in counts.items())


def assign_fragments(n_examples: int, n_folds: int, rng: np.random.Generator) -> Int64Array:
    """Assign examples to folds of equal size, whatever their songs."""
    return rng.permutation(np.arange(n_examples, dtype=np.int64) % n_folds)


def describe_groups(
    songs: Sequence[AuditedSong], groups: Groups, division: Division, n_folds: int
) -> str:
    """Describe what a division cannot test, or what makes it weak; empty if there is nothing."""
    sizes = {genre: len(names) for genre, names in _groups_of_genres(songs, groups).items()}
    single = ", ".join(sorted(genre for genre, n in sizes.items() if n < FEWEST_GROUPS))
    few = ", ".join(
        f"{genre} {n}" for genre, n in sorted(sizes.items()) if FEWEST_GROUPS <= n < n_folds
    )
    n_unknown = sum(not song.artists for song in songs)
    is_weak = division == Division.ARTIST and n_unknown
    sentences = (
        f"one {division} only, so trained on and not testable: {single}" if single else "",
        f"few {division}s: {few}" if few else "",
        f"{n_unknown} of {len(songs)} songs name no artist" if is_weak else "",
    )
    return "; ".join(filter(None, sentences))
