"""Calibration: whether a network is as often right as it is sure.

References
----------
Guo et al., On Calibration of Modern Neural Networks, ICML 2017: expected calibration error with
15 bins of equal width, temperature.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import Float64Array, Interval, bootstrap, sum_by_group
from genre_core.evaluation.songs import Probabilities
from genre_core.examples import Int64Array

N_BINS = 15
LEAST_PROBABILITY = 1e-7
COLDEST, HOTTEST = 0.1, 10.0
"""Bounds of the temperature."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reliability:
    """How sure and how often right a network is, by bins of its highest probability.

    Attributes
    ----------
    n_songs : int64 [shape=(n_bins,)]
        Bin ``i`` holds probabilities above ``i / n_bins`` up to ``(i + 1) / n_bins``.
    confidence, accuracy : float64 [shape=(n_bins,)]
        Mean highest probability, and share of right songs; not a number where no song is.
    """

    n_songs: Int64Array
    confidence: Float64Array
    accuracy: Float64Array

    @property
    def error(self) -> float:
        """The expected calibration error: gaps weighted by the songs in the bins."""
        held = self.n_songs > 0
        gaps = np.abs(self.accuracy - self.confidence)[held]
        return float(gaps @ self.n_songs[held] / self.n_songs.sum())

    def as_document(self) -> dict[str, object]:
        """Give plain values by name; None where no song is."""
        shown = {
            name: [None if np.isnan(value) else float(value) for value in getattr(self, name)]
            for name in ("confidence", "accuracy")
        }
        return {"n_songs": self.n_songs.tolist(), **shown, "ece": self.error}


def reliability(
    probabilities: Probabilities, labels: Int64Array, n_bins: int = N_BINS
) -> Reliability:
    """Sort songs into bins of equal width by their highest probability.

    Parameters
    ----------
    probabilities : float [shape=(n_songs, n_genres)]
    labels : int64 [shape=(n_songs,)]

    Raises
    ------
    ValueError
        If there is no song, or the numbers of rows differ.
    """
    sums = _bin_sums(probabilities, labels, n_bins).sum(axis=0).reshape(3, n_bins)
    counts, held = sums[0], sums[0] > 0
    confidence, accuracy = (
        np.divide(total, counts, out=np.full(n_bins, np.nan), where=held) for total in sums[1:]
    )
    return Reliability(n_songs=counts.astype(np.int64), confidence=confidence, accuracy=accuracy)


def calibration_error(
    probabilities: Probabilities,
    labels: Int64Array,
    group_ids: Sequence[str] | npt.NDArray[np.object_],
    rng: np.random.Generator,
    n_bins: int = N_BINS,
) -> Interval:
    """Give the expected calibration error with its interval by group, in 0..1.

    Notes
    -----
    It is never below zero, so that few songs make it look larger than it is; resamples more so.
    """
    sums = sum_by_group(_bin_sums(probabilities, labels, n_bins), group_ids)

    def error(summed: Float64Array) -> Float64Array:
        counts, sure, right = np.moveaxis(summed.reshape(*summed.shape[:-1], 3, n_bins), -2, 0)
        return np.abs(right - sure).sum(axis=-1, keepdims=True) / counts.sum(-1, keepdims=True)

    return bootstrap(sums, error, rng)[0].within(0, 1)


def fit_temperature(probabilities: Probabilities, labels: Int64Array) -> float:
    """Give the temperature that makes the labels likeliest; above 1 the network is too sure.

    Parameters
    ----------
    probabilities : float [shape=(n_songs, n_genres)]
        Of songs that the network has not learnt from, and that test nothing.
    labels : int64 [shape=(n_songs,)]

    Returns
    -------
    float
        In 0.1..10, and 1 where every song is right: colder were better without end, so that
        nothing tells how cold.
    """
    from scipy.optimize import minimize_scalar  # half a second, for nothing where none is fitted

    require_pairs(probabilities, labels)
    if (probabilities.argmax(axis=1) == labels).all():
        return 1.0
    found = minimize_scalar(
        lambda log: log_loss(temper(probabilities, float(np.exp(log))), labels),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def temper(probabilities: Probabilities, temperature: float) -> Float64Array:
    """Flatten (temperature above 1) or sharpen probabilities; the order of genres stays.

    Logarithms of probabilities are logits up to a constant: they are divided by the temperature.
    """
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY, dtype=np.float64)) / temperature
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def log_loss(probabilities: Probabilities, labels: Int64Array) -> float:
    """Give the mean negative logarithm of the true genre's probability, nats."""
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, LEAST_PROBABILITY, dtype=np.float64)).mean())


def brier_score(probabilities: Probabilities, labels: Int64Array) -> float:
    """Give the mean squared distance from certainty of the true genre, 0..2 (Brier, 1950)."""
    wanted = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean())


def require_pairs(probabilities: Probabilities, labels: Int64Array) -> None:
    """Refuse what is no row of probabilities a label."""
    if not len(labels) or np.ndim(probabilities) != 2 or len(probabilities) != len(labels):
        raise ValueError(
            f"probabilities of shape {np.shape(probabilities)} do not fit {len(labels)} labels; "
            "give one row a song, and one song at least."
        )


def _bin_sums(probabilities: Probabilities, labels: Int64Array, n_bins: int) -> Float64Array:
    """Give number, confidence and rightness of each song in its bin, flat: (n_songs, 3 n_bins)."""
    require_pairs(probabilities, labels)
    sure = probabilities.max(axis=1).astype(np.float64)
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.minimum(np.searchsorted(edges[1:], sure, side="left"), n_bins - 1)
    right = probabilities.argmax(axis=1) == labels
    inside = np.eye(n_bins)[bins]
    weights = np.stack([np.ones(len(labels)), sure, right], axis=1)
    return (weights[:, :, None] * inside[:, None, :]).reshape(len(labels), -1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskCoverage:
    """What is right if only the surest songs are judged.

    Attributes
    ----------
    coverage, accuracy : float64 [shape=(n_songs,)]
        Share of songs that are judged, from the surest alone to all, and of right ones among them.
        Songs that are equally sure share their faults evenly.
    """

    coverage: Float64Array
    accuracy: Float64Array

    @property
    def area(self) -> float:
        """The area under risk against coverage (AURC): the mean share of wrong songs."""
        return float(np.mean(1 - self.accuracy))


def risk_coverage(probabilities: Probabilities, labels: Int64Array) -> RiskCoverage:
    """Say how accuracy falls as more and more songs are judged, the surest first.

    Parameters
    ----------
    probabilities : float [shape=(n_songs, n_genres)]
    labels : int64 [shape=(n_songs,)]

    Raises
    ------
    ValueError
        If there is no song, or the numbers of rows differ.
    """
    require_pairs(probabilities, labels)
    sure = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    order = np.argsort(-sure, kind="stable")
    _, tied = np.unique(-sure[order], return_inverse=True)
    shared = np.bincount(tied, right[order]) / np.bincount(tied)
    n_judged = np.arange(1, len(labels) + 1)
    return RiskCoverage(
        coverage=n_judged / len(labels), accuracy=np.cumsum(shared[tied]) / n_judged
    )


def top_accuracy(
    probabilities: Probabilities,
    labels: Int64Array,
    group_ids: Sequence[str] | npt.NDArray[np.object_],
    rng: np.random.Generator,
    n_named: int = 2,
) -> Interval:
    """Give the share of songs whose genre is among the likeliest ones, with its interval by group.

    Of equally likely genres the one that comes first is named first.
    """
    require_pairs(probabilities, labels)
    named = np.argsort(-probabilities, axis=1, kind="stable")[:, :n_named]
    hits = (named == labels[:, None]).any(axis=1)
    sums = sum_by_group(np.stack([hits, np.ones(len(labels))], axis=1), group_ids)
    found = bootstrap(sums, lambda summed: summed[..., :1] / summed[..., 1:], rng)
    return found[0].within(0, 1)
