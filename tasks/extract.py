"""Extract: select tracks, record shards and rejections, compact, publish."""

from collections.abc import Sequence

from genre_core.records import counted
from genre_core.representations.features import FeatureConfig, describe_change
from storage.catalog.audits import record_sounds
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import (
    PendingTrack,
    StaleFeatures,
    count_examples,
    forget_shards,
    named_shards,
    read_stale_features,
    record_extraction,
    record_features,
    select_pending,
    settle_outcomes,
    settle_rejected,
)
from storage.catalog.publish import publish_and_sweep
from storage.catalog.songs import await_songs, count_outcomes
from storage.compaction import compact
from storage.home import DataLayout
from storage.maintenance.integrity import is_missing
from storage.shard_store import claim_place, list_shards
from storage.wav_cache import trim_wav_cache
from tasks.orchestrator import get_run_logger, task
from tasks.spectrograms import ExtractedChunk, key_features, reject_short


@task
def select_tracks(layout: DataLayout, features: Sequence[FeatureConfig]) -> list[PendingTrack]:
    """Return the tracks that miss examples; log which features are stale, and why.

    Shards that are missing or of another size are forgotten first. The place of the shards is
    claimed before: shards of another home are not missing here.
    """
    claim_place(layout)
    keys, sizes = key_features(features), list_shards(layout)
    with open_catalog(layout) as catalog:
        missing = [shard.name for shard in named_shards(catalog) if is_missing(shard, sizes)]
        forget_shards(catalog, missing)
        stale = read_stale_features(catalog, keys)
        record_features(catalog, keys)
        pending = select_pending(catalog, list(keys))
    if missing:
        get_run_logger().warning(
            "extracting again: %s missing or damaged", counted(len(missing), "shard")
        )
    for sentence in describe_stale(stale):
        get_run_logger().warning("%s", sentence)
    return pending


@task
def settle_short(layout: DataLayout, features: Sequence[FeatureConfig]) -> dict[str, int]:
    """Quarantine the tracks that are too short for all features; count songs by outcome."""
    keys = key_features(features)
    with open_catalog(layout) as catalog:
        if keys:
            pending = select_pending(catalog, list(keys))
            record_extraction(catalog, [], list(reject_short(pending, keys)))
            settle_rejected(catalog, list(keys))
        return count_outcomes(catalog)


@task
def record_shards(
    layout: DataLayout, chunks: Sequence[ExtractedChunk], max_cache_bytes: int
) -> None:
    """Record the shards and rejected songs of a wave in one transaction; trim the WAV cache."""
    with open_catalog(layout) as catalog:
        record_sounds(catalog, [sound for chunk in chunks for sound in chunk.sounds])
        record_extraction(
            catalog,
            [shard for chunk in chunks for shard in chunk.shards],
            [rejection for chunk in chunks for rejection in chunk.rejections],
            [warning for chunk in chunks for warning in chunk.warnings],
            [embedding for chunk in chunks for embedding in chunk.embeddings],
        )
    trim_wav_cache(layout, max_cache_bytes)


@task
def settle_extraction(
    layout: DataLayout, features: Sequence[FeatureConfig], *, decides_short: bool = True
) -> tuple[dict[str, int], int]:
    """Set the outcome of every song under these features; re-queue songs without an original.

    Which songs are too short is left as it is unless it ``decides_short``: lengths that were asked
    for once decide nothing. Return the number of songs by outcome, and of all examples.
    """
    keys = list(key_features(features))
    with open_catalog(layout) as catalog:
        settle_outcomes(catalog, keys, decides_short=decides_short)
        waiting = [pending.track for pending in select_pending(catalog, keys)]
        gone = [t.track_id for t in waiting if not layout.song(t.track_id, t.suffix).is_file()]
        await_songs(catalog, gone)
        return count_outcomes(catalog), count_examples(catalog)


@task
def compact_shards(layout: DataLayout) -> None:
    """Join small shards into large ones; the old files stay for readers of the old store."""
    if n_joined := compact(layout):
        get_run_logger().info("joined %s", counted(n_joined, "small shard"))


@task
def publish_shards(layout: DataLayout) -> None:
    """Publish, then remove the shards that neither the new store nor the previous one names."""
    publish_and_sweep(layout)


def describe_stale(stale: Sequence[StaleFeatures]) -> list[str]:
    """Return one sentence per change of settings: which spectrograms are made again, and why."""
    names: dict[str, list[str]] = {}
    for one in stale:
        name = f"{one.features.representation} at {one.features.fragment_s:g} s"
        names.setdefault(describe_change(one.before, one.features), []).append(name)
    return [
        f"Spectrograms of {', '.join(named)} are made again, as this changed: {change}. Finished "
        "runs on the old ones stay in MLflow and are not reused."
        for change, named in names.items()
    ]
