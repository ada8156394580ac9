"""Calibration of predicted probabilities, and accuracy by confidence.

Guo et al., On Calibration of Modern Neural Networks, ICML 2017: expected calibration error with
15 bins of equal width, temperature. The bins are our own: scikit-learn's ``calibration_curve``
returns no counts, and the error needs them, by group. So is the log loss: it is clipped as Keras
clips its cross-entropy, and the fit of the temperature calls it some thirty times.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import (
    Float64Array,
    Groups,
    Interval,
    bootstrap,
    share_interval,
    sum_by_group,
)
from genre_core.evaluation.songs import Probabilities
from genre_core.examples import Int64Array

N_BINS = 15
LEAST_PROBABILITY = 1e-7
COLDEST, HOTTEST = 0.1, 10.0
"""Bounds of the temperature."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reliability:
    """Number, mean confidence and accuracy of the songs in each bin; NaN in empty bins.

    Bin ``i`` holds highest probabilities above ``i / n_bins`` up to ``(i + 1) / n_bins``.
    """

    n_songs: Int64Array
    confidence: Float64Array
    accuracy: Float64Array

    @property
    def error(self) -> float:
        """Expected calibration error: gaps weighted by the songs in the bins."""
        held = self.n_songs > 0
        gaps = np.abs(self.accuracy - self.confidence)[held]
        return float(gaps @ self.n_songs[held] / self.n_songs.sum())

    def as_document(self) -> dict[str, object]:
        """Return plain values by name; None for empty bins."""
        shown = {
            name: [None if np.isnan(value) else float(value) for value in getattr(self, name)]
            for name in ("confidence", "accuracy")
        }
        return {"n_songs": self.n_songs.tolist(), **shown, "ece": self.error}


def reliability(
    probabilities: Probabilities, labels: Int64Array, n_bins: int = N_BINS
) -> Reliability:
    """Sort songs into bins of equal width by their highest probability.

    As everywhere here, ``probabilities`` are (n_songs, n_genres) and ``labels`` (n_songs,), at
    least one; else ValueError is raised.
    """
    return bin_songs(*_hits(probabilities, labels), n_bins)


def bin_songs(
    confidence: Float64Array, is_right: npt.NDArray[np.bool_], n_bins: int = N_BINS
) -> Reliability:
    """Sort songs into bins of equal width by their confidence; both are (n_songs,)."""
    sums = _bin_sums(confidence, is_right, n_bins).sum(axis=0).reshape(3, n_bins)
    counts, held = sums[0], sums[0] > 0
    confidence, accuracy = (
        np.divide(total, counts, out=np.full(n_bins, np.nan), where=held) for total in sums[1:]
    )
    return Reliability(n_songs=counts.astype(np.int64), confidence=confidence, accuracy=accuracy)


def calibration_error(
    probabilities: Probabilities,
    labels: Int64Array,
    group_ids: Groups,
    rng: np.random.Generator,
    n_bins: int = N_BINS,
) -> Interval:
    """Expected calibration error with its interval by group, in 0..1.

    It is biased upwards where songs are few, and more so in resamples.
    """
    sums = sum_by_group(_bin_sums(*_hits(probabilities, labels), n_bins), group_ids)

    def error(summed: Float64Array) -> Float64Array:
        by_bin = summed.reshape(*summed.shape[:-1], 3, n_bins)
        counts, confidence, right = np.moveaxis(by_bin, -2, 0)
        gaps = np.abs(right - confidence).sum(axis=-1, keepdims=True)
        return gaps / counts.sum(-1, keepdims=True)

    return bootstrap(sums, error, rng)[0].within(0, 1)


def fit_temperature(probabilities: Probabilities, labels: Int64Array) -> float:
    """Return the temperature of least log loss, 0.1..10; above 1 the model is overconfident.

    Fit it on songs that neither train nor test the model. It is 1 where every song is right, for
    then the loss falls without end.
    """
    from scipy.optimize import minimize_scalar  # takes 0.5 s to import

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
    """Flatten (temperature above 1) or sharpen probabilities by dividing their logarithms."""
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY, dtype=np.float64)) / temperature
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def log_loss(probabilities: Probabilities, labels: Int64Array) -> float:
    """Mean negative logarithm of the true genre's probability, nats, clipped at 1e-7."""
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, LEAST_PROBABILITY, dtype=np.float64)).mean())


def brier_score(probabilities: Probabilities, labels: Int64Array) -> float:
    """Brier score over all genres, 0..2 (Brier, 1950)."""
    from sklearn.metrics import brier_score_loss  # takes 0.5 s to import

    genres = range(probabilities.shape[1])
    return float(brier_score_loss(labels, probabilities, labels=genres, scale_by_half=False))


def top_accuracy(
    probabilities: Probabilities,
    labels: Int64Array,
    group_ids: Groups,
    rng: np.random.Generator,
    k: int = 2,
) -> Interval:
    """Top-k accuracy with its interval by group; ties go to the genre that comes first."""
    require_pairs(probabilities, labels)
    top = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return share_interval((top == labels[:, None]).any(axis=1), group_ids, rng)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskCoverage:
    """Accuracy if only the songs of highest confidence are predicted, each float64 (n_songs,).

    ``coverage`` is the share of songs that are predicted, ``accuracy`` that of right ones among
    them. Songs of equal confidence share their errors evenly.
    """

    coverage: Float64Array
    accuracy: Float64Array

    @property
    def area(self) -> float:
        """Area under the risk-coverage curve (AURC): the mean share of wrong songs."""
        return float(np.mean(1 - self.accuracy))


def risk_coverage(probabilities: Probabilities, labels: Int64Array) -> RiskCoverage:
    """Return how accuracy changes as more songs are predicted, the most confident first."""
    require_pairs(probabilities, labels)
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    order = np.argsort(-confidence, kind="stable")
    _, tied = np.unique(-confidence[order], return_inverse=True)
    shared = np.bincount(tied, right[order]) / np.bincount(tied)
    n_predicted = np.arange(1, len(labels) + 1)
    return RiskCoverage(
        coverage=n_predicted / len(labels), accuracy=np.cumsum(shared[tied]) / n_predicted
    )


def require_pairs(probabilities: Probabilities, labels: Int64Array) -> None:
    """Raise ValueError unless there is one row of probabilities a label."""
    if not len(labels) or np.ndim(probabilities) != 2 or len(probabilities) != len(labels):
        raise ValueError(
            f"probabilities of shape {np.shape(probabilities)} do not fit {len(labels)} labels; "
            "give one row a song, and at least one song."
        )


def _hits(
    probabilities: Probabilities, labels: Int64Array
) -> tuple[Float64Array, npt.NDArray[np.bool_]]:
    """Return the confidence of each song, and whether its prediction is right."""
    require_pairs(probabilities, labels)
    is_right = probabilities.argmax(axis=1) == labels
    return probabilities.max(axis=1).astype(np.float64), is_right


def _bin_sums(
    confidence: Float64Array, is_right: npt.NDArray[np.bool_], n_bins: int
) -> Float64Array:
    """Count, confidence and hit of each song in its bin, flat: (n_songs, 3 n_bins)."""
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.minimum(np.searchsorted(edges[1:], confidence, side="left"), n_bins - 1)
    weights = np.stack([np.ones(len(confidence)), confidence, is_right], axis=1)
    return (weights[:, :, None] * np.eye(n_bins)[bins][:, None, :]).reshape(len(confidence), -1)
