"""How the number of kernels alone changes accuracy and the epochs it takes (thesis 4.6.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.evaluation.bootstrap import Float64Array, Interval

CONFIDENCE = 0.95
FEWEST_SEEDS = 3
"""Two seeds would have an interval of thirteen standard errors, wider than all accuracies."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountHistory:
    """The trainings of a network with some numbers of kernels, one a seed.

    ``accuracies`` is the validation accuracy by fragment after each epoch, float64
    (n_seeds, n_epochs).
    """

    network: str
    n_first: int
    n_second: int
    n_parameters: int
    accuracies: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(Interval):
    """A mean over seeds and its 95 % interval; below three seeds the ends are not numbers."""

    n_seeds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How many of the seeds reached a level, and after how many epochs these did, on average."""

    level: float
    n_reached: int
    epochs: Mean | None


def mean_over_seeds(values: Sequence[float] | Float64Array) -> Mean:
    """Return the mean of some seeds and its interval by Student's t.

    Student, The probable error of a mean, Biometrika 1908. It shows how the mean would move with
    other seeds on the same songs, not with other songs.
    """
    mean, half = seed_band(np.asarray(values, np.float64))
    low, high = float(mean - half), float(mean + half)
    return Mean(value=float(mean), low=low, high=high, n_seeds=len(values))


def seed_band(values: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return the mean over the first axis, seeds, and half the width of its interval."""
    import scipy.stats  # a second, for nothing in a process that only queries

    n_seeds = len(values)
    mean = np.asarray(values.mean(axis=0))
    if n_seeds < FEWEST_SEEDS:
        return mean, np.full(mean.shape, np.nan)
    quantile = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, n_seeds - 1)
    return mean, np.asarray(quantile * values.std(axis=0, ddof=1) / np.sqrt(n_seeds))


def best_so_far(accuracies: Float64Array) -> Float64Array:
    """Return the highest accuracy up to each epoch: that of the best weights until then."""
    return np.maximum.accumulate(accuracies, axis=1)


def epochs_to_reach(accuracies: Float64Array, level: float) -> Reached:
    """Count the epochs until a level of accuracy, in 0..1, is first reached.

    The mean is over the seeds, (n_seeds, n_epochs), that reached it: it flatters where some did
    not.
    """
    reached = accuracies >= level - 1e-9
    first = reached.argmax(axis=1)[reached.any(axis=1)] + 1
    epochs = mean_over_seeds(first.astype(np.float64)) if len(first) else None
    return Reached(level=level, n_reached=len(first), epochs=epochs)


def levels_between(histories: Sequence[CountHistory], n_levels: int = 4) -> list[float]:
    """Return round levels of accuracy, in steps of 5 %, in the upper two thirds of the range.

    The range is from the accuracy of the weakest networks after the first epoch to the best mean.
    """
    lowest = min(float(history.accuracies[:, 0].mean()) for history in histories)
    highest = max(float(best_so_far(history.accuracies)[:, -1].mean()) for history in histories)
    steps = np.linspace(lowest + (highest - lowest) / 3, highest, n_levels)
    return sorted({round(np.floor(level * 20) / 20, 2) for level in steps})
