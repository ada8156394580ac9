"""Abstaining: what is right if only the surest songs are judged, or two genres may be named.

References
----------
Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NIPS 2017: risk against
coverage; Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation, ICLR 2019: its area.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.bootstrap import Float64Array, Interval, bootstrap, sum_by_group
from genre_core.calibration import require_pairs
from genre_core.examples import Int64Array
from genre_core.voting import Probabilities


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
