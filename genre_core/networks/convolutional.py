"""The convolutional network: the matrix as an image."""

from functools import partial

import keras
from keras import layers

from genre_core.networks.dense import genre_part

MIN_SIDE = 8
"""Fewest bands or frames: 8 become 6 by the first convolution, 3 by pooling, 1 by the second."""


def build_cnn(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the convolutional network of thesis section 4.6."""
    require_convolvable("cnn", input_shape)
    matrix = keras.Input(input_shape, name="matrix")
    return keras.Model(matrix, genre_part(convolutional_part(matrix), n_genres), name="cnn")


def convolutional_part(matrix: keras.KerasTensor) -> keras.KerasTensor:
    """Give the flattened output of convolution, pooling, convolution, without padding."""
    n_bands, n_frames = matrix.shape[1:]
    image = layers.Reshape((n_bands, n_frames, 1))(matrix)
    kernels = layers.Conv2D(32, 3, activation="relu")(image)  # (batch, bands, frames, 32)
    pooled = layers.MaxPooling2D(2)(kernels)
    kernels = layers.Conv2D(32, 3, activation="relu")(pooled)
    return layers.Flatten()(kernels)


def require_convolvable(name: str, input_shape: tuple[int, int]) -> None:
    """Raise a ``ValueError`` if the second convolution of the network would have no output."""
    if min(input_shape) < MIN_SIDE:
        raise ValueError(
            f"network {name} needs a matrix of at least {MIN_SIDE} bands × {MIN_SIDE} frames; "
            f"this one has {input_shape[0]} × {input_shape[1]}. Use a longer fragment or more "
            "bands, or a network without convolution."
        )


def build_cnn_with_kernels(
    input_shape: tuple[int, int], n_genres: int, n_first: int, n_second: int
) -> keras.Model:
    """Build ``cnn`` with other numbers of kernels, and nothing else changed (thesis 4.6.2)."""
    name = f"cnn_{n_first}_{n_second}"
    require_convolvable(name, input_shape)
    matrix = keras.Input(input_shape, name="matrix")
    image = layers.Reshape((*input_shape, 1))(matrix)
    pooled = layers.MaxPooling2D(2)(layers.Conv2D(n_first, 3, activation="relu")(image))
    kernels = layers.Conv2D(n_second, 3, activation="relu")(pooled)
    return keras.Model(matrix, genre_part(layers.Flatten()(kernels), n_genres), name=name)


build_cnn_4_8 = partial(build_cnn_with_kernels, n_first=4, n_second=8)
build_cnn_8_16 = partial(build_cnn_with_kernels, n_first=8, n_second=16)
build_cnn_16_32 = partial(build_cnn_with_kernels, n_first=16, n_second=32)
build_cnn_32_64 = partial(build_cnn_with_kernels, n_first=32, n_second=64)
build_cnn_64_128 = partial(build_cnn_with_kernels, n_first=64, n_second=128)
