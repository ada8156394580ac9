"""Bootstrap intervals of what the audit measures, by the percentile of resamples."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genre_core.fragments import Float64Array

LEVEL = (0.025, 0.975)

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
    from scipy.stats import binomtest

    by_song, by_draw = (
        cluster_interval(hits.ravel(), [str(n) for n in which.ravel()], n_resamples, rng)
        for which in (np.indices(hits.shape)[1], np.indices(hits.shape)[0])
    )
    exact = binomtest(int(hits.sum()), hits.size).proportion_ci(0.95, method="exact")
    low = min(by_song[0], by_draw[0], float(exact.low))
    return low, max(by_song[1], by_draw[1], float(exact.high))


def cluster_interval(
    hits: Float64Array,
    clusters: Sequence[str],
    n_resamples: int,
    rng: np.random.Generator,
) -> Interval:
    """Give the 95 % interval of the share of hits, when whole clusters of songs are resampled.

    Parameters
    ----------
    hits : float64 [shape=(n_songs,)]
    clusters : sequence of str
        What each song belongs to, such as its source.
    n_resamples : int
    rng : numpy.random.Generator

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
    return _percentiles((drawn @ right) / (drawn @ sizes))


def recall_interval(
    hits: npt.NDArray[np.bool_], genres: Sequence[str], n_resamples: int, rng: np.random.Generator
) -> Interval:
    """Give the 95 % interval of the mean recall over genres, when songs of each are resampled.

    Parameters
    ----------
    hits : bool [shape=(n_songs,)]
    genres : sequence of str
        The true one of each song. Drawing n of n songs with replacement, of which k are right,
        is a binomial draw of n at k / n.
    n_resamples : int
    rng : numpy.random.Generator

    Returns
    -------
    (float, float)
    """
    true = np.asarray(genres, dtype=str)
    recalls = [
        rng.binomial(np.sum(true == genre), np.mean(hits[true == genre]), n_resamples)
        / np.sum(true == genre)
        for genre in np.unique(true)
    ]
    return _percentiles(np.mean(recalls, axis=0))


def _percentiles(resampled: Float64Array) -> Interval:
    low, high = np.quantile(resampled, LEVEL)
    return float(low), float(high)
