"""How songs are judged; neither the orchestrator nor, as a rule, TensorFlow is imported."""

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from genre_core.calibration import temper
from genre_core.certainty import Certainty
from genre_core.errors import GenreflowError, TransientError, UsageError
from genre_core.examples import Float32Array
from genre_core.features import FeatureConfig
from genre_core.voting import CHOOSING_VOTE, VOTES, Float64Array
from storage.download import DownloadLimits
from storage.embeddings.model import Model
from storage.embeddings.transforms import Transform, embedding_transform
from storage.exports import ExportUnusable, find_kept, has_export, read_export
from storage.layout import DataLayout
from storage.light import LightNetwork
from storage.tracking.alias import Champion, read_alias
from storage.tracking.places import find_place
from tasks.keras_import import import_training
from tasks.listening import N_THREADS, listen

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
    those of `genre_core.certainty.Assessment`.
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
    from storage.tracking.exporting import find_embedder
    from storage.tracking.models import (
        load_certainty,
        load_features,
        load_network,
        load_temperature,
    )
    from storage.tracking.registry import champion
    from storage.tracking.store import open_tracking

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
    from storage.tracking.registry import champion
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    reigning = champion(tracking)
    if reigning is None:
        return False
    if has_export(layout, reigning):
        return True
    import_training()
    from storage.tracking.exporting import export_champion

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
