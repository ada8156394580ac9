"""Extract: select tracks, record what became of them, settle, compact, publish."""

import shutil
from collections.abc import Sequence

from prefect import get_run_logger, task

from genre_core.representations.features import FeatureConfig, describe_change
from storage.catalog.audits import record_sounds
from storage.catalog.extraction import (
    PendingTrack,
    Remade,
    all_shards,
    read_remade,
    record_extraction,
    record_features,
    select_pending,
    settle_outcomes,
)
from storage.catalog.publish import publish_and_retain
from storage.catalog.shards import forget_shards
from storage.catalog.songs import await_songs
from storage.compaction import compact
from storage.home import DataLayout
from storage.maintenance.integrity import missing_shards
from storage.shard_store import claim_place
from storage.shards import remove_orphans
from tasks.spectrograms import ExtractedChunk, key_features


@task
def forget_lost_shards(layout: DataLayout) -> None:
    """Forget the shards that are gone or of another size: their tracks are extracted again.

    The place of the shards is claimed first: what another home keeps there is not this one's loss.
    """
    claim_place(layout)
    if lost := missing_shards(layout):
        get_run_logger().warning(
            "shards that are gone or damaged, and are made again: %s", len(lost)
        )
        forget_shards(layout, lost)


@task
def select_tracks(layout: DataLayout, features: Sequence[FeatureConfig]) -> list[PendingTrack]:
    """Select the tracks that miss examples; the catalog decides.

    Examples that are made again under changed settings are named once.
    """
    keys = key_features(features)
    for sentence in remade_sentences(read_remade(layout, keys)):
        get_run_logger().warning("%s", sentence)
    record_features(layout, keys)
    return select_pending(layout, list(keys))


@task
def record_shards(layout: DataLayout, chunks: Sequence[ExtractedChunk]) -> None:
    """Name the shards of a wave in the catalog, and say which songs were left out."""
    shards = [shard for chunk in chunks for shard in chunk.shards]
    rejections = [rejection for chunk in chunks for rejection in chunk.rejections]
    warnings = [warning for chunk in chunks for warning in chunk.warnings]
    embeddings = [embedding for chunk in chunks for embedding in chunk.embeddings]
    record_sounds(layout, [sound for chunk in chunks for sound in chunk.sounds])
    record_extraction(layout, shards, rejections, warnings, embeddings)


@task
def settle_extraction(layout: DataLayout, features: Sequence[FeatureConfig]) -> None:
    """Give every song the outcome that it has under these features; empty the WAV cache."""
    keys = list(key_features(features))
    settle_outcomes(layout, keys)
    waiting = [pending.track for pending in select_pending(layout, keys)]
    gone = [t.track_id for t in waiting if not layout.song(t.track_id, t.suffix).is_file()]
    await_songs(layout, gone)
    shutil.rmtree(layout.wav, ignore_errors=True)


@task
def compact_shards(layout: DataLayout) -> None:
    """Join small shards into large ones; the old files stay for those who read them."""
    if n_joined := compact(layout):
        get_run_logger().info("%s small shards were joined", n_joined)


@task
def publish_shards(layout: DataLayout) -> None:
    """Publish, then remove the shards that neither the new store names nor the one before it."""
    before = publish_and_retain(layout)
    remove_orphans(layout, [*before, *all_shards(layout)])


def remade_sentences(remade: Sequence[Remade]) -> list[str]:
    """Say which spectrograms are made again, a sentence a change, and what becomes of old runs."""
    names: dict[str, list[str]] = {}
    for one in remade:
        name = f"{one.features.representation} at {one.features.fragment_s:g} s"
        names.setdefault(describe_change(one.before, one.features), []).append(name)
    return [
        f"Spectrograms of {', '.join(named)} are made again, as this changed: {change}. Finished "
        "runs on the old ones stay in MLflow, and do not count as trainings on the new ones."
        for change, named in names.items()
    ]
