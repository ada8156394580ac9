"""Fit a head: scaling, ridge and prior, chosen by grouped cross-validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array, Int64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """softmax of ``clip((values - mean) / deviation) @ weights + bias``.

    Attributes
    ----------
    mean, deviation : float32 [shape=(n_values,)]
    weights : float32 [shape=(n_values, n_genres)]
        Those of the features, then the prior over the tags; the temperature is in both.
    bias : float32 [shape=(n_genres,)]
    clip : float
    """

    mean: Float32Array
    deviation: Float32Array
    weights: Float32Array
    bias: Float32Array
    clip: float

    def probabilities(self, values: Float32Array) -> Float32Array:
        """Probability of each genre, (n, n_values) to (n, n_genres)."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedHead:
    """A head, how it was chosen, and what it says of its own training songs out of fold.

    ``out_of_fold`` is float32 (n_songs, n_genres): each row from a head fitted, and tempered,
    without the song's group.
    """

    head: Head
    strength: float
    penalty: float
    temperature: float
    out_of_fold: Float32Array


def fit_head(
    values: Float32Array,
    labels: Int64Array,
    groups: Sequence[str] | npt.NDArray[np.object_],
    prior: Float32Array,
    n_genres: int,
) -> FittedHead:
    """Fit a head on the means of songs.

    Parameters
    ----------
    values : float32 [shape=(n_songs, n_values)]
        Features, then tag logits, of each song (`embeddings.song_means`).
    labels : int64 [shape=(n_songs,)]
    groups : sequence of str [shape=(n_songs,)]
        Songs of one group (artist) are never on both sides of a fold.
    prior : float32 [shape=(n_tags, n_genres)]
        From `prior.prior_matrix`; with zeros alone there is no prior.
    n_genres : int
    """
    raise NotImplementedError
