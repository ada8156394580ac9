"""Split: places for new songs, and the snapshots that trainings are made from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product

from prefect import get_run_logger, task

from genre_core.dataset.golden import NO_GOLDEN, GoldenConfig
from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import assign
from genre_core.errors import UsageError
from genre_core.examples import Examples
from genre_core.records import LEARNING_SPLITS, Reason, Split
from genre_core.representations.embeddings import song_examples
from genre_core.representations.features import FeatureConfig, name_features
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import read_embedding, shard_names
from storage.catalog.promotions import freeze_golden
from storage.catalog.snapshots import (
    Snapshot,
    read_assignments,
    read_candidates,
    read_placements,
    read_settled,
    record_assignments,
    record_snapshot,
)
from storage.catalog.songs import count_songs
from storage.examples import read_examples
from storage.home import DataLayout
from tasks.spectrograms import key_features

LEAST_SHARE = 0.8
"""Spectrograms that a smaller share of the embedded songs has are left out of a comparison."""


@task
def assign_splits(
    layout: DataLayout,
    features: Sequence[FeatureConfig],
    genres: Sequence[str],
    seed: int,
    golden: GoldenConfig = NO_GOLDEN,
) -> list[Snapshot]:
    """Give new tracks their places, put golden ones aside, freeze a snapshot a feature setting.

    The golden songs are frozen, too, once every genre has enough of them.
    """
    keys = list(key_features(features))
    candidates = read_candidates(layout, keys, genres)
    library = read_candidates(layout, keys, ())
    if not library:
        with open_catalog(layout) as catalog:
            n_short = count_songs(catalog, Reason.TOO_SHORT)
        _suggest_clips(n_short)
    _require_genres(candidates, library, genres)
    everyone = {c.track_id: c for c in (*read_settled(layout), *candidates)}
    plan = assign(list(everyone.values()), read_assignments(layout), seed, golden)
    record_assignments(layout, plan.assignments, plan.conflicts)
    freeze_golden(layout)
    track_ids = [candidate.track_id for candidate in candidates]
    snapshots = [record_snapshot(layout, key, track_ids, seed) for key in keys]
    _require_splits(layout, snapshots[0])
    return snapshots


def usable_features(
    layout: DataLayout, features: Sequence[FeatureConfig], genres: Sequence[str]
) -> list[FeatureConfig]:
    """Leave out spectrograms that most songs with an embedding are too short for.

    Networks are compared on the songs that all of them can read, so a library of short clips
    would keep none for the head.
    """
    n_songs = {key: len(read_candidates(layout, [key], genres)) for key in key_features(features)}
    counted = list(zip(features, n_songs.values(), strict=True))
    n_embedded = max((n for config, n in counted if config.embedding), default=0)
    usable = [c for c, n in counted if c.embedding or n >= LEAST_SHARE * n_embedded]
    for config, n in counted:
        if config.embedding is None and n < n_embedded:
            _warn_of_short_songs(config, n, n_embedded, is_used=config in usable)
    return usable


def _warn_of_short_songs(config: FeatureConfig, n: int, n_embedded: int, *, is_used: bool) -> None:
    """Log what follows from songs that have an embedding and are too short for spectrograms."""
    name = name_features(config.representation, config.fragment_s)
    what = (
        f"{n_embedded - n} of them are left out of the comparison"
        if is_used
        else "no network is trained on it"
    )
    get_run_logger().warning(
        "%s of %s songs with an embedding are long enough for %s, so %s. To use all of them, set "
        "representations to embeddings alone, or lower margin_s and min_track_s below [fragments].",
        n,
        n_embedded,
        name,
        what,
    )


def split_examples(layout: DataLayout, snapshot: Snapshot, split: Split) -> Examples:
    """Read the examples of one split of a snapshot; of an embedding, one example a song."""
    placements = read_placements(layout, snapshot.snapshot_id)
    genre_of_track = {p.track_id: p.genre for p in placements if p.split == split}
    return snapshot_examples(layout, snapshot, genre_of_track, snapshot.genres)


def snapshot_examples(
    layout: DataLayout,
    snapshot: Snapshot,
    genre_of_track: Mapping[str, str],
    genres: Sequence[str],
) -> Examples:
    """Read the examples of tracks as the networks of a snapshot take them.

    The windows of an embedding are averaged: the head reads songs.
    """
    with open_catalog(layout) as catalog:
        shards = shard_names(catalog, snapshot.feature_key)
        embedding = read_embedding(catalog, snapshot.feature_key)
    examples = read_examples(layout, shards, genre_of_track, genres)
    return song_examples(examples) if embedding else examples


def _suggest_clips(n_too_short: int) -> None:
    if n_too_short:
        raise UsageError(
            f"No song has examples; {n_too_short} songs are too short. If they are clips of 30 s, "
            "set margin_s = 0 and min_track_s = 29 below [fragments] in genreflow.toml."
        )


def _require_genres(
    candidates: Sequence[Candidate], library: Sequence[Candidate], genres: Sequence[str]
) -> None:
    found = {candidate.genre for candidate in candidates}
    held = ", ".join(sorted({candidate.genre for candidate in library})) or "none"
    if missing := sorted(set(genres) - found):
        raise UsageError(
            f"No song of the library has examples of: {', '.join(missing)}. It has {held}. "
            "Correct `genres`, or add songs."
        )
    if len(found) < 2:
        asked = f" and you asked for {', '.join(genres)} alone" if genres else ""
        raise UsageError(
            "A network needs songs of two genres at least; the library has examples of "
            f"{held}{asked}. `genreflow status` tells what was left out."
        )


def _require_splits(layout: DataLayout, snapshot: Snapshot) -> None:
    placements = read_placements(layout, snapshot.snapshot_id)
    sides = Counter(placement.split for placement in placements)
    if empty := [str(split) for split in LEARNING_SPLITS if not sides[split]]:
        raise UsageError(
            f"The library is too small: with {snapshot.n_tracks} songs, no song is left for "
            f"{' and '.join(empty)}. Add songs: three of each genre at least."
        )
    held = {(placement.genre, placement.split) for placement in placements}
    for genre, split in product(snapshot.genres, LEARNING_SPLITS):
        if (genre, split) not in held:
            get_run_logger().warning("%s has no %s song: the scores leave it out", genre, split)
