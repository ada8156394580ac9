"""How accurate a network stays while its kernels are removed: the record, free of Keras."""

from dataclasses import dataclass

from genre_core.kernels.redundancy import Removal
from genre_core.metrics import Float64Array


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
