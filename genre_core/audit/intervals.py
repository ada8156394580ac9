"""Intervals of what the audit measures: bootstrap percentiles and exact binomial ones, 95 %."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import (
    N_RESAMPLES,
    Float64Array,
    Groups,
    Interval,
    bootstrap,
    sum_by_group,
    widened_tail,
)
from genre_core.evaluation.metrics import mean_recall

TAIL = 0.025


def two_way_interval(
    hits: Float64Array, weights: Float64Array, n_resamples: int, rng: np.random.Generator
) -> Interval:
    """Mean over permutations and songs, when both are resampled.

    ``hits`` and ``weights``, (n_draws, n_songs), are the right predictions of a song in a
    permutation, and all of them; the mean is the ratio of their sums.

    Notes
    -----
    Predictions of a song in several permutations are not independent, so both are resampled. The
    interval is somewhat too wide (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics
    1(2), 2007), which suits a check that can stop a promotion.
    """
    n_draws, n_songs = hits.shape
    of_draw = rng.multinomial(n_draws, np.full(n_draws, 1 / n_draws), n_resamples)
    of_song = rng.multinomial(n_songs, np.full(n_songs, 1 / n_songs), n_resamples)
    right, scored = (
        np.einsum("rd,ds,rs->r", of_draw, counts, of_song, optimize=True)
        for counts in (hits, weights)
    )
    return _interval(float(hits.sum() / weights.sum()), right[scored > 0] / scored[scored > 0])


def prediction_interval(hits: Float64Array, n_resamples: int, rng: np.random.Generator) -> Interval:
    """Mean of single predictions, right (1) or wrong (0), over permutations and songs.

    ``hits`` are (n_draws, n_songs). The hull of three: songs resampled with all their permutations,
    permutations with all their songs, and the exact binomial one.

    Notes
    -----
    Labels of different permutations are independent, so that without a leak the binomial is exact.
    A few songs that are all right leave nothing to resample, and no width; the interval of Clopper
    and Pearson, Biometrika 26(4), 1934, accounts for their number.
    """
    by_song, by_draw = (
        cluster_interval(hits.ravel(), [str(n) for n in which.ravel()], n_resamples, rng)
        for which in reversed(np.indices(hits.shape))
    )
    return _hull(by_song, by_draw, _exact_interval(hits))


def source_interval(
    hits: Float64Array,
    sources: Sequence[str],
    groups: Sequence[str],
    n_resamples: int,
    rng: np.random.Generator,
) -> Interval:
    """Share of hits, (n_songs,), on music of other sources and groups.

    The hull of three: whole sources resampled, and whole groups, with tails that are wider the
    fewer they are, and the exact binomial one, for resamples of two similar sources have next to
    no width.
    """
    resampled = [
        cluster_interval(hits, clusters, n_resamples, rng, _tail(clusters))
        for clusters in (sources, groups)
    ]
    return _hull(*resampled, _exact_interval(hits))


def _tail(clusters: Sequence[str]) -> float:
    n_clusters = len(set(clusters))
    return widened_tail(n_clusters) if n_clusters > 1 else TAIL


def cluster_interval(
    hits: Float64Array,
    clusters: Sequence[str],
    n_resamples: int,
    rng: np.random.Generator,
    tail: float = TAIL,
) -> Interval:
    """Share of hits, (n_songs,), when whole clusters of songs are resampled.

    ``tail`` is the share of resamples beyond each end. Field and Welsh, "Bootstrapping clustered
    data", J. R. Stat. Soc. B 69(3), 2007.
    """
    names, member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    right = np.bincount(member, hits, len(names))
    sizes = np.bincount(member, minlength=len(names))
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), n_resamples)
    return _interval(float(hits.mean()), (drawn @ right) / (drawn @ sizes), tail)


def recall_interval(
    hits: npt.NDArray[np.bool_],
    genres: Sequence[str] | npt.NDArray[np.str_],
    groups: Sequence[str],
    n_resamples: int,
    rng: np.random.Generator,
) -> Interval:
    """Mean recall over the true genres, when groups (artists) of songs are resampled."""
    columns, names = hits[:, None].astype(np.float64), np.asarray(genres, dtype=str)
    return recall_contrasts(columns, names, groups, np.eye(1), rng, n_resamples)[0].within(0, 1)


def _exact_interval(hits: Float64Array) -> Interval:
    """Interval of Clopper and Pearson for independent hits."""
    from scipy.stats import binomtest

    exact = binomtest(int(hits.sum()), hits.size).proportion_ci(0.95, method="exact")
    return Interval(value=float(hits.mean()), low=float(exact.low), high=float(exact.high))


def _hull(*intervals: Interval) -> Interval:
    return Interval(
        value=intervals[0].value,
        low=min(interval.low for interval in intervals),
        high=max(interval.high for interval in intervals),
    )


def _interval(value: float, resampled: Float64Array, tail: float = TAIL) -> Interval:
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(value=value, low=float(low), high=float(high))


def recall_contrasts(
    hits: Float64Array,
    genres: npt.NDArray[np.str_],
    groups: Groups,
    contrasts: Float64Array,
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
) -> list[Interval]:
    """Differences of mean recalls on the same rows, when groups of rows are resampled.

    ``hits``, (n_rows, n_scores), are right predictions of each row, or shares of them;
    ``contrasts``, (n_intervals, n_scores), weigh the mean recalls: ``[1, -1]`` is a difference.
    """
    inside = (genres[:, None] == np.unique(genres)).astype(np.float64)
    n_genres = inside.shape[1]
    parts = [inside * one[:, None] for one in hits.T]
    sums = sum_by_group(np.hstack([*parts, inside]), groups)

    def contrast(summed: Float64Array) -> Float64Array:
        scored = summed[..., -n_genres:]
        right = summed[..., :-n_genres].reshape(*summed.shape[:-1], len(hits.T), n_genres)
        recalls = mean_recall(right, scored[..., None, :])
        return np.asarray(recalls @ contrasts.T)

    return bootstrap(sums, contrast, rng, n_resamples=n_resamples)


def permuted_interval(hits: Float64Array, units: Groups, rng: np.random.Generator) -> Interval:
    """Mean of single predictions of permuted labels, ``hits``, (n_draws, n_rows).

    Rows of one unit have one label. The hull of three: units resampled with all their permutations,
    permutations with all their rows, and the exact binomial one (see `prediction_interval`).
    """
    by_draw = np.stack([hits.sum(axis=1), np.full(len(hits), float(hits.shape[1]))], axis=1)
    over_draws = bootstrap(by_draw, _share, rng)[0].within(0, 1)
    return _hull(over_units(hits, units, rng), over_draws, _exact_interval(hits))


def over_units(hits: Float64Array, units: Groups, rng: np.random.Generator) -> Interval:
    """Mean of the same predictions when units alone are resampled: of few permutations.

    Five that are all right prove no more than a score above 0.48 if they are resampled.
    """
    by_row = np.stack([hits.sum(axis=0), np.full(hits.shape[1], float(len(hits)))], axis=1)
    return bootstrap(sum_by_group(by_row, units), _share, rng)[0].within(0, 1)


def _share(summed: Float64Array) -> Float64Array:
    return summed[..., :1] / summed[..., 1:]
