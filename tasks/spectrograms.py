"""Spectrograms: cut fragments out of the songs of a chunk and turn them into matrices."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from genre_core.errors import TrackRejected, TransientError
from genre_core.examples import Float32Array
from genre_core.locations import show_location
from genre_core.records import Reason, Stage, Track
from genre_core.representations.embeddings import song_means
from genre_core.representations.features import FeatureConfig, feature_key
from genre_core.signal.fragments import CutPlan, require_length
from genre_core.signal.sound import Sound, describe_clipping, measure_sound
from storage.audio.decode import DECODER_VERSION, cut_fragments
from storage.audio.isolated import read_guarded
from storage.audio.wav import read_wav
from storage.catalog.extraction import PendingTrack, Rejection, Shard, SongEmbedding, Warned
from storage.embeddings.config import NO_EMBEDDINGS, EmbeddingConfig
from storage.embeddings.registry import Transform, load_transform
from storage.files import explaining_disk_errors
from storage.home import DataLayout
from storage.wav_cache import CachedWav, find_wav, keep_wav
from tasks.orchestrator import get_run_logger, task

if TYPE_CHECKING:
    from storage.shards import TrackMatrices


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
    from storage.shards import write_shard  # with Arrow

    wanted = key_features(features)
    used = {key for converted in chunk.converted for key in converted.feature_keys}
    transforms = {key: load_transform(wanted[key], own) for key in sorted(used)}
    rows: dict[str, list[TrackMatrices]] = {key: [] for key in wanted}
    rejections, sounds = list(chunk.rejections), dict[str, Sound]()
    for song in chunk.converted:
        fragments, sound = _read_fragments(song)
        if sound is None:
            continue
        sounds.setdefault(song.track_id, sound)
        for key in song.feature_keys:
            made = _represent(song, fragments, key, transforms[key])
            if isinstance(made, Rejection):
                rejections.append(made)
            else:
                rows[key].append(made)
    embedded = [_song_embeddings(key, wanted[key], found) for key, found in rows.items()]
    return ExtractedChunk(
        shards=tuple(
            write_shard(layout, key, wanted[key], found) for key, found in rows.items() if found
        ),
        rejections=tuple(rejections),
        warnings=tuple(
            Warned(track_id=song.track_id, reason=Reason.CLIPPED, message=doubt)
            for song in chunk.converted
            if (doubt := describe_clipping(song.wav.full_scale_share))
        ),
        sounds=tuple(sounds.values()),
        embeddings=tuple(chain.from_iterable(embedded)),
    )


def key_features(features: Sequence[FeatureConfig]) -> Mapping[str, FeatureConfig]:
    """Return feature settings by their keys, under the decoder that is installed."""
    return {feature_key(config, DECODER_VERSION): config for config in features}


def reject_short(
    pending: Sequence[PendingTrack], features: Mapping[str, FeatureConfig]
) -> Iterator[Rejection]:
    """Yield what converting would reject for its length alone; nothing is decoded."""
    for one in pending:
        for plan, keys in _group_by_plan(one, {k: c.plan for k, c in features.items()}):
            try:
                require_length(one.track.duration_s, plan)
            except TrackRejected as rejection:
                yield _reject(one.track, keys, rejection)


def _group_by_plan(
    pending: PendingTrack, plan_of_key: Mapping[str, CutPlan]
) -> Iterator[tuple[CutPlan, tuple[str, ...]]]:
    for plan in dict.fromkeys(plan_of_key.values()):
        keys = tuple(key for key in pending.feature_keys if plan_of_key[key] == plan)
        if keys:
            yield plan, keys


def _reject(track: Track, keys: tuple[str, ...], rejection: TrackRejected) -> Rejection:
    return Rejection(
        track_id=track.track_id,
        feature_keys=keys,
        stage=Stage.CONVERT,
        reason=Reason(rejection.reason),
        message=str(rejection),
    )


def _song_embeddings(
    feature_key: str, features: FeatureConfig, rows: "Sequence[TrackMatrices]"
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
    """Convert one song, a WAV a plan; one that fails does not stop the others."""
    track, place = pending.track, show_location(pending.track.location)
    for plan, keys in _group_by_plan(pending, plan_of_key):
        try:
            yield Converted(track=track, feature_keys=keys, wav=_cut(layout, track, plan))
        except TrackRejected as rejection:
            yield _reject(track, keys, rejection)
        except TransientError as error:
            get_run_logger().warning("%s was left out: %s", place, error)
        except Exception:
            get_run_logger().exception("%s was left out", place)


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


def _read_fragments(song: Converted) -> tuple[Float32Array, Sound | None]:
    """Read and measure a WAV of the cache; without a sound if it fails, and then removed."""
    try:
        fragments = read_wav(song.wav.path, len(song.wav.starts_s))
        return fragments, measure_sound(song.track_id, fragments)
    except Exception:
        get_run_logger().exception(
            "%s was left out",
            show_location(song.track.location),
            extra={"track_id": song.track_id},
        )
        song.wav.path.unlink(missing_ok=True)
        return np.empty((0, 0), np.float32), None


def _represent(
    song: Converted, fragments: Float32Array, feature_key: str, transform: Transform
) -> "TrackMatrices | Rejection":
    """Return the matrices of one song in one representation, or why it has none in it."""
    from storage.shards import TrackMatrices

    try:
        matrices = transform.apply(fragments) if fragments.any() else fragments
    except TrackRejected as rejection:
        return _refuse(song, feature_key, Reason(rejection.reason), str(rejection))
    except Exception as error:
        place = show_location(song.track.location)
        get_run_logger().exception("%s has no %s", place, transform.name)
        failure = (
            f"the representation {transform.name} failed on the song: {error!r}. Once it is fixed, "
            f"run `genreflow retry --reason {Reason.NOT_REPRESENTED}`."
        )
        return _refuse(song, feature_key, Reason.NOT_REPRESENTED, failure)
    if not matrices.any():
        silence = "every fragment drawn from the song is silent. Check the recording."
        return _refuse(song, feature_key, Reason.SILENT, silence)
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
