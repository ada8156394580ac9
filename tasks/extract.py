"""Extract: cut fragments out of songs, turn them into matrices, record the shards."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefect import get_run_logger, task

from genre_core.errors import TrackRejected, TransientError
from genre_core.features import FeatureConfig, feature_key, matrices_of
from genre_core.fragments import FragmentConfig, draw_starts, track_rng
from genre_core.records import Reason, Stage
from genre_core.sound import Sound, measure_sound
from storage.audio.decode import DECODER_VERSION, read_fragments
from storage.audio.wav import read_wav, write_wav
from storage.catalog.audits import record_sounds
from storage.catalog.extraction import (
    PendingTrack,
    Rejection,
    Shard,
    all_shards,
    record_extraction,
    record_features,
    select_pending,
    settle_outcomes,
)
from storage.layout import DataLayout
from storage.shards import TrackMatrices, remove_orphans, write_shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A track whose fragments stand in the WAV cache."""

    pending: PendingTrack
    wav: Path
    starts_s: tuple[float, ...]

    @property
    def track_id(self) -> str:
        """The track that the fragments are cut from."""
        return self.pending.track.track_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedChunk:
    """What became of the songs of a chunk on their way to WAV."""

    converted: tuple[Converted, ...]
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedChunk:
    """The shards of a chunk, one a feature key, and the songs that gave no example."""

    shards: tuple[Shard, ...]
    rejections: tuple[Rejection, ...]
    sounds: tuple[Sound, ...] = ()


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
        rejections=tuple(result for result in results if isinstance(result, Rejection)),
    )


@task
def extract_chunk(
    layout: DataLayout, chunk: ConvertedChunk, features: Sequence[FeatureConfig]
) -> ExtractedChunk:
    """Turn the fragments of a chunk into matrices: one shard a feature key."""
    shards: list[Shard] = []
    silent: list[Rejection] = []
    for key, config in key_features(features).items():
        wanted = [song for song in chunk.converted if key in song.pending.feature_keys]
        rows = [_matrices(song, config) for song in wanted]
        audible = [row for row in rows if row.matrices.any()]
        if audible:
            shards.append(write_shard(layout, key, config, audible))
        heard = {row.track_id for row in audible}
        silent += [_silence(song, key) for song in wanted if song.track_id not in heard]
    sounds = tuple(_sound(song) for song in chunk.converted)
    for song in chunk.converted:
        song.wav.unlink(missing_ok=True)
    return ExtractedChunk(
        shards=tuple(shards), rejections=(*chunk.rejections, *silent), sounds=sounds
    )


@task
def record_shards(layout: DataLayout, chunks: Sequence[ExtractedChunk]) -> None:
    """Name the shards of a wave in the catalog, and say which songs were left out."""
    shards = [shard for chunk in chunks for shard in chunk.shards]
    rejections = [rejection for chunk in chunks for rejection in chunk.rejections]
    record_sounds(layout, [sound for chunk in chunks for sound in chunk.sounds])
    record_extraction(layout, shards, rejections)


@task
def settle_extraction(layout: DataLayout, features: Sequence[FeatureConfig]) -> None:
    """Give every song the outcome that it has under these features; sweep what nobody names."""
    settle_outcomes(layout, list(key_features(features)))
    shutil.rmtree(layout.wav, ignore_errors=True)
    remove_orphans(layout, all_shards(layout))


def key_features(features: Sequence[FeatureConfig]) -> Mapping[str, FeatureConfig]:
    """Give feature settings by their keys, under the decoder that is installed."""
    return {feature_key(config, DECODER_VERSION): config for config in features}


def _convert(
    layout: DataLayout, pending: PendingTrack, config: FragmentConfig
) -> Converted | Rejection | None:
    """Convert one song; one that fails for no foreseen reason leaves the others be."""
    try:
        return _cut(layout, pending, config)
    except TrackRejected as rejection:
        return Rejection(
            track_id=pending.track.track_id,
            feature_keys=pending.feature_keys,
            stage=Stage.CONVERT,
            reason=Reason(rejection.reason),
            message=str(rejection),
        )
    except Exception:
        get_run_logger().exception("%s was left out", pending.track.location)
        return None


def _cut(layout: DataLayout, pending: PendingTrack, config: FragmentConfig) -> Converted:
    track = pending.track
    song = layout.song(track.track_id, track.suffix)
    if not song.exists():
        raise TransientError(f"{song} is gone; the next ingest fetches it again.")
    starts_s = draw_starts(track.duration_s, config, track_rng(track.track_id)).tolist()
    wav = layout.wav / f"{track.track_id}.wav"
    write_wav(wav, read_fragments(song, track.facts, starts_s, config.longest_s))
    return Converted(pending=pending, wav=wav, starts_s=tuple(starts_s))


def _matrices(song: Converted, config: FeatureConfig) -> TrackMatrices:
    fragments = read_wav(song.wav, len(song.starts_s))
    return TrackMatrices(
        track_id=song.track_id,
        genre=song.pending.track.genre,
        starts_s=song.starts_s,
        matrices=matrices_of(fragments, config),
    )


def _sound(song: Converted) -> Sound:
    return measure_sound(song.track_id, read_wav(song.wav, len(song.starts_s)))


def _silence(song: Converted, feature_key: str) -> Rejection:
    return Rejection(
        track_id=song.track_id,
        feature_keys=(feature_key,),
        stage=Stage.EXTRACT,
        reason=Reason.SILENT,
        message="every fragment drawn from the song is silent. Check the recording.",
    )
