"""Conformal sets: possible genres of a song, so that a stated share of sets is right.

References
----------
Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005: the guarantee.
Sadinle, Lei and Wasserman, Least Ambiguous Set-Valued Classifiers with Bounded Error Levels,
JASA 2019: the score of a genre is one minus its probability.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.calibration import require_pairs
from genre_core.evaluation.songs import Probabilities
from genre_core.examples import Int64Array

ROUNDING = 1e-9
"""Taken from a rank before it is rounded up, and from a least probability."""


def fit_least_probability(
    probabilities: Probabilities, labels: Int64Array, coverage: float
) -> float:
    """Return the probability from which on a genre belongs to the set of a song.

    Parameters
    ----------
    probabilities : float [shape=(n_songs, n_genres)]
        Calibrated, of songs that the model was not fitted on.
    labels : int64 [shape=(n_songs,)]
    coverage : float
        Share of the sets of new songs that should contain the true genre, 0..1.

    Returns
    -------
    float
        The probability of the true genre that ``ceil((n_songs + 1) * coverage)`` songs reach; 0,
        so that every set contains all genres, where songs are too few.

    Notes
    -----
    The share is guaranteed for exchangeable songs, on average over many libraries; songs of other
    artists or sources may do worse.
    """
    n_songs = len(labels)
    rank = math.ceil((n_songs + 1) * coverage - ROUNDING)
    if rank > n_songs:
        return 0.0
    require_pairs(probabilities, labels)
    true = np.sort(probabilities[np.arange(n_songs), labels])[::-1]
    return float(true[max(rank, 1) - 1])


def belongs(probabilities: Probabilities, least_probability: float) -> npt.NDArray[np.bool_]:
    """Which genres belong to the set of each song; the likeliest always does.

    Parameters
    ----------
    probabilities : float [shape=(..., n_genres)]
    least_probability : float
        From `fit_least_probability`.
    """
    likeliest = probabilities.max(axis=-1, keepdims=True)
    return np.asarray(probabilities >= np.minimum(likeliest, least_probability - ROUNDING))


def name_alternatives(
    probabilities: Probabilities, genres: Sequence[str], least_probability: float
) -> tuple[str, ...]:
    """Name the genres of a song's set, the likeliest first; probabilities are (n_genres,)."""
    order = np.argsort(-probabilities, kind="stable")
    belonging = belongs(probabilities, least_probability)
    return tuple(genres[index] for index in order if belonging[index])
