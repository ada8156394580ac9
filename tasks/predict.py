"""How songs are judged; neither the orchestrator nor, as a rule, TensorFlow is imported."""

import logging
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genre_core.errors import GenreflowError, TrackRejected, TransientError, UsageError
from genre_core.evaluation.calibration import temper
from genre_core.evaluation.certainty import Certainty
from genre_core.evaluation.songs import CHOOSING_VOTE, VOTES
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason, Source
from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.signal.fragments import Float64Array, spread_starts
from storage.audio.decode import cut_fragments, read_fragments
from storage.audio.wav import round_samples
from storage.embeddings.embedder import Model
from storage.embeddings.registry import Transform, embedding_transform
from storage.fetch.download import DownloadLimits, fetch_song, probe_song
from storage.home import DataLayout
from storage.models.alias import Champion, read_alias
from storage.models.exports import ExportUnusable, find_kept, has_export, read_export
from storage.models.litert import LightNetwork
from storage.models.places import find_place
from storage.sources.identity import identify
from tasks.keras_import import import_training

N_THREADS = 2
"""Somebody waits for a verdict; many songs are better transformed one a thread."""


def listen(
    song: str,
    features: FeatureConfig,
    limits: DownloadLimits | None = None,
    transform: Transform | None = None,
) -> tuple[Float64Array, Float32Array]:
    """Cut a song as in training: where its fragments start, and their matrices.

    ``transform`` is that of an embedding; without one, spectrograms are computed.
    A file is read where it stands; a copy that is fetched from elsewhere is thrown away.
    """
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path, track_id, facts = _reach(song, DataLayout(Path(folder)), limits or DownloadLimits())
        starts_s, fragments = _cut(path, track_id, facts, features)
    matrices = (
        transform.apply(round_samples(fragments))
        if transform
        else transform_fragments(fragments, features)
    )
    if not (fragments.any() and matrices.any()):
        raise TrackRejected(Reason.SILENT, f"every fragment of {song} is silent.")
    return starts_s, matrices


def transform_fragments(fragments: Float32Array, features: FeatureConfig) -> Float32Array:
    """Turn fragments into matrices, some in each thread."""
    parts = np.array_split(fragments, max(1, min(N_THREADS, len(fragments))))
    with ThreadPoolExecutor(N_THREADS) as threads:
        return np.concatenate(
            list(threads.map(lambda part: matrices_of(round_samples(part), features), parts))
        )


def _reach(song: str, fleeting: DataLayout, limits: DownloadLimits) -> tuple[Path, str, AudioFacts]:
    """Give the file of a song, its track id and what its packets say.

    A file whose name hides what it is is copied to a name that tells it: some decoders go by that.
    """
    path = Path(song).absolute()
    if "://" not in song:
        track_id, facts, suffix = probe_song(path, fleeting, limits)
        if suffix == path.suffix.lower():
            return path, track_id, facts
    location = song if "://" in song else str(path)
    track = fetch_song(identify(Source(location=location, genre="")), fleeting, limits)
    return fleeting.song(track.track_id, track.suffix), track.track_id, track.facts


def _cut(
    path: Path, track_id: str, facts: AudioFacts, features: FeatureConfig
) -> tuple[Float64Array, Float32Array]:
    """Cut the fragments that training would cut; spread them if the song is too short.

    They are read at the longest length, as in training: an mp3 that is read in other spans
    gives samples that differ in the last bit.
    """
    try:
        cut = cut_fragments(path, track_id, facts, features.plan)
    except TrackRejected as rejection:
        if rejection.reason != Reason.TOO_SHORT or features.embedding:
            raise
        starts_s = spread_starts(facts.duration_s, features.fragment_s, features.fragments)
        fragments = read_fragments(path, facts, starts_s.tolist(), features.fragment_s)
        return starts_s, fragments
    return np.array(cut.starts_s), cut.fragments


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentVerdict:
    """What the champion hears in one fragment."""

    start_s: float
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the champion says of one song; ``error`` in its place where it cannot be judged.

    ``probabilities`` are tempered, so that they are as sure as they are right; those of the
    fragments are as the network gives them. ``confidence``, ``unknown`` and ``alternatives`` are
    those of `genre_core.evaluation.certainty.Assessment`.
    """

    song: str
    genre: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    fragments: tuple[FragmentVerdict, ...] = ()
    champion: int = 0
    confidence: float | None = None
    unknown: bool | None = None
    alternatives: tuple[str, ...] | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A network with its genres and the features it was trained on.

    ``network`` is a keras.Model, or the champion's export in its place. ``temperature`` is the one
    fitted on its validation songs, for the mean of the fragments; 1, which changes nothing, where
    none was logged. ``transform`` embeds fragments where the network reads an embedding.
    ``certainty`` is what its predictions say of themselves.
    """

    version: int
    network: Any
    genres: tuple[str, ...]
    features: FeatureConfig
    temperature: float = 1.0
    transform: Transform | None = None
    certainty: Certainty = field(default_factory=Certainty)

    def temper_song(self, by_fragment: Float32Array) -> Float64Array:
        """Give the tempered probabilities of a song, from (n_fragments, n_genres) to (n_genres)."""
        return temper(VOTES[CHOOSING_VOTE](by_fragment), self.temperature)


def judge_all(layout: DataLayout, songs: Sequence[str]) -> list[Verdict]:
    """Judge songs (paths or URLs) with the champion and the features logged with it."""
    return list(judge_each(layout, songs))


def judge_each(
    layout: DataLayout, songs: Sequence[str], n_fragments: int | None = None
) -> Iterator[Verdict]:
    """Judge songs as `judge_all` does, and give each verdict as soon as it stands.

    ``n_fragments`` says on how many fragments or windows a song; by default as in training.
    """
    judge = load_judge(layout)
    if n_fragments:
        judge = with_fragments(judge, n_fragments)
    for song in songs:
        yield judge_song(judge, song)


def with_fragments(judge: Judge, n_fragments: int) -> Judge:
    """Return a judge that decides on so many fragments or windows a song."""
    fragments = replace(judge.features.fragments, n_fragments=n_fragments)
    return replace(judge, features=replace(judge.features, fragments=fragments))


def judge_song(judge: Judge, song: str, limits: DownloadLimits | None = None) -> Verdict:
    """Judge one song; where it cannot be judged, the verdict says why."""
    try:
        starts_s, matrices = listen(song, judge.features, limits, judge.transform)
    except GenreflowError as error:
        return Verdict(song=song, champion=judge.version, error=str(error))
    by_fragment = predict_genres(judge, matrices)
    mean = _mean_embedding(judge, matrices)
    by_song = judge.temper_song(by_fragment if mean is None else predict_genres(judge, mean))
    values = None if mean is None else mean[0, :, 0]
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
        **asdict(judge.certainty.assess(by_song, judge.genres, values)),
    )


def _mean_embedding(judge: Judge, matrices: Float32Array) -> Float32Array | None:
    """Return the mean of a song's windows, (1, n_values, 1), which decides; none of spectrograms.

    Spectrograms have none: their fragments vote.
    """
    if judge.features.embedding is None:
        return None
    return matrices.mean(axis=0, keepdims=True)


def predict_genres(judge: Judge, matrices: Float32Array) -> Float32Array:
    """Give the probability of each genre for each matrix, (n_fragments, n_genres)."""
    if isinstance(judge.network, LightNetwork):
        return judge.network.predict_genres(matrices)
    return import_training().predict_genres(judge.network, matrices)


def load_judge(layout: DataLayout) -> Judge:
    """Load the champion as quickly as can be: its export, or else the whole network.

    The log says why an export cannot be used; it is then made anew. Where the tracking server
    that names the champion is down, the one that the home has kept judges, and the log says so.

    Raises
    ------
    UsageError
        If there is no champion, or the tracking server refuses.
    TransientError
        If the server is down, and the home has kept no champion.
    """
    try:
        return _load_export(layout, _find_reigning(layout))
    except TransientError as error:
        return _load_kept(layout, error)
    except (ExportUnusable, sqlite3.Error) as error:
        logger.warning("The whole network is loaded, which takes seconds: %s.", error)
    judge = load_champion(layout)
    export_reigning(layout)
    return judge


def load_champion(layout: DataLayout) -> Judge:
    """Load the champion with its genres and features, or say that there is none."""
    if not find_place(layout).is_there:
        raise UsageError(_no_champion(layout))
    import_training()
    from storage.models.exporting import find_embedder
    from storage.models.networks import (
        load_certainty,
        load_features,
        load_network,
        load_temperature,
    )
    from storage.models.registry import champion
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    reigning = champion(tracking)
    if reigning is None:
        raise UsageError(_no_champion(layout))
    document = load_features(tracking, reigning.model_uri)
    document["temperature"] = load_temperature(tracking, reigning.model_uri)
    network = load_network(tracking, reigning.model_uri)
    certainty = load_certainty(tracking, reigning.model_uri)
    return to_judge(reigning.version, network, document, find_embedder(document), certainty)


def export_reigning(layout: DataLayout) -> bool:
    """Export the champion, unless that is done; say whether its export is there."""
    from storage.models.registry import champion
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    reigning = champion(tracking)
    if reigning is None:
        return False
    if has_export(layout, reigning):
        return True
    import_training()
    from storage.models.exporting import export_champion

    return export_champion(tracking, reigning)


def _find_reigning(layout: DataLayout) -> Champion:
    """Say who reigns, or that nobody does."""
    reigning = read_alias(layout)
    if reigning is None:
        raise UsageError(_no_champion(layout))
    return reigning


def _load_kept(layout: DataLayout, absence: TransientError) -> Judge:
    """Load the export that the home has, whoever reigns by now."""
    try:
        judge = _load_export(layout, find_kept(layout))
    except ExportUnusable as error:
        raise absence from error
    logger.warning("%s Version %s, kept in %s, judges.", absence, judge.version, layout.champion)
    return judge


def _load_export(layout: DataLayout, reigning: Champion) -> Judge:
    exported = read_export(layout, reigning)
    try:
        network = LightNetwork(exported.network)
    except (ValueError, RuntimeError) as error:
        raise ExportUnusable(f"the runtime refuses the export ({error})") from error
    return to_judge(
        reigning.version, network, exported.document, exported.embedder, exported.certainty
    )


def to_judge(
    version: int,
    network: object,
    document: Mapping[str, Any],
    embedder: Model | None,
    certainty: Certainty,
) -> Judge:
    """Make a judge of a network, what was logged with it, and the model of its embedding."""
    return Judge(
        version=version,
        network=network,
        genres=tuple(document["genres"]),
        features=FeatureConfig.from_document(document["features"]),
        temperature=document["temperature"],
        transform=embedding_transform(embedder, N_THREADS) if embedder else None,
        certainty=certainty,
    )


def _by_genre(judge: Judge, row: Float32Array | Float64Array) -> dict[str, float]:
    return dict(zip(judge.genres, map(float, row), strict=True))


def _no_champion(layout: DataLayout) -> str:
    return (
        f"There is no champion in {layout.home} yet. Run `genreflow run` first, or name the "
        "right place with --home."
    )
