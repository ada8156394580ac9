"""What convolutions give for a matrix, and which pieces of music excite a kernel most."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from genre_core.examples import Float32Array, Int64Array

BATCH = 256
IMAGE_LAYERS = (layers.Conv2D, layers.MaxPooling2D, layers.AveragePooling2D)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """What one layer gives for one matrix: float32 (n_bands, n_frames, n_images)."""

    layer: str
    values: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excitement:
    """The pieces of matrices that excite each kernel of a convolution most.

    Attributes
    ----------
    layer : str
    patches : float32 [shape=(n_kernels, n_best, patch_bands, patch_frames)]
        From the strongest on; each from another example.
    strengths : float32 [shape=(n_kernels, n_best)]
        What the kernel gives for them.
    examples, bands, frames : int64 [shape=(n_kernels, n_best)]
        Where the patch begins: which example, band and frame.
    """

    layer: str
    patches: Float32Array
    strengths: Float32Array
    examples: Int64Array
    bands: Int64Array
    frames: Int64Array


def images_of(model: keras.Model, matrix: Float32Array) -> list[Images]:
    """Give the output of every convolution and pooling for one matrix, from input to output.

    Parameters
    ----------
    model : keras.Model
    matrix : float32 [shape=(n_bands, n_frames)]

    Returns
    -------
    list of Images
        Empty for a network without convolution.

    Notes
    -----
    Thesis figures 4.9 to 4.11.
    """
    shown = [layer for layer in model.layers if isinstance(layer, IMAGE_LAYERS)]
    if not shown:
        return []
    inside = keras.Model(model.input, [layer.output for layer in shown])
    given = inside(matrix[np.newaxis], training=False)
    outputs = given if isinstance(given, list | tuple) else [given]
    return [
        Images(layer=layer.name, values=np.asarray(output, np.float32)[0])
        for layer, output in zip(shown, outputs, strict=True)
    ]


def most_exciting(
    model: keras.Model, layer: str, matrices: Float32Array, n_best: int
) -> Excitement:
    """Find the pieces of music for which each kernel of a convolution gives most.

    Parameters
    ----------
    model : keras.Model
        Without padding before the layer, as ``cnn``.
    layer : str
        One of its convolutions.
    matrices : float32 [shape=(n_examples, n_bands, n_frames)]
    n_best : int
        Patches a kernel, ``n_examples`` at most.

    Returns
    -------
    Excitement
        A patch is all that the kernel sees: 3 × 3 in the first layer of ``cnn``, 8 × 8 in the
        second.
    """
    side, step = _field(model, layer)
    inside = keras.Model(model.input, model.get_layer(layer).output)
    peaks, places = _peaks(inside, matrices)  # both (n_examples, n_kernels)
    best = np.argsort(-peaks, axis=0, kind="stable")[:n_best].T  # (n_kernels, n_best)
    kernels = np.arange(best.shape[0])[:, np.newaxis]
    bands, frames = (
        step * place for place in np.unravel_index(places[best, kernels], inside.output_shape[1:3])
    )
    windows = np.lib.stride_tricks.sliding_window_view(matrices, (side, side), axis=(1, 2))
    return Excitement(
        layer=layer,
        patches=windows[best, bands, frames],
        strengths=peaks[best, kernels],
        examples=best,
        bands=bands,
        frames=frames,
    )


def _peaks(inside: keras.Model, matrices: Float32Array) -> tuple[Float32Array, Int64Array]:
    """Give the highest output of each kernel for each example, and its place in the image."""
    peaks, places = [], []
    for start in range(0, len(matrices), BATCH):
        images = np.asarray(inside(matrices[start : start + BATCH], training=False))
        flat = images.reshape(len(images), -1, images.shape[-1])  # (batch, n_places, n_kernels)
        peaks.append(flat.max(axis=1))
        places.append(flat.argmax(axis=1))
    return np.concatenate(peaks), np.concatenate(places)


def _field(model: keras.Model, name: str) -> tuple[int, int]:
    """Give how many bands and frames an output of a layer sees, and how far apart two lie."""
    side, step = 1, 1
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer | layers.Reshape):
            continue
        if not isinstance(layer, IMAGE_LAYERS) or layer.padding != "valid":
            raise ValueError(
                f"what layer {name} sees cannot be placed in a matrix: {layer.name} pads, or "
                "changes the matrix before it. Look at a network such as cnn."
            )
        window = layer.kernel_size if isinstance(layer, layers.Conv2D) else layer.pool_size
        side += (window[0] - 1) * step
        step *= layer.strides[0]
        if layer.name == name:
            break
    return side, step
