"""Predict the genre of songs, as a rule without TensorFlow, MLflow or Prefect."""

import logging
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genre_core.errors import GenreflowError, TrackRejected
from genre_core.evaluation.calibration import temper
from genre_core.evaluation.certainty import Certainty
from genre_core.evaluation.songs import CHOOSING_VOTE, VOTES
from genre_core.examples import Float32Array
from genre_core.locations import escape_text, location_of, path_of
from genre_core.records import AudioFacts, Reason, Source
from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.signal.fragments import Float64Array, spread_starts
from storage.audio.decode import cut_fragments, read_fragments
from storage.audio.wav import round_samples
from storage.embeddings.registry import Transform
from storage.fetch.download import fetch_song, probe_song
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout
from storage.models.litert import LiteRTModel
from storage.sources.identity import identify
from tasks.keras_import import import_training

N_THREADS = 2
"""For one song; many songs are faster in processes of one thread each (`tasks/predict_many.py`)."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentPrediction:
    """The probabilities of one fragment, not calibrated."""

    start_s: float
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SongPrediction:
    """The prediction for one song, or an ``error``.

    ``probabilities`` are calibrated, ``confidence`` is that of the genre. ``unknown``: unlike all
    training songs; ``alternatives``: the genres that hold the right one with the set coverage. The
    three are None where they were not measured (`genre_core.evaluation.certainty.Assessment`).
    """

    song: str
    genre: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    fragments: tuple[FragmentPrediction, ...] = ()
    champion: int = 0
    confidence: float | None = None
    unknown: bool | None = None
    alternatives: tuple[str, ...] | None = None
    error: str = ""

    def as_document(self) -> dict[str, object]:
        """Return the prediction as JSON; of a song without one, its ``error``."""
        document = asdict(self)
        if self.error:
            return {name: document[name] for name in ("song", "error", "champion")}
        del document["error"]
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A network with its genres and the features it was trained on.

    ``network`` is a keras.Model or the champion's LiteRT model. ``temperature`` calibrates the mean
    of the fragments. ``transform`` embeds fragments where the network reads an embedding.
    ``n_threads`` compute a song.
    """

    version: int
    network: Any
    genres: tuple[str, ...]
    features: FeatureConfig
    temperature: float = 1.0
    transform: Transform | None = None
    certainty: Certainty = field(default_factory=Certainty)
    n_threads: int = N_THREADS

    def predict_genres(self, matrices: Float32Array) -> Float32Array:
        """Return the probability of each genre for each matrix, (n_fragments, n_genres)."""
        if isinstance(self.network, LiteRTModel):
            return self.network.predict_genres(matrices)
        return import_training().predict_genres(self.network, matrices)

    def calibrate_song(self, by_fragment: Float32Array) -> Float64Array:
        """Return the calibrated probabilities of a song, (n_fragments, n_genres) to (n_genres)."""
        return temper(VOTES[CHOOSING_VOTE](by_fragment), self.temperature)


def use_fragments(classifier: Classifier, n_fragments: int | None) -> Classifier:
    """Return a classifier of so many fragments or windows a song; None: of as many as before."""
    if not n_fragments:
        return classifier
    fragments = replace(classifier.features.fragments, n_fragments=n_fragments)
    return replace(classifier, features=replace(classifier.features, fragments=fragments))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudiedSong:
    """A prediction, and the matrices of the song that it was made from: none with an error.

    ``matrices`` are float32 (n_fragments, n_bands, n_frames).
    """

    prediction: SongPrediction
    matrices: Float32Array | None = None


def classify_song(
    classifier: Classifier, song: str, limits: DownloadLimits | None = None
) -> SongPrediction:
    """Predict the genre of one song; if that is impossible, with an ``error``."""
    return study_song(classifier, song, limits).prediction


def study_song(
    classifier: Classifier, song: str, limits: DownloadLimits | None = None
) -> StudiedSong:
    """Predict one song as `classify_song` does, and keep its matrices."""
    try:
        return predict_song(classifier, song, limits)
    except GenreflowError as error:
        error_text = str(error)
    except Exception as error:  # an unforeseen failure does not affect other songs
        logger.exception("%s was left out", song)
        sentence = f"{song}: the program failed on it: {type(error).__name__}: {error}"
        error_text = escape_text(sentence)
    failed = SongPrediction(song=song, champion=classifier.version, error=error_text)
    return StudiedSong(prediction=failed)


def predict_song(
    classifier: Classifier, song: str, limits: DownloadLimits | None = None
) -> StudiedSong:
    """Predict one song as `study_song` does; raises GenreflowError if it cannot be read."""
    starts_s, matrices = song_matrices(
        song, classifier.features, limits, classifier.transform, classifier.n_threads
    )
    return StudiedSong(prediction=_predict(classifier, song, starts_s, matrices), matrices=matrices)


def _predict(
    classifier: Classifier, song: str, starts_s: Float64Array, matrices: Float32Array
) -> SongPrediction:
    by_fragment, values = classifier.predict_genres(matrices), None
    by_song = classifier.calibrate_song(by_fragment)
    if classifier.features.embedding:  # the mean of the windows decides; fragments vote
        mean = matrices.mean(axis=0, keepdims=True)
        by_song, values = classifier.calibrate_song(classifier.predict_genres(mean)), mean[0, :, 0]
    return SongPrediction(
        song=song,
        genre=classifier.genres[int(by_song.argmax())],
        probabilities=_by_genre(classifier, by_song),
        fragments=tuple(
            FragmentPrediction(start_s=float(start), probabilities=_by_genre(classifier, row))
            for start, row in zip(starts_s, by_fragment, strict=True)
        ),
        champion=classifier.version,
        **asdict(classifier.certainty.assess(by_song, classifier.genres, values)),
    )


def _by_genre(classifier: Classifier, row: Float32Array | Float64Array) -> dict[str, float]:
    return dict(zip(classifier.genres, map(float, row), strict=True))


def song_matrices(
    song: str,
    features: FeatureConfig,
    limits: DownloadLimits | None = None,
    transform: Transform | None = None,
    n_threads: int = N_THREADS,
) -> tuple[Float64Array, Float32Array]:
    """Decode a song as in training: starts of its fragments, seconds, and their matrices."""
    _, starts_s, fragments = song_fragments(song, features, limits, n_threads)
    return starts_s, fragment_matrices(song, fragments, features, transform, n_threads)


def song_fragments(
    song: str,
    features: FeatureConfig,
    limits: DownloadLimits | None = None,
    n_threads: int = N_THREADS,
) -> tuple[str, Float64Array, Float32Array]:
    """Decode a song as in training: its track id, starts of its fragments, seconds, and samples.

    A copy that is fetched from elsewhere is thrown away.
    """
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path, track_id, facts = _fetch(song, DataLayout(Path(folder)), limits or DownloadLimits())
        try:
            return track_id, *_cut(path, track_id, facts, features, n_threads)
        except TrackRejected as rejection:
            if rejection.reason != Reason.TOO_SHORT:
                raise
            named = escape_text(f"{song}: {rejection}")
            raise TrackRejected(rejection.reason, named) from rejection


def fragment_matrices(
    song: str,
    fragments: Float32Array,
    features: FeatureConfig,
    transform: Transform | None = None,
    n_threads: int = N_THREADS,
) -> Float32Array:
    """Return the matrices of a song's fragments.

    ``transform`` is that of an embedding; without one, spectrograms are computed.
    """
    matrices = (
        transform.apply(round_samples(fragments))
        if transform
        else transform_fragments(fragments, features, n_threads)
    )
    if not (fragments.any() and matrices.any()):
        raise TrackRejected(Reason.SILENT, f"every fragment of {song} is silent.")
    return matrices


def transform_fragments(
    fragments: Float32Array, features: FeatureConfig, n_threads: int = N_THREADS
) -> Float32Array:
    """Return the spectrograms of fragments."""
    if n_threads == 1:
        return matrices_of(round_samples(fragments), features)
    parts = np.array_split(fragments, max(1, min(n_threads, len(fragments))))
    with ThreadPoolExecutor(n_threads) as threads:
        return np.concatenate(
            list(threads.map(lambda part: matrices_of(round_samples(part), features), parts))
        )


def _fetch(
    song: str, temporary: DataLayout, limits: DownloadLimits
) -> tuple[Path, str, AudioFacts]:
    """Return the file of a song, its track id and facts.

    A file with another suffix than its format is copied: some decoders go by the name.
    """
    path = Path(path_of(song)).absolute()
    if "://" not in song:
        track_id, facts, suffix = probe_song(path, temporary, limits)
        if suffix == path.suffix.lower():
            return path, track_id, facts
    location = song if "://" in song else location_of(path)
    track = fetch_song(identify(Source(location=location, genre="")), temporary, limits)
    return temporary.song(track.track_id, track.suffix), track.track_id, track.facts


def _cut(
    path: Path, track_id: str, facts: AudioFacts, features: FeatureConfig, n_threads: int
) -> tuple[Float64Array, Float32Array]:
    """Cut the fragments that training would cut; spread them if the song is too short.

    They are decoded at the longest length, as in training: where an mp3 has a damaged frame or is
    read by seeks, other segments give samples that differ in the last bits.
    """
    try:
        cut = cut_fragments(path, track_id, facts, features.plan, n_threads)
    except TrackRejected as rejection:
        if rejection.reason != Reason.TOO_SHORT or features.embedding:
            raise
        length_s = features.fragment_s
        starts_s = spread_starts(facts.duration_s, length_s, length_s / 2, features.fragments)
        fragments = read_fragments(path, facts, starts_s.tolist(), features.fragment_s)
        return starts_s, fragments
    return np.array(cut.starts_s), cut.fragments
