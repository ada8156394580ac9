"""Accuracy while kernels are removed one by one, and the smaller network that comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np

from genre_core.examples import Examples
from genre_core.kernels.courses import PruningCourse
from genre_core.kernels.redundancy import (
    Choice,
    KernelLayer,
    Removal,
    kept_after,
    most_similar_first,
    random_first,
    random_without_twin,
    removals,
)
from genre_core.kernels.smaller import convolutions, copy_network, read_layer, shrink, silence
from genre_core.metrics import Float64Array
from genre_core.training import PREDICTION_BATCH

TOLERANCE = 0.01
"""Accuracy on validation that the smaller network may lose, all layers together."""

_Course = list[tuple[Removal, float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pruned:
    """A smaller network, and for each convolution which kernels it kept, of how many."""

    model: keras.Model
    kept: tuple[tuple[int, ...], ...]
    n_whole: tuple[int, ...]


def fragment_accuracy(model: keras.Model, examples: Examples) -> float:
    """Give the share of examples that a network takes for what they are.

    Notes
    -----
    By the compiled prediction, a third of the time of `training.predict_genres`: a course of
    removals asks hundreds of times.
    """
    n_right = 0
    for start in range(0, len(examples), PREDICTION_BATCH):
        rows = slice(start, start + PREDICTION_BATCH)
        judged = model.predict_on_batch(examples.matrices[rows]).argmax(axis=1)
        n_right += int(np.count_nonzero(judged == examples.labels[rows]))
    return n_right / len(examples)


def prune_layer(
    model: keras.Model, layer: str, examples: Examples, n_orders: int, rng: np.random.Generator
) -> PruningCourse:
    """Remove the kernels of one convolution one by one, the most similar first and at random.

    Parameters
    ----------
    model : keras.Model
        Stays as it is.
    layer : str
        One of its convolutions.
    examples : Examples
        On which it is scored; validation, not test.
    n_orders : int
        Random orders to compare with.
    rng : numpy.random.Generator

    Returns
    -------
    PruningCourse
    """
    whole = fragment_accuracy(model, examples)
    masked = copy_network(model)

    def course(choose: Choice) -> _Course:
        return _course(masked, read_layer(model, layer), examples, choose)

    def at_random(choose: Choice) -> Float64Array:
        orders = [[score for _, score in course(choose)] for _ in range(n_orders)]
        return np.array([[whole, *scores] for scores in orders])

    similar = course(most_similar_first)
    return PruningCourse(
        layer=layer,
        n_kept=tuple(range(len(similar) + 1, 0, -1)),
        similar=np.array([whole, *(score for _, score in similar)]),
        random=at_random(random_first(rng)),
        dropped=at_random(random_without_twin(rng)),
        removed=tuple(removal for removal, _ in similar),
    )


def prune_network(model: keras.Model, examples: Examples) -> Pruned:
    """Remove kernels of each convolution while the accuracy holds, and build what is left.

    From the first convolution to the last, the most similar pair loses one; the first removal
    that costs more than its part of ``TOLERANCE`` is taken back and ends the layer.

    Parameters
    ----------
    model : keras.Model
        A line of layers such as ``cnn``; it stays as it is.
    examples : Examples
        On which it is scored; validation, not test.

    Returns
    -------
    Pruned

    Raises
    ------
    ValueError
        If the network has no convolution, or branches.

    Notes
    -----
    Thesis section 4.6.2: remove a kernel, test, put it back if the performance suffers.
    """
    names = convolutions(model)
    if not names:
        raise ValueError(f"network {model.name} has no kernels to prune. Choose one such as cnn.")
    whole = fragment_accuracy(model, examples)
    smaller, kept = model, []
    for nth, name in enumerate(names, start=1):
        least = whole - TOLERANCE * nth / len(names)
        smaller, stay = _prune_while(smaller, name, partial(_holds, examples, least))
        kept.append(tuple(stay))
    return Pruned(
        model=smaller,
        kept=tuple(kept),
        n_whole=tuple(len(read_layer(model, name)) for name in names),
    )


def _prune_while(
    model: keras.Model, name: str, holds: Callable[[keras.Model], bool]
) -> tuple[keras.Model, list[int]]:
    """Remove kernels of one convolution as long as the network holds; give it and who stayed."""
    layer = read_layer(model, name)
    masked, removed = copy_network(model), list[Removal]()
    for removal, after in removals(layer, most_similar_first):
        silence(masked, after)
        if not holds(masked):
            break
        removed.append(removal)
        layer = after
    kept = kept_after(len(layer), removed)
    return shrink(model, layer, kept), kept


def _holds(examples: Examples, least: float, model: keras.Model) -> bool:
    return fragment_accuracy(model, examples) >= least - 1e-9


def _course(masked: keras.Model, layer: KernelLayer, examples: Examples, choose: Choice) -> _Course:
    """Give each removal with the accuracy after it; changes what ``masked`` reads of the layer."""
    scored = []
    for removal, after in removals(layer, choose):
        silence(masked, after)
        scored.append((removal, fragment_accuracy(masked, examples)))
    return scored
