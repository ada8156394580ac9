"""Spectrograms: cut fragments out of the songs of a chunk and turn them into matrices."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prefect import get_run_logger, task

from genre_core.errors import TrackRejected, TransientError
from genre_core.examples import Float32Array
from genre_core.locations import show_location
from genre_core.records import Reason, Stage, Track
from genre_core.representations.embeddings import song_means
from genre_core.representations.features import FeatureConfig, feature_key
from genre_core.signal.fragments import CutPlan
from genre_core.signal.sound import Sound, describe_clipping, measure_sound
from storage.audio.decode import DECODER_VERSION, cut_fragments
from storage.audio.isolated import read_guarded
from storage.audio.wav import read_wav
from storage.catalog.extraction import PendingTrack, Rejection, Shard, SongEmbedding, Warned
from storage.embeddings.config import NO_EMBEDDINGS, EmbeddingConfig
from storage.embeddings.registry import Transform, load_transform
from storage.files import explaining_disk_errors
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard
from storage.wav_cache import CachedWav, find_wav, keep_wav


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """Fragments of a track in the WAV cache, and the feature keys that are made from them."""

    track: Track
    feature_keys: tuple[str, ...]
    wav: CachedWav

    @property
    def track_id(self) -> str:
        """The track that the fragments are cut from."""
        return self.track.track_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedChunk:
    """What became of the songs of a chunk on their way to WAV; a song has one WAV a cut plan."""

    converted: tuple[Converted, ...]
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Represented:
    """What one WAV gave: matrices by feature key, and why there are none under others."""

    matrices: Mapping[str, TrackMatrices]
    rejections: tuple[Rejection, ...]
    sound: Sound


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedChunk:
    """The shards of a chunk, one a feature key, the songs that gave no example, and doubts."""

    shards: tuple[Shard, ...]
    rejections: tuple[Rejection, ...]
    warnings: tuple[Warned, ...]
    sounds: tuple[Sound, ...] = ()
    embeddings: tuple[SongEmbedding, ...] = ()


@task
def convert_chunk(
    layout: DataLayout, chunk: Sequence[PendingTrack], features: Sequence[FeatureConfig]
) -> ConvertedChunk:
    """Write one WAV a track and cut plan that holds its fragments at the longest length."""
    plan_of_key = {key: config.plan for key, config in key_features(features).items()}
    results = [result for pending in chunk for result in _convert(layout, pending, plan_of_key)]
    return ConvertedChunk(
        converted=tuple(result for result in results if isinstance(result, Converted)),
        rejections=tuple(result for result in results if isinstance(result, Rejection)),
    )


@task
def extract_chunk(
    layout: DataLayout,
    chunk: ConvertedChunk,
    features: Sequence[FeatureConfig],
    own: Mapping[str, EmbeddingConfig] = NO_EMBEDDINGS,
) -> ExtractedChunk:
    """Turn the fragments of a chunk into matrices: one shard a feature key.

    ``own`` are the user's embeddings, by name.
    """
    wanted = key_features(features)
    used = {key for converted in chunk.converted for key in converted.feature_keys}
    transforms = {key: load_transform(wanted[key], own) for key in sorted(used)}
    done = [one for song in chunk.converted if (one := _represent_all(song, transforms))]
    rows_of_key = {
        key: [one.matrices[key] for one in done if key in one.matrices] for key in wanted
    }
    shards = [
        write_shard(layout, key, wanted[key], rows) for key, rows in rows_of_key.items() if rows
    ]
    refused = [rejection for one in done for rejection in one.rejections]
    return ExtractedChunk(
        shards=tuple(shards),
        rejections=(*chunk.rejections, *refused),
        warnings=tuple(_warn(song) for song in chunk.converted if _clipping(song)),
        sounds=tuple({one.sound.track_id: one.sound for one in reversed(done)}.values()),
        embeddings=tuple(
            embedding
            for key, rows in rows_of_key.items()
            for embedding in _song_embeddings(key, wanted[key], rows)
        ),
    )


def key_features(features: Sequence[FeatureConfig]) -> Mapping[str, FeatureConfig]:
    """Return feature settings by their keys, under the decoder that is installed."""
    return {feature_key(config, DECODER_VERSION): config for config in features}


def _song_embeddings(
    feature_key: str, features: FeatureConfig, rows: Sequence[TrackMatrices]
) -> Iterator[SongEmbedding]:
    """Average the windows of each song; nothing for spectrograms."""
    if features.embedding is None:
        return
    for row in rows:
        _, means = song_means(row.matrices, [row.track_id] * len(row.matrices))
        yield SongEmbedding(
            track_id=row.track_id,
            feature_key=feature_key,
            embedding=tuple(means[0, : features.embedding.n_features].tolist()),
            tag_logits=tuple(means[0, features.embedding.n_features :].tolist()),
        )


def _convert(
    layout: DataLayout, pending: PendingTrack, plan_of_key: Mapping[str, CutPlan]
) -> Iterator[Converted | Rejection]:
    """Convert one song, a WAV a plan; one that fails leaves the others be."""
    for plan in dict.fromkeys(plan_of_key.values()):
        keys = tuple(key for key in pending.feature_keys if plan_of_key[key] == plan)
        if keys:
            yield from _convert_plan(layout, pending.track, keys, plan)


def _convert_plan(
    layout: DataLayout, track: Track, keys: tuple[str, ...], plan: CutPlan
) -> Iterator[Converted | Rejection]:
    try:
        yield Converted(track=track, feature_keys=keys, wav=_cut(layout, track, plan))
    except TrackRejected as rejection:
        yield Rejection(
            track_id=track.track_id,
            feature_keys=keys,
            stage=Stage.CONVERT,
            reason=Reason(rejection.reason),
            message=str(rejection),
        )
    except TransientError as error:
        place = show_location(track.location)
        get_run_logger().warning("%s was left out: %s", place, error)
    except Exception:
        get_run_logger().exception("%s was left out", show_location(track.location))


def _cut(layout: DataLayout, track: Track, plan: CutPlan) -> CachedWav:
    """Return the fragments of a song in the WAV cache, decoded if they are not there yet."""
    song = layout.song(track.track_id, track.suffix)
    if not song.exists():
        raise TransientError(f"{song} is gone; the next ingest fetches it again.")
    if cached := find_wav(layout, track.track_id, plan):
        return cached
    cut = read_guarded(
        layout, track.track_id, cut_fragments, song, track.track_id, track.facts, plan
    )
    with explaining_disk_errors(layout):
        return keep_wav(
            *(layout, track.track_id, plan, cut.fragments, cut.starts_s, cut.full_scale_share)
        )


def _represent_all(song: Converted, transforms: Mapping[str, Transform]) -> _Represented | None:
    """Make all matrices of one WAV from one reading; one that fails leaves the others be."""
    try:
        fragments = read_wav(song.wav.path, len(song.wav.starts_s))
        sound = measure_sound(song.track_id, fragments)
    except Exception:
        get_run_logger().exception("%s was left out", show_location(song.track.location))
        song.wav.path.unlink(missing_ok=True)
        return None
    made = {key: _represent(song, fragments, key, transforms[key]) for key in song.feature_keys}
    return _Represented(
        matrices={key: one for key, one in made.items() if isinstance(one, TrackMatrices)},
        rejections=tuple(one for one in made.values() if isinstance(one, Rejection)),
        sound=sound,
    )


def _represent(
    song: Converted, fragments: Float32Array, feature_key: str, transform: Transform
) -> TrackMatrices | Rejection:
    """Return the matrices of one song in one representation, or why it has none in it."""
    if not fragments.any():
        return _refuse(song, feature_key, Reason.SILENT, _SILENCE)
    try:
        matrices = transform.apply(fragments)
    except TrackRejected as rejection:
        return _refuse(song, feature_key, Reason(rejection.reason), str(rejection))
    except Exception as error:
        place, name = show_location(song.track.location), transform.name
        get_run_logger().exception("%s has no %s", place, name)
        return _refuse(song, feature_key, Reason.NOT_REPRESENTED, _failure(name, error))
    if not matrices.any():
        return _refuse(song, feature_key, Reason.SILENT, _SILENCE)
    return TrackMatrices(
        track_id=song.track_id,
        genre=song.track.genre,
        starts_s=song.wav.starts_s,
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
    return describe_clipping(song.wav.full_scale_share)


def _warn(song: Converted) -> Warned:
    return Warned(track_id=song.track_id, reason=Reason.CLIPPED, message=_clipping(song))
