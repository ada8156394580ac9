"""Accuracy while kernels are removed one by one, and the smaller network that comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import keras
import numpy as np
from keras import layers

from genre_core.evaluation.metrics import Float64Array
from genre_core.examples import Examples, Float32Array
from genre_core.studies.kernels.counts import PruningCourse
from genre_core.studies.kernels.similarity import (
    Choice,
    KernelLayer,
    Removal,
    as_vectors,
    kept_after,
    most_similar_first,
    random_first,
    random_without_twin,
    removals,
)
from genre_core.training.fit import PREDICTION_BATCH

PASSING = (
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.GlobalAveragePooling2D,
    layers.Flatten,
    layers.Dropout,
)
"""Layers that give ``share`` times the image where they are given ``share`` times the image."""


def convolutions(model: keras.Model) -> list[str]:
    """Give the names of the convolutions of a network, from input to output."""
    return [layer.name for layer in model.layers if isinstance(layer, layers.Conv2D)]


def kernels_of(model: keras.Model, name: str) -> Float32Array:
    """Give the kernels of a convolution, a row each: float32 (n_kernels, n_values)."""
    return as_vectors(np.asarray(model.get_layer(name).kernel, np.float32))


def read_layer(model: keras.Model, name: str) -> KernelLayer:
    """Read a convolution for pruning.

    Parameters
    ----------
    model : keras.Model
        A line of layers such as ``cnn``.
    name : str
        One of its `convolutions`.

    Returns
    -------
    KernelLayer

    Raises
    ------
    ValueError
        If the network branches, or what follows the convolution is no multiple of its images.
    """
    reader = _reader(model, name)
    biases = np.asarray(model.get_layer(name).bias, np.float32)[:, np.newaxis]
    return KernelLayer(
        name=name,
        rows=np.hstack([kernels_of(model, name), biases]),
        outgoing=_by_input(np.asarray(reader.kernel, np.float32), len(biases)),
    )


def is_prunable(model: keras.Model) -> bool:
    """Whether every convolution of a network can be pruned."""
    try:
        return all(_reader(model, name) for name in convolutions(model))
    except ValueError:
        return False


def copy_network(model: keras.Model) -> keras.Model:
    """Copy a network with its weights."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def silence(model: keras.Model, layer: KernelLayer) -> None:
    """Let the next layer read a convolution as ``layer.outgoing`` says; changes the network."""
    reader = _reader(model, layer.name)
    reader.kernel.assign(_as_kernel(layer.outgoing, reader.kernel.shape))


def shrink(model: keras.Model, layer: KernelLayer, kept: Sequence[int]) -> keras.Model:
    """Build a network that has only some kernels of a convolution.

    Parameters
    ----------
    model : keras.Model
        The whole network; it stays as it is.
    layer : KernelLayer
        What `redundancy.removals` has made of one of its convolutions.
    kept : sequence of int
        Places of the kernels that stay.

    Returns
    -------
    keras.Model
        Of fewer parameters; it predicts as ``model`` does after `silence`.
    """

    def narrower(whole: layers.Layer) -> layers.Layer:
        settings = whole.get_config()
        if whole.name == layer.name:
            settings["filters"] = len(kept)
        return whole.__class__.from_config(settings)

    smaller = keras.models.clone_model(model, clone_function=narrower)
    reader = _reader(smaller, layer.name)
    for whole, small in zip(model.layers, smaller.layers, strict=True):
        if small is not reader and small.name != layer.name:
            small.set_weights(whole.get_weights())
    convolution, first = model.get_layer(layer.name), smaller.get_layer(layer.name)
    first.kernel.assign(np.asarray(convolution.kernel)[..., list(kept)])
    first.bias.assign(np.asarray(convolution.bias)[list(kept)])
    reader.kernel.assign(_as_kernel(layer.outgoing[list(kept)], reader.kernel.shape))
    reader.bias.assign(_reader(model, layer.name).bias)
    return smaller


def _reader(model: keras.Model, name: str) -> layers.Layer:
    """Give the next layer with weights: a convolution or a dense layer."""
    after = _line(model)
    while after[0].name != name:
        after = after[1:]
    if after[0].activation is not keras.activations.relu:
        raise ValueError(f"layer {name} has no relu; only kernels behind a relu can be pruned.")
    for layer in after[1:]:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            return layer
        if not isinstance(layer, PASSING):
            raise ValueError(
                f"layer {layer.name} stands behind {name}; a kernel cannot be folded into another "
                "through it. Prune a network such as cnn."
            )
    raise ValueError(f"nothing reads layer {name}; it is the output of the network.")


def _line(model: keras.Model) -> list[layers.Layer]:
    """Give the layers of a network that does not branch."""
    line = model.layers
    for before, behind in pairwise(line):
        if behind.input is not before.output:
            raise ValueError(
                f"network {model.name} branches at {behind.name}; only a line of layers such as "
                "cnn can be pruned."
            )
    return list(line)


def _by_input(kernel: Float32Array, n_inputs: int) -> Float32Array:
    """Sort the weights of a reader by the image that they read; behind a flatten, too."""
    places = kernel.reshape(-1, n_inputs, kernel.shape[-1])  # (n_places, n_inputs, n_outputs)
    return places.swapaxes(0, 1).reshape(n_inputs, -1)


def _as_kernel(outgoing: Float32Array, shape: tuple[int, ...]) -> Float32Array:
    """Sort weights back into the kernel of a reader."""
    return outgoing.reshape(len(outgoing), -1, shape[-1]).swapaxes(0, 1).reshape(shape)


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
