"""Split: assign new songs to subsets, and freeze the snapshots to train on."""

from collections.abc import Mapping, Sequence, Set
from itertools import product

from genre_core.dataset.golden import NO_GOLDEN, GoldenConfig
from genre_core.dataset.splits import assign
from genre_core.errors import UsageError
from genre_core.examples import Examples
from genre_core.records import LEARNING_SPLITS, Reason, Split, counted
from genre_core.representations.features import FeatureConfig, name_features
from storage.catalog.assignments import (
    candidate_ids,
    count_candidates,
    read_library,
    record_assignments,
    spread_conflicts,
)
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import read_embedding, shard_names
from storage.catalog.promotions import freeze_golden
from storage.catalog.snapshots import Snapshot, count_placements, read_placements, record_snapshot
from storage.catalog.songs import count_songs
from storage.examples import StoredExamples
from storage.home import DataLayout
from tasks.orchestrator import get_run_logger, task
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
    *,
    for_train: bool = False,
) -> list[Snapshot]:
    """Assign new tracks to subsets and the golden set, and freeze a snapshot a feature setting.

    The golden set is frozen once every genre has enough songs in it. The snapshots are the newest
    ones from now on if they are ``for_train``, and not for a study.
    """
    keys = list(key_features(features))
    with open_catalog(layout) as catalog:
        candidates, assignments = read_library(catalog, keys, genres)
        library = count_candidates(catalog, keys)
        n_too_short = count_songs(catalog, Reason.TOO_SHORT)
    if n_too_short and not library:
        raise UsageError(
            f"No song has examples; {counted(n_too_short, 'song is', 'songs are')} too short. Use "
            "longer recordings, or "
            "lower min_track_s below [fragments] in genreflow.toml."
        )
    wanted = {g: n for g, n in library.items() if not genres or g in genres}
    _require_genres(wanted.keys(), sorted(library), genres)
    plan = assign(candidates, assignments, seed, golden)
    with open_catalog(layout) as catalog:
        conflicts = spread_conflicts(catalog, plan.conflicts)
        record_assignments(catalog, plan.assignments, conflicts)
        freeze_golden(catalog)
        track_ids = candidate_ids(catalog, keys, genres, conflicts)
        snapshots = [
            record_snapshot(
                catalog, key, track_ids, seed, all_genres=not genres, for_train=for_train
            )
            for key in keys
        ]
        counts = count_placements(catalog, snapshots[0].snapshot_id)
    if n_torn := sum(wanted.values()) - len(track_ids):
        get_run_logger().warning(
            'songs that tie two splits and are left out: %s. Why: `genreflow sql "select source, '
            "message from outcomes where reason = 'split_conflict'\"`",
            n_torn,
        )
    _require_splits(snapshots[0], counts)
    return snapshots


def usable_features(
    layout: DataLayout, features: Sequence[FeatureConfig], genres: Sequence[str]
) -> list[FeatureConfig]:
    """Leave out spectrograms that more than a fifth of the songs with an embedding lack.

    Networks are compared on the songs that all of them can read: in a library of short clips, the
    head would have none.
    """
    with open_catalog(layout) as catalog:
        n_songs = [
            sum(count_candidates(catalog, [key], genres).values()) for key in key_features(features)
        ]
    counted = list(zip(features, n_songs, strict=True))
    n_embedded = max((n for config, n in counted if config.embedding), default=0)
    usable = [c for c, n in counted if c.embedding or n >= LEAST_SHARE * n_embedded]
    for config, n in counted:
        if config.embedding or n >= n_embedded:
            continue
        left_out = f"{n_embedded - n} of them are left out of the comparison"
        get_run_logger().warning(
            "%s of %s songs with an embedding are long enough for %s, so %s. To use all of them, "
            "set representations to embeddings alone, or lower min_track_s below [fragments].",
            n,
            n_embedded,
            name_features(config.representation, config.fragment_s),
            left_out if config in usable else "no network is trained on it",
        )
    return usable


def split_examples(layout: DataLayout, snapshot: Snapshot, split: Split) -> Examples:
    """Read the examples of one split of a snapshot; of an embedding, one example a song."""
    return snapshot_examples(layout, snapshot, split, snapshot.genres)


def snapshot_examples(
    layout: DataLayout,
    snapshot: Snapshot,
    wanted: Split | Mapping[str, str],
    genres: Sequence[str],
) -> Examples:
    """Read the examples of a split, or of tracks with their genres, as the networks take them."""
    return find_examples(layout, snapshot, wanted, genres).read()


def find_examples(
    layout: DataLayout,
    snapshot: Snapshot,
    wanted: Split | Mapping[str, str],
    genres: Sequence[str],
) -> StoredExamples:
    """Find the examples of a split, or of tracks with their genres."""
    with open_catalog(layout) as catalog:
        shards = shard_names(catalog, snapshot.feature_key)
        embedding = read_embedding(catalog, snapshot.feature_key)
        if isinstance(wanted, Split):
            placements = read_placements(catalog, snapshot.snapshot_id)
            wanted = {p.track_id: p.genre for p in placements if p.split is wanted}
    return StoredExamples(
        layout=layout,
        shards=shards,
        genre_of_track=wanted,
        genres=genres,
        is_embedding=embedding is not None,
    )


def _require_genres(found: Set[str], library: Sequence[str], genres: Sequence[str]) -> None:
    there = ", ".join(library) or "none"
    if missing := sorted(set(genres) - found):
        raise UsageError(
            f"No song of the library has examples of: {', '.join(missing)}. It has {there}. "
            "Correct `genres`, or add songs."
        )
    if len(found) < 2:
        asked = f" and you asked for {', '.join(genres)} alone" if genres else ""
        raise UsageError(
            "At least two genres are needed; the library has examples of "
            f"{there}{asked}. `genreflow status` shows what was left out."
        )


def _require_splits(snapshot: Snapshot, counts: Mapping[tuple[str, Split], int]) -> None:
    used = {split for _, split in counts}
    if empty := [str(split) for split in LEARNING_SPLITS if split not in used]:
        raise UsageError(
            f"The library is too small: with {counted(snapshot.n_tracks, 'song')}, no song is left "
            f"for {' and '.join(empty)}. Add songs: three of each genre at least."
        )
    for genre, split in product(snapshot.genres, LEARNING_SPLITS):
        if (genre, split) not in counts:
            get_run_logger().warning("%s has no %s song: the scores leave it out", genre, split)
