"""Which unlabelled songs should be labelled next: a head says what it is unsure of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.dataset.groups import fold_artist
from genre_core.dataset.proposals import Pool, Proposal, propose_songs, uncertainty_of
from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.locations import show_location
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig, feature_key
from genre_core.training.head import fit_head, fit_scaler
from genre_core.training.tag_prior import prior_matrix, tag_table
from storage.audio.decode import DECODER_VERSION
from storage.catalog.embeddings import (
    EmbeddedSong,
    count_unlabelled,
    read_learned,
    read_waiting,
)
from storage.home import DataLayout

MOST_WAITING = 4_000
MOST_LEARNED = 10_000
"""Songs that proposals rest on; of larger stores, so many are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedSong:
    """A song that should be labelled, what a head predicts for it, and why it was chosen.

    ``predicted`` is empty and ``confidence`` not a number while fewer than two genres have songs.
    """

    song: str
    track_id: str
    artist: str
    title: str
    predicted: str
    confidence: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """Proposals, the most helpful first, and what they rest on.

    Attributes
    ----------
    n_unlabelled, n_embedded : int
        Unlabelled songs of the store, and those of them that have an embedding.
    n_learned : int
        Labelled songs that a training may learn from.
    """

    songs: tuple[ProposedSong, ...]
    n_unlabelled: int
    n_embedded: int
    n_learned: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Predicted:
    """What a head predicts for a pool; no column where there is no head."""

    genres: tuple[str, ...]
    probabilities: Float32Array

    @property
    def uncertainty(self) -> Float32Array:
        if not self.genres:
            return np.zeros(len(self.probabilities), np.float32)
        return uncertainty_of(self.probabilities)


def propose(
    layout: DataLayout,
    features: FeatureConfig,
    genres: Sequence[str],
    tag_prior: Mapping[str, Sequence[str]],
    n: int,
    sources: Sequence[str] = (),
) -> Proposed:
    """Propose unlabelled songs of the store, or of some sources, for labelling.

    A head is fitted on the labelled songs for this alone. Validation, test and golden songs have
    no say: they choose nothing.
    """
    embedding, key = _require_embedding(features), feature_key(features, DECODER_VERSION)
    n_unlabelled, n_embedded = count_unlabelled(layout, key)
    waiting = read_waiting(layout, key, sources, MOST_WAITING)
    learned = read_learned(layout, key, genres, MOST_LEARNED)
    songs = _choose(embedding, learned, waiting, tag_prior, n) if waiting else ()
    return Proposed(
        songs=tuple(songs),
        n_unlabelled=n_unlabelled,
        n_embedded=n_embedded,
        n_learned=len(learned),
    )


def _choose(
    embedding: Embedding,
    learned: Sequence[EmbeddedSong],
    waiting: Sequence[EmbeddedSong],
    tag_prior: Mapping[str, Sequence[str]],
    n: int,
) -> Iterator[ProposedSong]:
    predicted = _predict(embedding, learned, waiting, tag_prior)
    values = _values([*learned, *waiting])
    scaled = fit_scaler(values, embedding.n_features).scale(values)[:, : embedding.n_features]
    pool = Pool(
        features=scaled[len(learned) :],
        uncertainty=predicted.uncertainty,
        artists=[fold_artist(song.artist) for song in waiting],
    )
    for chosen in propose_songs(pool, scaled[: len(learned)], len(predicted.genres), n):
        yield _describe(chosen, waiting[chosen.index], predicted)


def _require_embedding(features: FeatureConfig) -> Embedding:
    """Return the embedding of feature settings; spectrograms have none."""
    if features.embedding is None:
        raise UsageError(f"{features.representation} is no embedding. Name one that is.")
    return features.embedding


def _predict(
    embedding: Embedding,
    learned: Sequence[EmbeddedSong],
    waiting: Sequence[EmbeddedSong],
    tag_prior: Mapping[str, Sequence[str]],
) -> _Predicted:
    """Fit a head on labelled songs and predict the others, if there are two genres at least."""
    genres = tuple(sorted({song.genre for song in learned}))
    if len(genres) < 2:
        return _Predicted(genres=(), probabilities=np.empty((len(waiting), 0), np.float32))
    fitted = fit_head(
        _values(learned),
        np.array([genres.index(song.genre) for song in learned], np.int64),
        [fold_artist(song.artist) or song.track_id for song in learned],
        prior_matrix(genres, embedding, tag_table(tag_prior)),
        len(genres),
    )
    return _Predicted(genres=genres, probabilities=fitted.head.probabilities(_values(waiting)))


def _values(songs: Sequence[EmbeddedSong]) -> Float32Array:
    """Stack embeddings, float32 (n_songs, n_values)."""
    return np.array([song.values for song in songs], np.float32)


def _describe(proposal: Proposal, song: EmbeddedSong, predicted: _Predicted) -> ProposedSong:
    row = predicted.probabilities[proposal.index]
    return ProposedSong(
        song=show_location(song.location),
        track_id=song.track_id,
        artist=song.artist,
        title=song.title,
        predicted=predicted.genres[int(row.argmax())] if len(row) else "",
        confidence=float(row.max()) if len(row) else float("nan"),
        why=_explain(proposal),
    )


def _explain(proposal: Proposal) -> str:
    reasons = [
        "unlike the labelled songs" if proposal.is_unlike else "",
        "uncertain" if proposal.is_uncertain else "",
        f"near {proposal.n_similar - 1} others without a label" if proposal.n_similar > 1 else "",
    ]
    return ", ".join(filter(None, reasons)) or "farthest from what is labelled or proposed"
