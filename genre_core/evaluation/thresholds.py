"""The confidence from which on predictions of a genre are right often enough to be written.

References
----------
Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the
binomial, Biometrika 26, 1934: the lower bound. Songs of one artist are right or wrong together, so
that the bound counts artists: a share of right songs says as much as that share of artists would
(Kish, Survey Sampling, 1965, the effective sample size where a cluster is worth one element).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.evaluation.bootstrap import LEVEL, Float64Array, group_numbers

ROUNDING = 1e-9
DEFAULT_MIN_PRECISION = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutSong:
    """A song with a label, as a model predicts it that was not fitted on its artist."""

    track_id: str
    group_id: str
    genre: str
    predicted: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From which confidence on a genre is written, and what that rests on.

    Attributes
    ----------
    genre : str
    confidence : float or None
        None: no confidence suffices, and the genre is never written.
    n_songs, n_groups, n_right : int
        Held-out songs predicted as the genre with that confidence, by so many artists, and those
        that have it. Without a confidence: those of the best bound.
    precision_low : float
        Lower 95 % bound of the share that is right.
    """

    genre: str
    confidence: float | None
    n_songs: int
    n_groups: int
    n_right: int
    precision_low: float

    def admits(self, confidence: float | None) -> bool:
        """Whether a prediction of the genre is confident enough."""
        if self.confidence is None or confidence is None:
            return False
        return confidence >= self.confidence - ROUNDING


def fit_thresholds(
    songs: Sequence[HeldOutSong], genres: Sequence[str], min_precision: float
) -> dict[str, Threshold]:
    """Return the threshold of each genre: the lowest confidence with the precision asked for."""
    return {genre: fit_threshold(songs, genre, min_precision) for genre in genres}


def fit_threshold(songs: Sequence[HeldOutSong], genre: str, min_precision: float) -> Threshold:
    """Return the lowest confidence from which on a genre is right in ``min_precision``, 0..1.

    The lower bound must reach it: with 28 artists, all of them right, 0.9 cannot be shown yet.
    """
    chosen = sorted(
        (song for song in songs if song.predicted == genre), key=lambda song: -song.confidence
    )
    if not chosen:
        confidence = 0.0 if min_precision <= 0 else None
        return Threshold(
            genre=genre, confidence=confidence, n_songs=0, n_groups=0, n_right=0, precision_low=0.0
        )
    confidences = np.array([song.confidence for song in chosen])
    n_right = np.cumsum([song.genre == genre for song in chosen])
    n_groups = _count_groups([song.group_id for song in chosen])
    low = precision_bound(n_right / np.arange(1, len(chosen) + 1), n_groups)
    is_last = np.append(confidences[1:] != confidences[:-1], True)
    passing = np.flatnonzero(is_last & (low >= min_precision))
    place = int(passing[-1]) if len(passing) else int(np.where(is_last, low, -1).argmax())
    confidence = float(confidences[place]) if len(passing) else None
    return Threshold(
        genre=genre,
        confidence=confidence if min_precision > 0 else 0.0,
        n_songs=place + 1,
        n_groups=int(n_groups[place]),
        n_right=int(n_right[place]),
        precision_low=float(low[place]),
    )


def precision_bound(precision: Float64Array, n_groups: Float64Array) -> Float64Array:
    """Return lower bounds, one-sided at 95 %, of shares right among so many artists, both (n,)."""
    from scipy import special  # takes 0.1 s to import

    right = precision * n_groups
    low = special.betaincinv(np.maximum(right, ROUNDING), n_groups - right + 1, 1 - LEVEL)
    return np.where(right > 0, low, 0.0)


def _count_groups(group_ids: Sequence[str]) -> Float64Array:
    """Return how many groups the first 1, 2, … songs are of."""
    numbers = group_numbers(group_ids)
    is_new = np.zeros(len(numbers))
    is_new[np.unique(numbers, return_index=True)[1]] = 1
    return np.cumsum(is_new)
