"""Extract: cut fragments out of songs, turn them into matrices, record the shards."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefect import task

from genre_core.errors import TrackRejected
from genre_core.features import FeatureConfig, feature_key, matrices_of
from genre_core.fragments import FragmentConfig, draw_starts, track_rng
from genre_core.records import Outcome, Reason, Result, Stage, Track
from storage.audio.decode import DECODER_VERSION, read_fragments
from storage.audio.wav import read_wav, write_wav
from storage.catalog.extraction import (
    PendingTrack,
    Shard,
    record_extraction,
    record_features,
    select_pending,
)
from storage.layout import DataLayout
from storage.shards import TrackMatrices, write_shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A track whose fragments stand in the WAV cache."""

    pending: PendingTrack
    wav: Path
    starts_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedChunk:
    """What became of the songs of a chunk on their way to WAV."""

    converted: tuple[Converted, ...]
    rejected: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedChunk:
    """The shards of a chunk, one a feature key, and the songs that gave no example."""

    shards: tuple[Shard, ...]
    rejected: tuple[Outcome, ...]


@task
def select_tracks(layout: DataLayout, features: Sequence[FeatureConfig]) -> list[PendingTrack]:
    """Select the tracks that miss examples; the catalog decides."""
    keys = key_features(features)
    record_features(layout, keys)
    return select_pending(layout, list(keys))


@task
def convert_chunk(
    layout: DataLayout, chunk: Sequence[PendingTrack], config: FragmentConfig
) -> ConvertedChunk:
    """Write one WAV a track that holds its drawn fragments at the longest length."""
    results = [_convert(layout, pending, config) for pending in chunk]
    return ConvertedChunk(
        converted=tuple(result for result in results if isinstance(result, Converted)),
        rejected=tuple(result for result in results if isinstance(result, Outcome)),
    )


@task
def extract_chunk(
    layout: DataLayout, chunk: ConvertedChunk, features: Sequence[FeatureConfig]
) -> ExtractedChunk:
    """Turn the fragments of a chunk into matrices: one shard a feature key."""
    shards, silent = [], []
    for key, config in key_features(features).items():
        wanted = [song for song in chunk.converted if key in song.pending.feature_keys]
        rows = [_matrices(song, config) for song in wanted]
        audible = [row for row in rows if row.matrices.any()]
        if audible:
            shards.append(write_shard(layout, key, config, audible))
        heard = {row.track_id for row in audible}
        silent += [_silence(song) for song in wanted if song.pending.track.track_id not in heard]
    for song in chunk.converted:
        song.wav.unlink(missing_ok=True)
    return ExtractedChunk(shards=tuple(shards), rejected=(*chunk.rejected, *silent))


@task
def record_shards(
    layout: DataLayout, chunks: Sequence[ExtractedChunk], features: Sequence[FeatureConfig]
) -> None:
    """Name the shards of a wave in the catalog, and say which songs were left out."""
    shards = [shard for chunk in chunks for shard in chunk.shards]
    rejected = [outcome for chunk in chunks for outcome in chunk.rejected]
    record_extraction(layout, shards, rejected, list(key_features(features)))


@task
def clear_wav_cache(layout: DataLayout) -> None:
    """Throw away what chunks that failed have left in the WAV cache."""
    shutil.rmtree(layout.wav, ignore_errors=True)


def key_features(features: Sequence[FeatureConfig]) -> Mapping[str, FeatureConfig]:
    """Give feature settings by their keys, under the decoder that is installed."""
    return {feature_key(config, DECODER_VERSION): config for config in features}


def _convert(
    layout: DataLayout, pending: PendingTrack, config: FragmentConfig
) -> Converted | Outcome:
    track = pending.track
    try:
        starts_s = draw_starts(track.duration_s, config, track_rng(track.track_id)).tolist()
        song = layout.song(track.track_id, track.suffix)
        fragments = read_fragments(song, track.facts, starts_s, config.longest_s)
    except TrackRejected as rejection:
        return _rejection(track, Stage.CONVERT, Reason(rejection.reason), str(rejection))
    wav = layout.wav / f"{track.track_id}.wav"
    write_wav(wav, fragments)
    return Converted(pending=pending, wav=wav, starts_s=tuple(starts_s))


def _matrices(song: Converted, config: FeatureConfig) -> TrackMatrices:
    fragments = read_wav(song.wav, len(song.starts_s))
    return TrackMatrices(
        track_id=song.pending.track.track_id,
        genre=song.pending.track.genre,
        starts_s=song.starts_s,
        matrices=matrices_of(fragments, config),
    )


def _silence(song: Converted) -> Outcome:
    sentence = "every fragment drawn from the song is silent. Check the recording."
    return _rejection(song.pending.track, Stage.EXTRACT, Reason.SILENT, sentence)


def _rejection(track: Track, stage: Stage, reason: Reason, message: str) -> Outcome:
    return Outcome(
        location=track.location,
        genre=track.genre,
        result=Result.QUARANTINED,
        stage=stage,
        reason=reason,
        message=message,
        track_id=track.track_id,
    )
