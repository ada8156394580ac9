"""Classify: the champion's verdict on songs; nothing is stored."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from prefect import task

from genre_core.calibration import temper
from genre_core.errors import GenreflowError, TrackRejected, UsageError
from genre_core.examples import Float32Array
from genre_core.features import FeatureConfig, matrices_of
from genre_core.fragments import Float64Array, spread_starts
from genre_core.records import Reason, Source, Track
from genre_core.voting import CHOOSING_VOTE, VOTES
from storage.audio.cutting import cut_song
from storage.audio.decode import read_fragments
from storage.audio.wav import round_samples
from storage.download import DownloadLimits, fetch_song
from storage.layout import DataLayout
from storage.sources.identity import identify
from tasks.keras_import import import_training


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentVerdict:
    """What the champion hears in one fragment."""

    start_s: float
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the champion says of one song; ``error`` in its place where it cannot be judged.

    ``probabilities`` are tempered, so that they are as sure as they are right; those of the
    fragments are as the network gives them.
    """

    song: str
    genre: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    fragments: tuple[FragmentVerdict, ...] = ()
    champion: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A network, loaded, with its genres and the features it was trained on.

    ``temperature`` is the one fitted on its validation songs, for the mean of the fragments; 1,
    which changes nothing, where none was logged.
    """

    version: int
    network: Any
    genres: tuple[str, ...]
    features: FeatureConfig
    temperature: float = 1.0

    def judge_song(self, by_fragment: Float32Array) -> Float64Array:
        """Give the tempered probabilities of a song, from (n_fragments, n_genres) to (n_genres)."""
        return temper(VOTES[CHOOSING_VOTE](by_fragment), self.temperature)


@task
def judge_songs(layout: DataLayout, songs: Sequence[str]) -> list[Verdict]:
    """Judge songs (paths or URLs) with the champion and the features logged with it."""
    judge = load_champion(layout)
    return [_judge(judge, song) for song in songs]


def listen(song: str, features: FeatureConfig) -> tuple[Float64Array, Float32Array]:
    """Cut a song as in training: where its fragments start, and their matrices.

    The copy of the song that is made for it is thrown away.
    """
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        fleeting = DataLayout(Path(folder))
        location = song if "://" in song else str(Path(song).absolute())
        source = identify(Source(location=location, genre=""))
        track = fetch_song(source, fleeting, DownloadLimits())
        path = fleeting.song(track.track_id, track.suffix)
        starts_s, fragments = _cut(path, track, features)
    matrices = matrices_of(round_samples(fragments), features)
    if not matrices.any():
        raise TrackRejected(Reason.SILENT, f"every fragment of {song} is silent.")
    return starts_s, matrices


def load_champion(layout: DataLayout) -> Judge:
    """Load the champion with its genres and features, or say that there is none."""
    if not layout.mlflow_db.exists():
        raise UsageError(_no_champion(layout))
    import_training()
    from storage.tracking.models import load_features, load_network, load_temperature
    from storage.tracking.registry import champion
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    reigning = champion(tracking)
    if reigning is None:
        raise UsageError(_no_champion(layout))
    document = load_features(tracking, reigning.model_uri)
    return Judge(
        version=reigning.version,
        network=load_network(tracking, reigning.model_uri),
        genres=tuple(document["genres"]),
        features=FeatureConfig.from_document(document["features"]),
        temperature=load_temperature(tracking, reigning.model_uri),
    )


def _judge(judge: Judge, song: str) -> Verdict:
    try:
        starts_s, matrices = listen(song, judge.features)
    except GenreflowError as error:
        return Verdict(song=song, champion=judge.version, error=str(error))
    by_fragment = import_training().predict_genres(judge.network, matrices)
    by_song = judge.judge_song(by_fragment)
    fragments = tuple(
        FragmentVerdict(start_s=float(start_s), probabilities=_by_genre(judge, row))
        for start_s, row in zip(starts_s, by_fragment, strict=True)
    )
    return Verdict(
        song=song,
        genre=judge.genres[int(by_song.argmax())],
        probabilities=_by_genre(judge, by_song),
        fragments=fragments,
        champion=judge.version,
    )


def _cut(path: Path, track: Track, features: FeatureConfig) -> tuple[Float64Array, Float32Array]:
    """Cut the fragments that training would cut; spread them if the song is too short.

    They are read at the longest length, as in training: an mp3 that is read in other spans
    gives samples that differ in the last bit.
    """
    try:
        cut = cut_song(path, track.track_id, track.facts, features.fragments)
    except TrackRejected as rejection:
        if rejection.reason != Reason.TOO_SHORT:
            raise
        starts_s = spread_starts(track.duration_s, features.fragment_s, features.fragments)
        fragments = read_fragments(path, track.facts, starts_s.tolist(), features.fragment_s)
        return starts_s, fragments
    return np.array(cut.starts_s), cut.fragments


def _by_genre(judge: Judge, row: Float32Array | Float64Array) -> dict[str, float]:
    return dict(zip(judge.genres, map(float, row), strict=True))


def _no_champion(layout: DataLayout) -> str:
    return (
        f"There is no champion in {layout.home} yet. Run `genreflow run` first, or name the "
        "right place with --home."
    )
