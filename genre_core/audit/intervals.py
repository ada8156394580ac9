"""Bootstrap intervals of what the audit measures, by the percentile of resamples."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import bootstrap, sum_by_group, widened_tail
from genre_core.signal.fragments import Float64Array

TAIL = 0.025

Interval = tuple[float, float]


def two_way_interval(
    hits: Float64Array, weights: Float64Array, n_resamples: int, rng: np.random.Generator
) -> Interval:
    """Give the 95 % interval of a mean over draws and songs, when both are resampled.

    Parameters
    ----------
    hits, weights : float64 [shape=(n_draws, n_songs)]
        What was right of a song in a draw, and how many judgements that is; the mean is the sum
        of hits over the sum of weights.
    n_resamples : int
    rng : numpy.random.Generator

    Returns
    -------
    (float, float)

    Notes
    -----
    Songs judged in several draws are not independent, so neither draws nor songs alone will do.
    The interval is somewhat too wide (Owen, "The pigeonhole bootstrap", Annals of Applied
    Statistics 1(2), 2007), as fits a verdict that can stop a promotion.
    """
    n_draws, n_songs = hits.shape
    of_draw = rng.multinomial(n_draws, np.full(n_draws, 1 / n_draws), n_resamples)
    of_song = rng.multinomial(n_songs, np.full(n_songs, 1 / n_songs), n_resamples)
    right = np.einsum("rd,ds,rs->r", of_draw, hits, of_song, optimize=True)
    judged = np.einsum("rd,ds,rs->r", of_draw, weights, of_song, optimize=True)
    return _percentiles(right[judged > 0] / judged[judged > 0])


def judgement_interval(hits: Float64Array, n_resamples: int, rng: np.random.Generator) -> Interval:
    """Give the 95 % interval of single judgements, right or wrong, over draws and songs.

    Parameters
    ----------
    hits : float64 [shape=(n_draws, n_songs)]
        1 where a song was judged right in a draw, else 0.
    n_resamples : int
    rng : numpy.random.Generator

    Returns
    -------
    (float, float)
        The hull of three: songs resampled with all their draws, draws resampled with all their
        songs, and the exact one of the binomial.

    Notes
    -----
    Labels of different draws are independent, so that without a leak the binomial is exact.
    A few songs that happen to be all right leave nothing to resample, and no width; the interval
    of Clopper and Pearson, Biometrika 26(4), 1934, knows how few they are.
    """
    by_song, by_draw = (
        cluster_interval(hits.ravel(), [str(n) for n in which.ravel()], n_resamples, rng)
        for which in (np.indices(hits.shape)[1], np.indices(hits.shape)[0])
    )
    return _hull(by_song, by_draw, _exact_interval(hits))


def source_interval(
    hits: Float64Array, sources: Sequence[str], n_resamples: int, rng: np.random.Generator
) -> Interval:
    """Give the 95 % interval of the share of hits on music of other sources.

    Parameters
    ----------
    hits : float64 [shape=(n_songs,)]
    sources : sequence of str
        What each song comes from.
    n_resamples : int
    rng : numpy.random.Generator

    Returns
    -------
    (float, float)
        The hull of two: whole sources resampled, with tails that are wider the fewer they are, and
        the exact one of the binomial.

    Notes
    -----
    Resamples of two sources reach from the score of the one to that of the other, however few
    songs they have: two sources that happen to be alike would prove anything.
    """
    tail = widened_tail(len(set(sources))) if len(set(sources)) > 1 else TAIL
    by_source = cluster_interval(hits, sources, n_resamples, rng, tail)
    return _hull(by_source, _exact_interval(hits))


def cluster_interval(
    hits: Float64Array,
    clusters: Sequence[str],
    n_resamples: int,
    rng: np.random.Generator,
    tail: float = TAIL,
) -> Interval:
    """Give the 95 % interval of the share of hits, when whole clusters of songs are resampled.

    Parameters
    ----------
    hits : float64 [shape=(n_songs,)]
    clusters : sequence of str
        What each song belongs to, such as its source.
    n_resamples : int
    rng : numpy.random.Generator
    tail : float
        Share of resamples beyond each end.

    Returns
    -------
    (float, float)

    Notes
    -----
    Field and Welsh, "Bootstrapping clustered data", J. R. Stat. Soc. B 69(3), 2007.
    """
    names, member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    right = np.bincount(member, hits, len(names))
    sizes = np.bincount(member, minlength=len(names))
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), n_resamples)
    return _percentiles((drawn @ right) / (drawn @ sizes), tail)


def recall_interval(
    hits: npt.NDArray[np.bool_],
    genres: Sequence[str],
    groups: Sequence[str],
    n_resamples: int,
    rng: np.random.Generator,
) -> Interval:
    """Give the 95 % interval of the mean recall over genres, when groups of songs are resampled.

    Parameters
    ----------
    hits : bool [shape=(n_songs,)]
    genres, groups : sequence of str
        The true genre of each song, and what it is drawn with: its artist, or itself.
    n_resamples : int
    rng : numpy.random.Generator

    Returns
    -------
    (float, float)
        Also where every song is a hit it has a width, see `bootstrap`.
    """
    inside = np.asarray(genres, dtype=str)[:, None] == np.unique(genres)
    sums = sum_by_group(np.hstack([inside & hits[:, None], inside]).astype(np.float64), groups)
    interval = bootstrap(sums, _mean_recall, rng, n_resamples=n_resamples)[0].within(0, 1)
    return interval.low, interval.high


def _mean_recall(sums: Float64Array) -> Float64Array:
    """Average over the genres that were drawn, from hits and songs of each: (..., 1)."""
    right, judged = np.split(sums, 2, axis=-1)
    recall = np.divide(right, judged, out=np.zeros_like(right), where=judged > 0)
    return recall.sum(axis=-1, keepdims=True) / (judged > 0).sum(axis=-1, keepdims=True)


def _exact_interval(hits: Float64Array) -> Interval:
    """Give the interval of Clopper and Pearson for independent hits."""
    from scipy.stats import binomtest

    exact = binomtest(int(hits.sum()), hits.size).proportion_ci(0.95, method="exact")
    return float(exact.low), float(exact.high)


def _hull(*intervals: Interval) -> Interval:
    lows, highs = zip(*intervals, strict=True)
    return min(lows), max(highs)


def _percentiles(resampled: Float64Array, tail: float = TAIL) -> Interval:
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)
