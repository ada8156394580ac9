"""How alike kernels are, within a layer and between networks (thesis section 6.4, point 1).

Two kernels are alike by the cosine of their weights. Its sign counts: a kernel and its negative
look for opposite things, because the relu behind them lets only one side through.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genre_core.examples import Float32Array
from genre_core.metrics import Float64Array

N_DRAWS = 400
CHANCE_SHARE = 0.95
"""Share of the draws that lie within ``chance_low`` and ``chance_high``."""

Kernels = Float32Array | Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How alike kernels are, and how alike as many random ones would be.

    Attributes
    ----------
    similarity : float
        Mean over the kernels of the highest cosine with a kernel of the other side.
    chance, chance_low, chance_high : float
        The same for untrained kernels: mean, and the range of 95 % of the draws.
    p_value : float
        Share of the draws that are as alike or more, counting the kernels themselves as a draw.
    """

    similarity: float
    chance: float
    chance_low: float
    chance_high: float
    p_value: float


def as_vectors(kernels: Float32Array) -> Float32Array:
    """Lay out ``(3, 3, n_inputs, n_kernels)`` as a row a kernel, ``(n_kernels, 9 * n_inputs)``."""
    return kernels.reshape(-1, kernels.shape[-1]).T


def cosines(some: Kernels, others: Kernels) -> Float64Array:
    """Give the cosine of every row with every row.

    Parameters
    ----------
    some, others : float [shape=(n_kernels, n_values)]
        The numbers of rows may differ.

    Returns
    -------
    float64 [shape=(n_some, n_others)]
        Within -1..1; 0 where a kernel is all zeros and has no direction.

    Raises
    ------
    ValueError
        If their kernels have different numbers of values.
    """
    if some.shape[1] != others.shape[1]:
        raise ValueError(
            f"kernels of {some.shape[1]} and of {others.shape[1]} values cannot be compared; "
            "compare layers that read as many images."
        )
    return _directions(some) @ _directions(others).T


def nearest_within(kernels: Kernels) -> Float64Array:
    """Give for each kernel its highest cosine with another one of the layer, (n_kernels,)."""
    if len(kernels) < 2:
        raise ValueError("one kernel alone resembles no other; compare two at least.")
    between = cosines(kernels, kernels)
    np.fill_diagonal(between, -np.inf)
    return between.max(axis=1)


def likeness_within(kernels: Kernels, rng: np.random.Generator) -> Likeness:
    """Compare each kernel of a layer with the one nearest to it; by chance: a layer untrained.

    Parameters
    ----------
    kernels : float [shape=(n_kernels, n_values)]
    rng : numpy.random.Generator

    Returns
    -------
    Likeness
    """

    def draw() -> float:
        return float(nearest_within(_untrained(len(kernels), kernels.shape[1], rng)).mean())

    return _against_chance(float(nearest_within(kernels).mean()), draw)


def likeness_between(some: Kernels, others: Kernels, rng: np.random.Generator) -> Likeness:
    """Compare each kernel of two networks with the one nearest to it in the other network.

    Parameters
    ----------
    some, others : float [shape=(n_kernels, n_values)]
        First layers, whose kernels read the matrix itself: those of later layers read images that
        stand in another order in each network.
    rng : numpy.random.Generator

    Returns
    -------
    Likeness
        By chance: the kernels of two networks untrained.
    """

    def draw() -> float:
        n_values = some.shape[1]
        pair = (_untrained(len(kernels), n_values, rng) for kernels in (some, others))
        return _best_matches(*pair)

    return _against_chance(_best_matches(some, others), draw)


def _best_matches(some: Kernels, others: Kernels) -> float:
    """Give the mean highest cosine over the kernels of both sides."""
    between = cosines(some, others)
    return float(np.concatenate([between.max(axis=1), between.max(axis=0)]).mean())


def _against_chance(similarity: float, draw: Callable[[], float]) -> Likeness:
    draws = np.array([draw() for _ in range(N_DRAWS)])
    tail = (1 - CHANCE_SHARE) / 2
    return Likeness(
        similarity=similarity,
        chance=float(draws.mean()),
        chance_low=float(np.quantile(draws, tail)),
        chance_high=float(np.quantile(draws, 1 - tail)),
        p_value=float((1 + np.count_nonzero(draws >= similarity)) / (1 + N_DRAWS)),
    )


def _untrained(n_kernels: int, n_values: int, rng: np.random.Generator) -> Float64Array:
    """Draw kernels as a network starts with them: uniform around 0; the width cancels out."""
    return rng.uniform(-1, 1, (n_kernels, n_values))


def _directions(kernels: Kernels) -> Float64Array:
    """Scale rows to length 1; a row of zeros stays."""
    rows = kernels.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
