"""The confidence from which on predictions of a genre are right often enough to be written.

References
----------
Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the
binomial, Biometrika 26, 1934: the lower bound. Songs of one artist are right or wrong together, so
that the bound counts artists: a share of right songs says as much as that share of artists would
(Kish, Survey Sampling, 1965, the effective sample size where a cluster is worth one element).
Maurer, Hothorn and Lehmacher, Multiple comparisons in drug clinical trials, 1995: tests in a fixed
order, up to the first that fails, keep the level of one test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genre_core.evaluation.bootstrap import LEVEL, Float64Array, group_numbers
from genre_core.evaluation.quantiles import beta_quantile
from genre_core.examples import Int64Array

ROUNDING = 1e-9
DEFAULT_MIN_PRECISION = 0.9
HUNDREDTHS = np.arange(1, 100) / 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutSong:
    """A song with a label, as a model predicts it that was not fitted on its artist.

    That is the champion or, if ``is_out_of_fold``, one fitted as it was on other artists.
    """

    track_id: str
    group_id: str
    genre: str
    predicted: str
    confidence: float
    is_out_of_fold: bool = False


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
        that have it. Without a confidence: those of the first test, which failed, or all.
    precision_low : float
        Lower 95 % bound of the share that is right.
    highest_precision : float
        The highest precision, in hundredths, that the same songs can show; 0 if none.
    n_out_of_fold : int
        Songs among ``n_songs`` that other models than the champion predicted.
    """

    genre: str
    confidence: float | None
    n_songs: int
    n_groups: int
    n_right: int
    precision_low: float
    highest_precision: float
    n_out_of_fold: int

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

    The lower bound must reach it: with 28 artists, all of them right, 0.9 cannot be shown yet. From
    the first confidence with enough artists downwards, each is tested, up to the first failure: of
    many tests in any other way, one would pass by luck. Out-of-fold predictions count only where
    the champion's own are of too few artists.
    """
    predicted = sorted((s for s in songs if s.predicted == genre), key=lambda s: -s.confidence)
    own = _make_cuts([song for song in predicted if not song.is_out_of_fold], genre)
    both = _make_cuts(predicted, genre)

    def choose(precision: float) -> _Cuts:
        return own if own.can_show(precision) else both

    cuts = choose(min_precision)
    start, end = cuts.test(min_precision)
    place = end - 1 if end > start else start
    confidence = float(cuts.confidences[place]) if end > start else None
    shown = (p for p in HUNDREDTHS[::-1] if len(set(choose(p).test(p))) > 1)
    return Threshold(
        genre=genre,
        confidence=confidence if min_precision > 0 else 0.0,
        highest_precision=float(next(shown, 0.0)),
        **cuts.counts_at(place),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cuts:
    """The confidences of a genre, the highest first, each (n,), and what is at or above them.

    ``low`` are lower bounds of the precision, ``most`` those if all songs were right.
    """

    confidences: Float64Array
    n_songs: Int64Array
    n_groups: Int64Array
    n_right: Int64Array
    n_out_of_fold: Int64Array
    low: Float64Array
    most: Float64Array

    def can_show(self, precision: float) -> bool:
        """Whether the songs would show a precision if all were right."""
        return bool((self.most >= precision).any())

    def test(self, precision: float) -> tuple[int, int]:
        """Return the first cut that could show a precision, and the first that then does not."""
        start = int(np.searchsorted(self.most, precision))
        fails = np.flatnonzero(self.low[start:] < precision)
        return start, start + int(fails[0]) if len(fails) else len(self.low)

    def counts_at(self, place: int) -> dict[str, Any]:
        """Return what is known of a cut, or of the last if there are fewer."""
        last = min(place, len(self.low) - 1)
        names = ("n_songs", "n_groups", "n_right", "n_out_of_fold")
        counts = {name: int(getattr(self, name)[last]) if last >= 0 else 0 for name in names}
        return {**counts, "precision_low": float(self.low[last]) if last >= 0 else 0.0}


def _make_cuts(songs: Sequence[HeldOutSong], genre: str) -> _Cuts:
    """Return the cuts of songs that are sorted; songs of equal confidence are in one."""
    confidences = np.array([song.confidence for song in songs], np.float64)
    is_last = np.append(confidences[1:] != confidences[:-1], True)[: len(songs)]
    n_songs = np.arange(1, len(songs) + 1)[is_last]
    n_groups = _count_groups([song.group_id for song in songs])[is_last]
    n_right = np.cumsum([song.genre == genre for song in songs], dtype=np.int64)[is_last]
    return _Cuts(
        confidences=confidences[is_last],
        n_songs=n_songs,
        n_groups=n_groups,
        n_right=n_right,
        n_out_of_fold=np.cumsum([s.is_out_of_fold for s in songs], dtype=np.int64)[is_last],
        low=precision_bound(n_right / n_songs, n_groups),
        most=precision_bound(np.ones(len(n_songs)), n_groups),
    )


def precision_bound(precision: Float64Array, n_groups: Int64Array) -> Float64Array:
    """Return lower bounds, one-sided at 95 %, of shares right among so many artists, both (n,)."""
    right, low = precision * n_groups, np.zeros(len(precision))
    is_some = right > 0
    low[is_some] = beta_quantile(right[is_some], (n_groups - right + 1)[is_some], 1 - LEVEL)
    return low


def _count_groups(group_ids: Sequence[str]) -> Int64Array:
    """Return how many groups the first 1, 2, … songs are of."""
    numbers = group_numbers(group_ids)
    is_new = np.zeros(len(numbers), np.int64)
    is_new[np.unique(numbers, return_index=True)[1]] = 1
    return np.cumsum(is_new)
