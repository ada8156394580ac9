"""Novelty: whether a song is unlike all training songs of a model.

References
----------
Sun, Ming, Zhu and Li, Out-of-Distribution Detection with Deep Nearest Neighbors, ICML 2022: the
distance to the k-th nearest training example among features of unit length.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import Groups
from genre_core.examples import Float32Array, Int64Array

NEIGHBOUR = 2
"""The second, so that one odd song in a library makes no song like it familiar."""
FEWEST_GROUPS = 5
"""With fewer artists, distances to left-out artists cannot be estimated."""
MOST_BYTES = 1_000_000
"""Limit for the stored features; larger libraries are subsampled."""
CHUNK = 4096
SMALLEST = 1e-12

Float16Array = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Novelty:
    """Mean features of training songs, of unit length, (n_songs, n_features), and a threshold.

    A song whose `distances` is larger than ``threshold`` is unknown; ``refuse_share`` is the share
    of known songs that it was fitted for.
    """

    references: Float16Array
    threshold: float
    refuse_share: float

    def distances(self, features: Float32Array) -> Float32Array:
        """Distance to the second nearest training song, float32 (n, n_features) to (n,), 0..2."""
        return _distances(_to_unit_length(features), self.references)

    def is_unknown(self, features: Float32Array) -> npt.NDArray[np.bool_]:
        """Whether songs are unlike the training songs, (n, n_features) to (n,)."""
        return np.asarray(self.distances(features) > self.threshold)


def fit_novelty(
    features: Float32Array, groups: Groups, refuse_share: float, seed: int = 0
) -> Novelty | None:
    """Fit the distance from which on a song is unknown.

    ``features`` are the mean ones of training songs, (n_songs, n_features), without the logits of
    tags; ``seed`` draws the subsample of a large library. None where there are fewer than
    `FEWEST_GROUPS` groups.

    The threshold is a quantile of the distances of training songs to those of other groups
    (artists). Each group has the same weight, because the next song comes from another artist.
    """
    names = np.unique(np.asarray(groups, str), return_inverse=True)[1]
    if int(names.max(initial=-1)) + 1 < FEWEST_GROUPS:
        return None
    unit = _to_unit_length(features)
    chosen = _choose_references(names, unit.shape[1], np.random.default_rng(seed))
    references = unit[chosen].astype(np.float16)
    held_out = _distances(unit, references, names, names[chosen])
    weights = 1 / np.bincount(names)[names]
    return Novelty(
        references=references,
        threshold=weighted_quantile(held_out, weights, 1 - refuse_share),
        refuse_share=refuse_share,
    )


def weighted_quantile(
    values: Float32Array, weights: npt.NDArray[np.float64], share: float
) -> float:
    """Smallest value at which the cumulative weight reaches ``share``, each array (n,)."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    index = int(np.searchsorted(reached, share - SMALLEST))
    return float(values[order[min(index, len(values) - 1)]])


def _choose_references(names: Int64Array, n_features: int, rng: np.random.Generator) -> Int64Array:
    """Subsample songs: one of each group in turn, up to the limit."""
    n_songs = max(NEIGHBOUR, MOST_BYTES // (np.float16().itemsize * n_features))
    shuffled = rng.permutation(len(names))
    by_group = np.argsort(names[shuffled], kind="stable")
    ordered = names[shuffled][by_group]
    turn = np.empty(len(names), np.int64)
    turn[by_group] = np.arange(len(names)) - np.searchsorted(ordered, ordered)
    return np.asarray(shuffled[np.argsort(turn, kind="stable")[:n_songs]])


def _distances(
    unit: Float32Array,
    references: Float16Array,
    names: Int64Array | None = None,
    reference_names: Int64Array | None = None,
) -> Float32Array:
    """Euclidean distance to the `NEIGHBOUR`-th nearest reference, float32 (n,).

    Where names are given, references of a song's own group do not count.
    """
    others = references.astype(np.float32).T
    distances = np.empty(len(unit), np.float32)
    for start in range(0, len(unit), CHUNK):
        part = slice(start, start + CHUNK)
        cosines = unit[part] @ others
        if names is not None and reference_names is not None:
            cosines[names[part, np.newaxis] == reference_names] = -1
        nearest = -np.partition(-cosines, NEIGHBOUR - 1, axis=1)[:, NEIGHBOUR - 1]
        distances[part] = np.sqrt(np.maximum(2 - 2 * nearest, 0))
    return distances


def _to_unit_length(features: Float32Array) -> Float32Array:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.maximum(lengths, SMALLEST)).astype(np.float32)
