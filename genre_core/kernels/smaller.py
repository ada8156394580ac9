"""A network with fewer kernels: read a convolution, silence kernels in it, build it smaller."""

from collections.abc import Sequence
from itertools import pairwise

import keras
import numpy as np
from keras import layers

from genre_core.examples import Float32Array
from genre_core.kernels.redundancy import KernelLayer
from genre_core.kernels.similarity import as_vectors

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
