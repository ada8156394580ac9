"""Propose: which unlabelled songs should be labelled next, by what a head is unsure of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.dataset.groups import join_artists
from genre_core.dataset.proposals import Pool, Proposal, propose_songs, uncertainty_of
from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.locations import show_location
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig, feature_key
from genre_core.training.head import fit_head, fit_scaler
from genre_core.training.tag_prior import prior_matrix, tag_table
from storage.audio.decode import DECODER_VERSION
from storage.catalog.connection import open_catalog
from storage.catalog.embeddings import EmbeddedSong, count_unlabelled, read_learned, read_waiting
from storage.home import DataLayout

MOST_WAITING = 4_000
MOST_LEARNED = 10_000
"""Songs that proposals rest on; of larger stores, so many are drawn."""

TagPrior = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedSong:
    """A song that should be labelled, its prediction by a head, and why it was chosen.

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

    ``n_embedded`` of the ``n_unlabelled`` songs of the store have an embedding; a training may
    learn from ``n_learned`` labelled songs.
    """

    songs: tuple[ProposedSong, ...]
    n_unlabelled: int
    n_embedded: int
    n_learned: int


def propose(
    layout: DataLayout,
    features: FeatureConfig,
    genres: Sequence[str],
    tag_prior: TagPrior,
    n: int,
    sources: Sequence[str] = (),
) -> Proposed:
    """Propose unlabelled songs of the store, or of some sources, for labelling.

    A head is fitted on the labelled songs for this alone. Validation, test and golden songs are
    not used.
    """
    if features.embedding is None:
        raise UsageError(f"{features.representation} is no embedding. Name one that is.")
    key = feature_key(features, DECODER_VERSION)
    with open_catalog(layout) as catalog:
        n_unlabelled, n_embedded = count_unlabelled(catalog, key)
        waiting = read_waiting(catalog, key, sources, MOST_WAITING)
        learned = read_learned(catalog, key, genres, MOST_LEARNED)
    songs = _choose(features.embedding, learned, waiting, tag_prior, n) if waiting else ()
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
    tag_prior: TagPrior,
    n: int,
) -> Iterator[ProposedSong]:
    genres = tuple(sorted({song.genre for song in learned}))
    probabilities = None
    if len(genres) > 1:
        prior = prior_matrix(genres, embedding, tag_table(tag_prior))
        labels = np.array([genres.index(song.genre) for song in learned], np.int64)
        groups = _group(learned)
        fitted = fit_head(_values(learned), labels, groups, prior, len(genres))
        probabilities = fitted.head.probabilities(_values(waiting))  # (n_waiting, n_genres)
    values = _values([*learned, *waiting])
    scaled = fit_scaler(values, embedding.n_features).scale(values)[:, : embedding.n_features]
    unsure = np.zeros(len(waiting), np.float32)
    pool = Pool(
        features=scaled[len(learned) :],
        uncertainty=unsure if probabilities is None else uncertainty_of(probabilities),
        artists=_group(waiting),
    )
    n_predicted = 0 if probabilities is None else len(genres)
    for chosen in propose_songs(pool, scaled[: len(learned)], n_predicted, n):
        song = waiting[chosen.index]
        row = None if probabilities is None else probabilities[chosen.index]
        yield ProposedSong(
            song=show_location(song.location),
            track_id=song.track_id,
            artist=song.artist,
            title=song.title,
            predicted="" if row is None else genres[int(row.argmax())],
            confidence=float("nan") if row is None else float(row.max()),
            why=_explain(chosen),
        )


def _group(songs: Sequence[EmbeddedSong]) -> list[str]:
    """Return the group of each song: songs that share an artist are in one."""
    return join_artists([song.track_id for song in songs], [song.artists for song in songs])


def _values(songs: Sequence[EmbeddedSong]) -> Float32Array:
    """Stack embeddings, float32 (n_songs, n_values)."""
    return np.array([song.values for song in songs], np.float32)


def _explain(proposal: Proposal) -> str:
    reasons = (
        "unlike the labelled songs" if proposal.is_unlike else "",
        "uncertain" if proposal.is_uncertain else "",
        f"near {proposal.n_similar - 1} others without a label" if proposal.n_similar > 1 else "",
    )
    return ", ".join(filter(None, reasons)) or "farthest from what is labelled or proposed"
