"""The activations of convolutions, and the pieces of music that activate a kernel most."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from genre_core.examples import Float32Array, Int64Array

BATCH = 256
IMAGE_LAYERS = (layers.Conv2D, layers.MaxPooling2D, layers.AveragePooling2D)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TopActivations:
    """The pieces of matrices that activate each kernel most, from the strongest on.

    ``patches`` are float32 (n_kernels, n_best, patch_bands, patch_frames), each from another
    example; all others (n_kernels, n_best): activations, and where the patch begins.
    """

    layer: str
    patches: Float32Array
    strengths: Float32Array
    examples: Int64Array
    bands: Int64Array
    frames: Int64Array


def activations_of(model: keras.Model, matrix: Float32Array) -> dict[str, Float32Array]:
    """Return the output of every convolution and pooling for one matrix, from input to output.

    The matrix is (n_bands, n_frames), an output (n_bands, n_frames, n_kernels), by the name of the
    layer. Empty for a network without convolution. Thesis figures 4.9 to 4.11.
    """
    shown = [layer for layer in model.layers if isinstance(layer, IMAGE_LAYERS)]
    if not shown:
        return {}
    inside = keras.Model(model.input, [layer.output for layer in shown])
    found = inside(matrix[np.newaxis], training=False)
    outputs = found if isinstance(found, list | tuple) else [found]
    images = (np.asarray(output, np.float32)[0] for output in outputs)
    return dict(zip((layer.name for layer in shown), images, strict=True))


def top_activations(
    model: keras.Model, layer: str, matrices: Float32Array, n_best: int
) -> TopActivations:
    """Find the pieces of music that activate each kernel of a convolution most.

    A patch is all that the kernel sees: 3 × 3 in the first layer of ``cnn``, 8 × 8 in the second.
    The network pads nowhere before the layer; matrices are (n_examples, n_bands, n_frames), and
    ``n_best`` is at most ``n_examples``.
    """
    side, step = _receptive_field(model, layer)
    inside = keras.Model(model.input, model.get_layer(layer).output)
    peaks, places = _peaks(inside, matrices)  # both (n_examples, n_kernels)
    best = np.argsort(-peaks, axis=0, kind="stable")[:n_best].T  # (n_kernels, n_best)
    kernels = np.arange(best.shape[0])[:, np.newaxis]
    at = np.unravel_index(places[best, kernels], inside.output_shape[1:3])
    bands, frames = (step * place for place in at)
    windows = np.lib.stride_tricks.sliding_window_view(matrices, (side, side), axis=(1, 2))
    return TopActivations(
        layer=layer,
        patches=windows[best, bands, frames],
        strengths=peaks[best, kernels],
        examples=best,
        bands=bands,
        frames=frames,
    )


def _peaks(inside: keras.Model, matrices: Float32Array) -> tuple[Float32Array, Int64Array]:
    """Return the highest output of each kernel for each example, and its place in the image."""
    peaks, places = [], []
    for start in range(0, len(matrices), BATCH):
        images = np.asarray(inside(matrices[start : start + BATCH], training=False))
        flat = images.reshape(len(images), -1, images.shape[-1])  # (batch, n_places, n_kernels)
        peaks.append(flat.max(axis=1))
        places.append(flat.argmax(axis=1))
    return np.concatenate(peaks), np.concatenate(places)


def _receptive_field(model: keras.Model, name: str) -> tuple[int, int]:
    """Return how many bands and frames an output of a layer sees, and the step to the next."""
    side, step = 1, 1
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer | layers.Reshape):
            continue
        if not isinstance(layer, IMAGE_LAYERS) or layer.padding != "valid":
            raise ValueError(
                f"the receptive field of layer {name} has no place in a matrix: {layer.name} pads, "
                "or changes the matrix before it. Use a network such as cnn."
            )
        window = layer.kernel_size if isinstance(layer, layers.Conv2D) else layer.pool_size
        side += (window[0] - 1) * step
        step *= layer.strides[0]
        if layer.name == name:
            break
    return side, step
