"""Similar kernels, within a layer and between networks, and which go first (thesis 6.4).

The similarity of two kernels is the cosine of their weights. Its sign counts: a kernel and its
negative detect opposite things, because the relu behind them lets only one side through.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Float32Array, Int64Array

N_DRAWS = 400
CHANCE_SHARE = 0.95
"""Share of the draws that lie within ``chance_low`` and ``chance_high``."""

Kernels = Float32Array | Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityTest:
    """How similar kernels are, and how similar as many untrained ones would be.

    ``similarity`` is the mean over the kernels of the highest cosine with a kernel of the other
    side; ``chance`` the same for untrained kernels, with the range of 95 % of the draws;
    ``p_value`` the share of draws that are as similar or more, the kernels counted as one.
    """

    similarity: float
    chance: float
    chance_low: float
    chance_high: float
    p_value: float


def cosines(some: Kernels, others: Kernels) -> Float64Array:
    """Return the cosine of every row with every row, float64 (n_some, n_others).

    0 where a kernel is all zeros. Both are float (n_kernels, n_values); ValueError where their
    numbers of values differ.
    """
    if some.shape[1] != others.shape[1]:
        raise ValueError(
            f"kernels of {some.shape[1]} and of {others.shape[1]} values cannot be compared; "
            "compare layers that read as many images."
        )
    return _directions(some) @ _directions(others).T


def _directions(kernels: Kernels) -> Float64Array:
    """Scale rows to length 1; a row of zeros stays."""
    rows = kernels.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def nearest_within(kernels: Kernels) -> Float64Array:
    """Return for each kernel its highest cosine with another one of the layer, (n_kernels,)."""
    if len(kernels) < 2:
        raise ValueError("one kernel alone cannot be compared; use a layer of two at least.")
    between = cosines(kernels, kernels)
    np.fill_diagonal(between, -np.inf)
    return between.max(axis=1)


def similarity_within(kernels: Kernels, rng: np.random.Generator) -> SimilarityTest:
    """Compare each kernel of a layer, (n_kernels, n_values), with the one nearest to it."""
    return _against_chance(lambda one: float(nearest_within(one).mean()), (kernels,), rng)


def similarity_between(some: Kernels, others: Kernels, rng: np.random.Generator) -> SimilarityTest:
    """Compare each kernel of two networks with the one nearest to it in the other network.

    For first layers, (n_kernels, n_values), whose kernels read the matrix itself: those of later
    layers read images that are in another order in each network.
    """
    return _against_chance(_best_matches, (some, others), rng)


def _best_matches(some: Kernels, others: Kernels) -> float:
    """Return the mean highest cosine over the kernels of both sides."""
    between = cosines(some, others)
    return float(np.concatenate([between.max(axis=1), between.max(axis=0)]).mean())


def _against_chance(
    measure: Callable[..., float], sides: Sequence[Kernels], rng: np.random.Generator
) -> SimilarityTest:
    """Compare with untrained kernels: uniform around 0, whose width cancels out."""
    similarity = measure(*sides)
    draws = np.array(
        [measure(*(rng.uniform(-1, 1, side.shape) for side in sides)) for _ in range(N_DRAWS)]
    )
    tail = (1 - CHANCE_SHARE) / 2
    return SimilarityTest(
        similarity=similarity,
        chance=float(draws.mean()),
        chance_low=float(np.quantile(draws, tail)),
        chance_high=float(np.quantile(draws, 1 - tail)),
        p_value=float((1 + np.count_nonzero(draws >= similarity)) / (1 + N_DRAWS)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelLayer:
    """The kernels of one convolution, and the weights that read their images.

    ``rows`` are the weights of each kernel and, last, its bias, (n_kernels, n_values + 1);
    ``outgoing`` those by which the next layer reads its image, (n_kernels, n_outgoing).
    """

    name: str
    rows: Float32Array
    outgoing: Float32Array

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One kernel goes; ``share`` of its outgoing weights is added to those of its ``twin``."""

    dropped: int
    twin: int
    similarity: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PruningCurve:
    """Accuracy by fragment while a convolution loses its kernels, from all of them down to one.

    In ``similar``, (len(n_kept),), the most similar pair loses one first, folded into its twin, in
    the order of ``removed``; in ``random`` and ``dropped``, (n_orders, len(n_kept)), the orders are
    random, and kernels are folded or not.
    """

    layer: str
    n_kept: tuple[int, ...]
    similar: Float64Array
    random: Float64Array
    dropped: Float64Array
    removed: tuple[Removal, ...]


Choice = Callable[[KernelLayer, Int64Array], Removal]
"""Chooses among the kernels that are left, given by their places."""


def most_similar_first(layer: KernelLayer, left: Int64Array) -> Removal:
    """Choose the most similar pair; of the two the one of less weight goes."""
    between = cosines(layer.rows[left], layer.rows[left])
    np.fill_diagonal(between, -np.inf)
    one, other = np.unravel_index(between.argmax(), between.shape)
    # a bound of what a kernel adds to the output; the loss of its removal is in proportion to it
    weights = np.linalg.norm(layer.rows, axis=1) * np.linalg.norm(layer.outgoing, axis=1)
    dropped, twin = sorted((left[one], left[other]), key=lambda kernel: float(weights[kernel]))
    return _removal(layer, int(dropped), int(twin))


def random_first(rng: np.random.Generator) -> Choice:
    """Return a choice that removes any kernel and folds it into the most similar one."""

    def choose(layer: KernelLayer, left: Int64Array) -> Removal:
        dropped = int(rng.choice(left))
        rest = left[left != dropped]
        nearest = cosines(layer.rows[[dropped]], layer.rows[rest]).argmax()
        return _removal(layer, dropped, int(rest[nearest]))

    return choose


def random_without_twin(rng: np.random.Generator) -> Choice:
    """Return a choice that removes any kernel and folds it into none."""
    choose = random_first(rng)
    return lambda layer, left: replace(choose(layer, left), share=0.0)


def _removal(layer: KernelLayer, dropped: int, twin: int) -> Removal:
    gone, stays = (layer.rows[kernel].astype(np.float64) for kernel in (dropped, twin))
    square = float(stays @ stays)
    return Removal(
        dropped=dropped,
        twin=twin,
        similarity=float(cosines(layer.rows[[dropped]], layer.rows[[twin]])[0, 0]),
        # a relu passes no negative multiple of an image
        share=max(0.0, float(gone @ stays) / square) if square else 0.0,
    )


def removals(layer: KernelLayer, choose: Choice) -> Iterator[tuple[Removal, KernelLayer]]:
    """Remove kernel after kernel until one is left; yield each removal and the layer after it.

    The shape stays: outgoing weights of removed kernels are zero.
    """
    left = np.arange(len(layer))
    while len(left) > 1:
        removal = choose(layer, left)
        left = left[left != removal.dropped]
        outgoing = layer.outgoing.copy()
        outgoing[removal.twin] += np.float32(removal.share) * outgoing[removal.dropped]
        outgoing[removal.dropped] = 0
        layer = replace(layer, outgoing=outgoing)
        yield removal, layer


def kept_after(n_kernels: int, removed: Sequence[Removal]) -> list[int]:
    """Return the places of the kernels that are left, in order."""
    gone = {removal.dropped for removal in removed}
    return [kernel for kernel in range(n_kernels) if kernel not in gone]
