"""Proposals: the unlabelled songs whose labels would help most, chosen as one batch.

Greedily, each choice is the song that brings most unlabelled songs nearer to a song with a label
or to an earlier choice: facility location (Nemhauser, Wolsey and Fisher, Mathematical Programming
14, 1978), used for batches of active learning by Wei, Iyer and Bilmes (ICML 2015).

A song counts by how uncertain its prediction is (Settles, Active Learning Literature Survey, 2009,
section 3.6), as far as labels are enough to trust that: with few, uncertainty alone chooses worse
than chance (Hacohen, Dekel and Weinshall, ICML 2022, and docs/explanation/decisions.md).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array

TRUSTED_SONGS = 20
"""Labelled songs a genre with which uncertainty weighs as much as coverage alone."""
ARTIST_SHARE = 4
"""No artist has more than one in so many songs of a batch, while others have songs left."""
SMALLEST = 1e-9
ROWS_AT_ONCE = 256

Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """Unlabelled songs.

    ``features`` are mean embeddings, scaled so that distances compare, (n_songs, n_features);
    ``uncertainty`` is from `uncertainty_of`, zeros where nothing predicts the songs; an artist is
    empty where unknown.
    """

    features: Float32Array
    uncertainty: Float32Array
    artists: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A song that should be labelled, by its ``index`` in the pool, and why.

    ``distance`` is to the nearest labelled song, infinite where none is labelled; ``n_similar``
    counts songs of the pool, itself included, that come nearer to it than to a labelled song or an
    earlier proposal; ``is_uncertain`` and ``is_unlike`` compare with the median of the pool.
    """

    index: int
    distance: float
    n_similar: int
    is_uncertain: bool
    is_unlike: bool


def uncertainty_of(probabilities: Float32Array) -> Float32Array:
    """Entropy of predictions, (n_songs, n_genres) to (n_songs,): 0 if certain, 1 if uniform."""
    logs = np.log(np.maximum(probabilities, SMALLEST))
    entropy = -(probabilities * logs).sum(axis=1) / np.log(probabilities.shape[1])
    return entropy.astype(np.float32)


def propose_songs(pool: Pool, labelled: Float32Array, n_genres: int, n: int) -> list[Proposal]:
    """Choose up to ``n`` songs of a pool that should be labelled next, the most helpful first.

    ``labelled`` are songs of ``n_genres`` genres, (n_labelled, n_features), scaled alike; without
    any, the pool alone is covered. Distances are in memory: 64 MB for a pool of 4,000 songs.
    """
    if not len(pool.features):
        return []
    chunks = range(0, len(pool.features), ROWS_AT_ONCE)
    parts = [pool.features[first : first + ROWS_AT_ONCE] for first in chunks]
    between = np.concatenate(
        [distances_between(part, pool.features).astype(np.float32) for part in parts]
    )
    np.fill_diagonal(between, 0)  # rounding leaves some distance of a song to itself
    distances = np.full(len(pool.features), np.inf)
    if len(labelled):
        nearest = [distances_between(part, labelled).min(axis=1) for part in parts]
        distances = np.concatenate(nearest)
    n_per_genre = len(labelled) / max(n_genres, 1)
    trust = n_per_genre / (n_per_genre + TRUSTED_SONGS)
    weights = (1 - trust + trust * pool.uncertainty).astype(np.float32)
    is_uncertain, is_unlike = _is_high(pool.uncertainty), _is_high(distances)
    return [
        Proposal(
            index=place,
            distance=float(distances[place]),
            n_similar=n_similar,
            is_uncertain=bool(is_uncertain[place]),
            is_unlike=bool(is_unlike[place]),
        )
        for place, n_similar in _choose(between, weights, distances, pool.artists, n)
    ]


def distances_between(ours: Float32Array, theirs: Float32Array) -> Float64Array:
    """Return Euclidean distances, (n_ours, n_theirs)."""
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    squares = (a**2).sum(axis=1)[:, np.newaxis] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def _is_high(values: Float32Array | Float64Array) -> BoolArray:
    return np.asarray(values > np.median(values))


def _choose(
    between: Float32Array,
    weights: Float32Array,
    distances: Float64Array,
    artists: Sequence[str],
    n: int,
) -> Iterator[tuple[int, int]]:
    """Yield the index of each choice, and how many songs come nearer to it than they were.

    ``between`` has the distances between songs, (n_songs, n_songs); ``weights`` the value of
    coming near each, (n_songs,).
    """
    nearest, chosen = np.where(np.isfinite(distances), distances, between.max()), list[int]()
    while len(chosen) < min(n, len(artists)):
        is_free = _is_free(artists, chosen, max(1, n // ARTIST_SHARE))
        gains = weights @ np.maximum(nearest[:, None] - between, 0)
        best = int(np.argmax(np.where(is_free, gains, -np.inf)))
        yield best, int((between[best] < nearest).sum())
        chosen.append(best)
        nearest = np.minimum(nearest, between[best])


def _is_free(artists: Sequence[str], chosen: Sequence[int], most: int) -> BoolArray:
    """Whether each song may be chosen; once all artists have had their share, any may."""
    is_left = np.ones(len(artists), bool)
    is_left[list(chosen)] = False
    counts = Counter(artists[place] for place in chosen)
    is_free = is_left & np.array([not name or counts[name] < most for name in artists])
    return is_free if is_free.any() else is_left
