"""Spectrograms: cut fragments out of the songs of a chunk and turn them into matrices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefect import get_run_logger, task

from genre_core.clipping import describe_clipping
from genre_core.errors import TrackRejected, TransientError
from genre_core.examples import Float32Array
from genre_core.features import FeatureConfig, feature_key, matrices_of
from genre_core.fragments import FragmentConfig
from genre_core.records import Reason, Stage
from genre_core.sound import Sound, measure_sound
from storage.audio.apart import read_watched
from storage.audio.cutting import cut_song
from storage.audio.decode import DECODER_VERSION
from storage.audio.wav import read_wav, write_wav
from storage.catalog.extraction import PendingTrack, Rejection, Shard, Warned
from storage.disk import telling_refusal
from storage.layout import DataLayout
from storage.shards import TrackMatrices, write_shard
from storage.web.addresses import show_location


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A track whose fragments stand in the WAV cache."""

    pending: PendingTrack
    wav: Path
    starts_s: tuple[float, ...]
    full_scale_share: float

    @property
    def track_id(self) -> str:
        """The track that the fragments are cut from."""
        return self.pending.track.track_id

    @property
    def feature_keys(self) -> tuple[str, ...]:
        """The keys under which it has no examples yet."""
        return self.pending.feature_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedChunk:
    """What became of the songs of a chunk on their way to WAV."""

    converted: tuple[Converted, ...]
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Heard:
    """What became of one song: matrices by feature key, and why there are none under others."""

    audible: Mapping[str, TrackMatrices]
    rejections: tuple[Rejection, ...]
    sound: Sound


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedChunk:
    """The shards of a chunk, one a feature key, the songs that gave no example, and doubts."""

    shards: tuple[Shard, ...]
    rejections: tuple[Rejection, ...]
    warnings: tuple[Warned, ...]
    sounds: tuple[Sound, ...] = ()


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
    wanted = key_features(features)
    heard = [one for song in chunk.converted if (one := _hear(song, wanted))]
    rows_of_key = {key: [one.audible[key] for one in heard if key in one.audible] for key in wanted}
    shards = [
        write_shard(layout, key, wanted[key], rows) for key, rows in rows_of_key.items() if rows
    ]
    refused = [rejection for one in heard for rejection in one.rejections]
    for song in chunk.converted:
        song.wav.unlink(missing_ok=True)
    return ExtractedChunk(
        shards=tuple(shards),
        rejections=(*chunk.rejections, *refused),
        warnings=tuple(_warn(song) for song in chunk.converted if _clipping(song)),
        sounds=tuple(one.sound for one in heard),
    )


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
    except TransientError as error:
        place = show_location(pending.track.location)
        get_run_logger().warning("%s was left out: %s", place, error)
        return None
    except Exception:
        get_run_logger().exception("%s was left out", show_location(pending.track.location))
        return None


def _cut(layout: DataLayout, pending: PendingTrack, config: FragmentConfig) -> Converted:
    track = pending.track
    song = layout.song(track.track_id, track.suffix)
    if not song.exists():
        raise TransientError(f"{song} is gone; the next ingest fetches it again.")
    cut = read_watched(layout, track.track_id, cut_song, song, track.track_id, track.facts, config)
    wav = layout.wav / f"{track.track_id}.wav"
    with telling_refusal(layout):
        write_wav(wav, cut.fragments)
    return Converted(
        pending=pending, wav=wav, starts_s=cut.starts_s, full_scale_share=cut.full_scale_share
    )


def _hear(song: Converted, features: Mapping[str, FeatureConfig]) -> _Heard | None:
    """Make all matrices of one song from one reading; one that fails leaves the others be."""
    try:
        fragments = read_wav(song.wav, len(song.starts_s))
        sound = measure_sound(song.track_id, fragments)
    except Exception:
        get_run_logger().exception("%s was left out", show_location(song.pending.track.location))
        return None
    made = {key: _represent(song, fragments, key, features[key]) for key in song.feature_keys}
    return _Heard(
        audible={key: one for key, one in made.items() if isinstance(one, TrackMatrices)},
        rejections=tuple(one for one in made.values() if isinstance(one, Rejection)),
        sound=sound,
    )


def _represent(
    song: Converted, fragments: Float32Array, feature_key: str, features: FeatureConfig
) -> TrackMatrices | Rejection:
    """Give the matrices of one song in one representation, or why it has none in it."""
    try:
        matrices = matrices_of(fragments, features)
    except TrackRejected as rejection:
        return _refuse(song, feature_key, Reason(rejection.reason), str(rejection))
    except Exception as error:
        place, name = show_location(song.pending.track.location), features.representation
        get_run_logger().exception("%s has no %s", place, name)
        return _refuse(song, feature_key, Reason.NOT_REPRESENTED, _failure(name, error))
    if not matrices.any():
        return _refuse(song, feature_key, Reason.SILENT, _SILENCE)
    return TrackMatrices(
        track_id=song.track_id,
        genre=song.pending.track.genre,
        starts_s=song.starts_s,
        matrices=matrices,
    )


def _refuse(song: Converted, feature_key: str, reason: Reason, message: str) -> Rejection:
    return Rejection(
        track_id=song.track_id,
        feature_keys=(feature_key,),
        stage=Stage.EXTRACT,
        reason=reason,
        message=message,
    )


_SILENCE = "every fragment drawn from the song is silent. Check the recording."


def _failure(representation: str, error: Exception) -> str:
    return (
        f"the representation {representation} failed on the song: {error!r}. Once it is mended, "
        f"run `genreflow retry --reason {Reason.NOT_REPRESENTED}`."
    )


def _clipping(song: Converted) -> str:
    return describe_clipping(song.full_scale_share)


def _warn(song: Converted) -> Warned:
    return Warned(track_id=song.track_id, reason=Reason.CLIPPED, message=_clipping(song))
