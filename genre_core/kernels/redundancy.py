"""Which kernel to remove next, and how its twin takes over (thesis 4.6.2; 6.4, points 1 and 2).

A kernel with its bias is a row of numbers. If one row is ``share`` times another, share above 0,
then so are the images behind the relu and behind pooling, and the kernel can go without a trace:
whatever it sent on, times ``share``, is added to what its twin sends on. Of rows that are only
alike, ``share`` is the projection of one on the other, which leaves the least of it unexplained.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from genre_core.examples import Float32Array, Int64Array
from genre_core.kernels.similarity import cosines
from genre_core.metrics import Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelLayer:
    """The kernels of one convolution, and what they send on.

    Attributes
    ----------
    name : str
    rows : float32 [shape=(n_kernels, n_values + 1)]
        The weights of each kernel and, last, its bias.
    outgoing : float32 [shape=(n_kernels, n_outgoing)]
        The weights by which the next layer reads the image of each kernel.
    """

    name: str
    rows: Float32Array
    outgoing: Float32Array

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One kernel goes: ``twin`` sends on ``share`` of what ``dropped`` sent on besides its own."""

    dropped: int
    twin: int
    similarity: float
    share: float


Choice = Callable[[KernelLayer, Int64Array], Removal]
"""Chooses among the kernels that are left, given by their places."""


def most_similar_first(layer: KernelLayer, left: Int64Array) -> Removal:
    """Choose the most similar pair; of the two the one whose unexplained rest weighs less goes."""
    between = cosines(layer.rows[left], layer.rows[left])
    np.fill_diagonal(between, -np.inf)
    one, other = np.unravel_index(between.argmax(), between.shape)
    pair = sorted((left[one], left[other]), key=lambda kernel: _weight(layer, kernel))
    return _removal(layer, int(pair[0]), int(pair[1]))


def random_first(rng: np.random.Generator) -> Choice:
    """Give a choice that removes any kernel; the one most like it takes over."""

    def choose(layer: KernelLayer, left: Int64Array) -> Removal:
        dropped = int(rng.choice(left))
        rest = left[left != dropped]
        nearest = cosines(layer.rows[[dropped]], layer.rows[rest]).argmax()
        return _removal(layer, dropped, int(rest[nearest]))

    return choose


def random_without_twin(rng: np.random.Generator) -> Choice:
    """Give a choice that removes any kernel, with all that it sent on."""
    choose = random_first(rng)
    return lambda layer, left: replace(choose(layer, left), share=0.0)


def removals(layer: KernelLayer, choose: Choice) -> Iterator[tuple[Removal, KernelLayer]]:
    """Remove kernel after kernel until one is left.

    Parameters
    ----------
    layer : KernelLayer
    choose : callable
        Such as `most_similar_first`.

    Yields
    ------
    Removal
    KernelLayer
        The layer after it, of the same shape: removed kernels send on zeros.
    """
    left = np.arange(len(layer))
    while len(left) > 1:
        removal = choose(layer, left)
        left = left[left != removal.dropped]
        layer = replace(layer, outgoing=_fold(layer.outgoing, removal))
        yield removal, layer


def kept_after(n_kernels: int, removed: Sequence[Removal]) -> list[int]:
    """Give the places of the kernels that are left, in order."""
    gone = {removal.dropped for removal in removed}
    return [kernel for kernel in range(n_kernels) if kernel not in gone]


def _fold(outgoing: Float32Array, removal: Removal) -> Float32Array:
    folded = outgoing.copy()
    folded[removal.twin] += np.float32(removal.share) * outgoing[removal.dropped]
    folded[removal.dropped] = 0
    return folded


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


def _weight(layer: KernelLayer, kernel: int) -> float:
    """How much of the output may hang on a kernel; the rest of a pair is in proportion to it."""
    lengths: Float64Array = np.array(
        [np.linalg.norm(layer.rows[kernel]), np.linalg.norm(layer.outgoing[kernel])]
    )
    return float(lengths.prod())
