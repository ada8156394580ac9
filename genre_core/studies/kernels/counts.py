"""How the number of kernels alone changes accuracy and the epochs it takes (thesis 4.6.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.evaluation.metrics import Float64Array
from genre_core.studies.kernels.similarity import Removal

CONFIDENCE = 0.95
FEWEST_SEEDS = 3
"""Two seeds would have an interval of thirteen standard errors, wider than all accuracies."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountCourse:
    """The trainings of networks with the same numbers of kernels, one a seed.

    Attributes
    ----------
    network : str
    n_first, n_second, n_parameters : int
    accuracies : float64 [shape=(n_seeds, n_epochs)]
        Validation accuracy by fragment after each epoch.
    """

    network: str
    n_first: int
    n_second: int
    n_parameters: int
    accuracies: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over seeds and its 95 % interval; below three seeds it is not a number."""

    value: float
    low: float
    high: float
    n_seeds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How many of the seeds reached a level, and after how many epochs these did, on average."""

    level: float
    n_reached: int
    epochs: Mean | None


def mean_over_seeds(values: Sequence[float] | Float64Array) -> Mean:
    """Give the mean of some seeds and its interval by Student's t.

    Notes
    -----
    Student, The probable error of a mean, Biometrika 1908. It tells how the mean would move with
    other seeds on the same songs, not with other songs.
    """
    mean, half = _mean_and_half(np.asarray(values, np.float64))
    low, high = float(mean - half), float(mean + half)
    return Mean(value=float(mean), low=low, high=high, n_seeds=len(values))


def seed_band(curves: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Give the mean over seeds and half the width of its interval, epoch by epoch."""
    return _mean_and_half(curves)


def best_so_far(accuracies: Float64Array) -> Float64Array:
    """Give the highest accuracy up to each epoch: what keeping the best weights would give."""
    return np.maximum.accumulate(accuracies, axis=1)


def epochs_to_reach(accuracies: Float64Array, level: float) -> Reached:
    """Count the epochs until a level of accuracy is first reached.

    Parameters
    ----------
    accuracies : float64 [shape=(n_seeds, n_epochs)]
    level : float
        In 0..1.

    Returns
    -------
    Reached
        ``epochs`` is over the seeds that reached it, so it flatters where some did not.
    """
    reached = accuracies >= level - 1e-9
    first = reached.argmax(axis=1)[reached.any(axis=1)] + 1
    epochs = mean_over_seeds(first.astype(np.float64)) if len(first) else None
    return Reached(level=level, n_reached=len(first), epochs=epochs)


def levels_between(courses: Sequence[CountCourse], n_levels: int = 4) -> list[float]:
    """Give round levels of accuracy from a third of the way up to the best mean, in steps of 5 %.

    The way leads from what the weakest networks have after the first epoch to the best mean.
    """
    lowest = min(float(course.accuracies[:, 0].mean()) for course in courses)
    highest = max(float(best_so_far(course.accuracies)[:, -1].mean()) for course in courses)
    steps = np.linspace(lowest + (highest - lowest) / 3, highest, n_levels)
    return sorted({round(np.floor(level * 20) / 20, 2) for level in steps})


def _mean_and_half(values: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Give the mean over the first axis and half the width of its interval."""
    import scipy.stats  # a second, for nothing in a process that only asks

    n_seeds = len(values)
    mean = np.asarray(values.mean(axis=0))
    if n_seeds < FEWEST_SEEDS:
        return mean, np.full(mean.shape, np.nan)
    quantile = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, n_seeds - 1)
    return mean, np.asarray(quantile * values.std(axis=0, ddof=1) / np.sqrt(n_seeds))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PruningCourse:
    """How accurate a network is while one of its convolutions loses its kernels.

    Attributes
    ----------
    layer : str
    n_kept : tuple of int
        From all kernels down to one.
    similar : float64 [shape=(len(n_kept),)]
        Accuracy by fragment when the most similar pair loses one first, folded into its twin.
    random : float64 [shape=(n_orders, len(n_kept))]
        The same in random orders.
    dropped : float64 [shape=(n_orders, len(n_kept))]
        In random orders, and nothing is folded.
    removed : tuple of Removal
        Those of ``similar``, in order.
    """

    layer: str
    n_kept: tuple[int, ...]
    similar: Float64Array
    random: Float64Array
    dropped: Float64Array
    removed: tuple[Removal, ...]
