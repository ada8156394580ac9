"""Accuracy while kernels are removed one by one, and the smaller network without them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import keras
import numpy as np
from keras import layers

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Examples, Float32Array
from genre_core.studies.kernels.similarity import (
    Choice,
    KernelLayer,
    PruningCurve,
    Removal,
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
"""Layers whose output for ``share`` times an image is ``share`` times that for the image."""

TOLERANCE = 0.01
"""Accuracy on validation that the smaller network may lose, all layers together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pruned:
    """A smaller network, and for each convolution which kernels it kept, of how many."""

    model: keras.Model
    kept: tuple[tuple[int, ...], ...]
    n_full: tuple[int, ...]


def convolutions(model: keras.Model) -> list[str]:
    """Return the names of the convolutions of a network, from input to output."""
    return [layer.name for layer in model.layers if isinstance(layer, layers.Conv2D)]


def kernels_of(model: keras.Model, name: str) -> Float32Array:
    """Return the kernels of a convolution, a row each: float32 (n_kernels, n_values)."""
    kernel = np.asarray(model.get_layer(name).kernel, np.float32)  # (3, 3, n_inputs, n_kernels)
    return kernel.reshape(-1, kernel.shape[-1]).T


def read_layer(model: keras.Model, name: str) -> KernelLayer:
    """Return a convolution for pruning.

    ValueError if the network branches, or a layer after it is not proportional to its images.
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
    """Set the weights by which the next layer reads a convolution to ``layer.outgoing``."""
    reader = _reader(model, layer.name)
    reader.kernel.assign(_as_kernel(layer.outgoing, reader.kernel.shape))


def shrink(model: keras.Model, layer: KernelLayer, kept: Sequence[int]) -> keras.Model:
    """Build a network that has only some kernels of a convolution, given by their places.

    ``layer`` is the convolution after `similarity.removals`; the network predicts as ``model``
    does after `silence`.
    """

    def narrower(full: layers.Layer) -> layers.Layer:
        settings = full.get_config()
        if full.name == layer.name:
            settings["filters"] = len(kept)
        return full.__class__.from_config(settings)

    smaller, places = keras.models.clone_model(model, clone_function=narrower), list(kept)
    reader = _reader(smaller, layer.name)
    for full, small in zip(model.layers, smaller.layers, strict=True):
        if small is not reader and small.name != layer.name:
            small.set_weights(full.get_weights())
    convolution, first = model.get_layer(layer.name), smaller.get_layer(layer.name)
    first.kernel.assign(np.asarray(convolution.kernel)[..., places])
    first.bias.assign(np.asarray(convolution.bias)[places])
    reader.kernel.assign(_as_kernel(layer.outgoing[places], reader.kernel.shape))
    reader.bias.assign(_reader(model, layer.name).bias)
    return smaller


def _reader(model: keras.Model, name: str) -> layers.Layer:
    """Return the next layer with weights: a convolution or a dense layer."""
    after = _unbranched(model)
    while after[0].name != name:
        after = after[1:]
    if after[0].activation is not keras.activations.relu:
        raise ValueError(f"layer {name} has no relu; only kernels behind a relu can be pruned.")
    for layer in after[1:]:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            return layer
        if not isinstance(layer, PASSING):
            raise ValueError(
                f"layer {layer.name} comes after {name}; a kernel cannot be folded into another "
                "through it. Prune a network such as cnn."
            )
    raise ValueError(f"nothing reads layer {name}; it is the output of the network.")


def _unbranched(model: keras.Model) -> list[layers.Layer]:
    """Return the layers of a network that does not branch."""
    for before, after in pairwise(model.layers):
        if after.input is not before.output:
            raise ValueError(
                f"network {model.name} branches at {after.name}; only a network without branches, "
                "such as cnn, can be pruned."
            )
    return list(model.layers)


def _by_input(kernel: Float32Array, n_inputs: int) -> Float32Array:
    """Sort the weights of a reader by the image that they read; behind a flatten, too."""
    places = kernel.reshape(-1, n_inputs, kernel.shape[-1])  # (n_places, n_inputs, n_outputs)
    return places.swapaxes(0, 1).reshape(n_inputs, -1)


def _as_kernel(outgoing: Float32Array, shape: tuple[int, ...]) -> Float32Array:
    """Sort weights back into the kernel of a reader."""
    return outgoing.reshape(len(outgoing), -1, shape[-1]).swapaxes(0, 1).reshape(shape)


def fragment_accuracy(model: keras.Model, examples: Examples) -> float:
    """Return the share of examples that a network predicts right, by its compiled prediction.

    That takes a third of the time of `predict_genres`, and a pruning curve needs hundreds.
    """
    n_right = 0
    for start in range(0, len(examples), PREDICTION_BATCH):
        rows = slice(start, start + PREDICTION_BATCH)
        predicted = model.predict_on_batch(examples.matrices[rows]).argmax(axis=1)
        n_right += int(np.count_nonzero(predicted == examples.labels[rows]))
    return n_right / len(examples)


def prune_layer(
    model: keras.Model, layer: str, examples: Examples, n_orders: int, rng: np.random.Generator
) -> PruningCurve:
    """Remove the kernels of one convolution one by one, the most similar first and at random.

    The model stays as it is; it is scored on ``examples`` of validation, not test, and compared
    with ``n_orders`` random orders.
    """
    full, masked = fragment_accuracy(model, examples), copy_network(model)

    def remove_all(choose: Choice) -> list[tuple[Removal, float]]:
        scored = []
        for removal, after in removals(read_layer(model, layer), choose):
            silence(masked, after)
            scored.append((removal, fragment_accuracy(masked, examples)))
        return scored

    def at_random(choose: Choice) -> Float64Array:
        orders = [remove_all(choose) for _ in range(n_orders)]
        return np.array([[full, *(score for _, score in order)] for order in orders])

    similar = remove_all(most_similar_first)
    return PruningCurve(
        layer=layer,
        n_kept=tuple(range(len(similar) + 1, 0, -1)),
        similar=np.array([full, *(score for _, score in similar)]),
        random=at_random(random_first(rng)),
        dropped=at_random(random_without_twin(rng)),
        removed=tuple(removal for removal, _ in similar),
    )


def prune_network(model: keras.Model, examples: Examples) -> Pruned:
    """Remove kernels of each convolution while the accuracy holds, and build what is left.

    From the first convolution to the last, the most similar pair loses one; the first removal
    that costs more than its share of ``TOLERANCE`` is taken back and ends the layer. Thesis
    section 4.6.2: remove a kernel, test, put it back if the performance suffers.

    The model stays as it is; it is scored on ``examples`` of validation, not test. ValueError if
    it has no convolution, or branches.
    """
    names = convolutions(model)
    if not names:
        raise ValueError(f"network {model.name} has no kernels to prune. Choose one such as cnn.")
    full = fragment_accuracy(model, examples)
    smaller, kept = model, []
    for nth, name in enumerate(names, start=1):
        least = full - TOLERANCE * nth / len(names)
        smaller, stay = _prune_while(smaller, name, examples, least)
        kept.append(tuple(stay))
    n_full = tuple(len(read_layer(model, name)) for name in names)
    return Pruned(model=smaller, kept=tuple(kept), n_full=n_full)


def _prune_while(
    model: keras.Model, name: str, examples: Examples, least: float
) -> tuple[keras.Model, list[int]]:
    """Remove kernels of one convolution while the network has the least accuracy."""
    layer = read_layer(model, name)
    masked, removed = copy_network(model), list[Removal]()
    for removal, after in removals(layer, most_similar_first):
        silence(masked, after)
        if fragment_accuracy(masked, examples) < least - 1e-9:
            break
        removed.append(removal)
        layer = after
    kept = kept_after(len(layer), removed)
    return shrink(model, layer, kept), kept
