"""Significance: scores with intervals, and whether one run is better than another."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

from genre_core.evaluation.bootstrap import LEVEL, N_RESAMPLES, Float64Array, Interval, bootstrap
from genre_core.evaluation.predictions import (
    SongPredictions,
    accuracy_of,
    as_matrices,
    confusion_by_group,
    groups_by_genre,
    macro_f1_of,
    recall_of,
    require_same_songs,
)
from genre_core.evaluation.quantiles import sign_test
from genre_core.records import counted


class Significance(StrEnum):
    """Result of a comparison; the values are part of the JSON of `compare`."""

    BETTER = "better"
    WORSE = "worse"
    NONE = "cannot be told apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreIntervals:
    """Scores with their intervals, averaged over seeds.

    ``recall`` has one entry a genre, None where the genre has no song. The macro F1 goes over the
    genres that have songs, as in ``metrics.score_predictions``.
    """

    accuracy: Interval
    macro_f1: Interval
    recall: tuple[Interval | None, ...]

    def as_document(self, genres: Sequence[str]) -> dict[str, object]:
        """Return plain values by name; an interval is value, low, high."""
        recall = zip(genres, self.recall, strict=True)
        return {
            "accuracy": self.accuracy.as_list(),
            "macro_f1": self.macro_f1.as_list(),
            "recall": {genre: found.as_list() for genre, found in recall if found},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """How much better one side is than another on the same songs.

    Accuracy and macro F1 are those of the one side less the other's. ``n_better`` and ``n_worse``
    count the songs that more, and that fewer, of its seeds get right. ``mcnemar_p`` is the exact
    two-sided test, which takes songs for independent. ``n_seeds`` are those of both sides.
    """

    accuracy: Interval
    macro_f1: Interval
    n_better: int
    n_worse: int
    mcnemar_p: float
    n_songs: int
    n_groups: int
    n_seeds: tuple[int, int]

    @property
    def significance(self) -> Significance:
        """Better or worse only where the interval of macro F1 excludes zero."""
        if not self.macro_f1.excludes_zero:
            return Significance.NONE
        return Significance.BETTER if self.macro_f1.value > 0 else Significance.WORSE

    def as_document(self) -> dict[str, object]:
        """Return plain values by name; an interval is value, low, high."""
        return {
            **asdict(self),
            "accuracy": self.accuracy.as_list(),
            "macro_f1": self.macro_f1.as_list(),
            "n_seeds": list(self.n_seeds),
            "standing": str(self.significance),
        }

    def sentence(self, name: str, other: str) -> str:
        """Describe the difference of ``name`` and ``other``."""
        rest = (
            f"macro F1 {self.macro_f1:+.2f} on {counted(self.n_songs, 'song')}, "
            f"seeds {self.n_seeds[0]} against {self.n_seeds[1]}, McNemar p = {self.mcnemar_p:.2g}"
        )
        if self.significance is Significance.NONE:
            return f"{name} and {other}: no significant difference, {rest}."
        return f"{name} is {self.significance} than {other}: {rest}."


def score_intervals(
    predictions: SongPredictions, rng: np.random.Generator, n_resamples: int = N_RESAMPLES
) -> ScoreIntervals:
    """Return accuracy, macro F1 and recall of each genre with 95 % intervals by group.

    Every resample averages the scores of the seeds: the interval is over songs, not over seeds.
    """
    n_genres = predictions.n_genres
    sums = confusion_by_group(predictions)
    present = np.flatnonzero(np.bincount(predictions.labels, minlength=n_genres))

    def scores(summed: Float64Array) -> Float64Array:
        recall = recall_of(as_matrices(summed, n_genres))[..., present].mean(axis=-2)
        return np.concatenate([_overall(summed, n_genres), recall], axis=-1)

    n_groups = groups_by_genre(predictions)
    support = np.array([len(sums), len(sums), *n_groups[present]])
    found = bootstrap(sums, scores, rng, support, n_resamples)
    accuracy, macro_f1, *recalls = (interval.within(0, 1) for interval in found)
    recall = dict(zip(present.tolist(), recalls, strict=True))
    return ScoreIntervals(
        accuracy=accuracy,
        macro_f1=macro_f1,
        recall=tuple(recall.get(genre) for genre in range(n_genres)),
    )


def paired_difference(
    ours: SongPredictions,
    theirs: SongPredictions,
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
    level: float = LEVEL,
) -> PairedDifference:
    """Return how much better ``ours`` is than ``theirs``, from paired resamples of the songs.

    ValueError if the songs, their groups or their genres differ.

    With one seed a side, the test is McNemar's, exact. With several, a song counts for the side of
    which more seeds get it right, of as many as both sides have: the sign test, which with one
    seed is the same.
    Where fewer groups differ than `fewest_differing` (six at 95 %), no test can reject equality;
    the interval then includes zero.
    """
    require_same_songs(ours, theirs)
    n_genres = ours.n_genres
    our_sums, their_sums = confusion_by_group(ours), confusion_by_group(theirs)
    width = our_sums.shape[1]

    def difference(summed: Float64Array) -> Float64Array:
        first, second = summed[..., :width], summed[..., width:]
        return _overall(first, n_genres) - _overall(second, n_genres)

    both = np.hstack([our_sums, their_sums])
    found = bootstrap(both, difference, rng, n_resamples=n_resamples, level=level)
    found = [interval.within(-1, 1) for interval in found]
    if _count_differing(our_sums, their_sums, n_genres) < fewest_differing(level):
        found = [
            Interval(value=one.value, low=min(one.low, 0.0), high=max(one.high, 0.0))
            for one in found
        ]
    accuracy, macro_f1 = found
    n_better, n_worse = _count_discordant(ours, theirs)
    return PairedDifference(
        accuracy=accuracy,
        macro_f1=macro_f1,
        n_better=n_better,
        n_worse=n_worse,
        mcnemar_p=mcnemar(n_better, n_worse),
        n_songs=len(ours.labels),
        n_groups=len(our_sums),
        n_seeds=(len(ours.predicted), len(theirs.predicted)),
    )


def fewest_differing(level: float = LEVEL) -> int:
    """Least number of differing groups with which a sign test can reject at a level.

    All n favour one side by chance in 2 of 2**n cases: five in 2 of 32 (6 %), six in 2 of 64.
    """
    return math.ceil(1 - math.log2(1 - level))


def mcnemar(n_better: int, n_worse: int) -> float:
    """Exact two-sided p of McNemar's test (1947), 1 where no song differs."""
    return sign_test(n_better, n_worse)


def _overall(summed: Float64Array, n_genres: int) -> Float64Array:
    """Accuracy and macro F1, averaged over seeds."""
    confusion = as_matrices(summed, n_genres)
    return np.stack([accuracy_of(confusion), macro_f1_of(confusion)], axis=-1).mean(axis=-2)


def _count_discordant(ours: SongPredictions, theirs: SongPredictions) -> tuple[int, int]:
    """Count the songs that more, and that fewer, seeds of ours get right than of theirs."""
    n_seeds = min(len(ours.predicted), len(theirs.predicted))
    right = [(s.predicted[:n_seeds] == s.labels).sum(axis=0) for s in (ours, theirs)]
    return int((right[0] > right[1]).sum()), int((right[0] < right[1]).sum())


def _count_differing(ours: Float64Array, theirs: Float64Array, n_genres: int) -> int:
    """Count the groups that the two sides predict differently, averaged over seeds."""
    means = [as_matrices(sums, n_genres).mean(axis=1) for sums in (ours, theirs)]
    return int((np.abs(means[0] - means[1]) > 1e-9).any(axis=(1, 2)).sum())
