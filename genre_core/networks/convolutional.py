"""The convolutional network: the matrix as an image."""

from functools import partial

import keras
from keras import layers

from genre_core.networks.dense import GENRE_UNITS, as_image, genre_part
from genre_core.networks.sizing import flatten_or_pool, limit_frames

MIN_SIDE = 8
"""Fewest bands or frames: 8 become 6 by the first convolution, 3 by pooling, 1 by the second."""


def build_cnn(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the convolutional network of thesis section 4.6."""
    require_convolvable("cnn", input_shape)
    matrix = keras.Input(input_shape, name="matrix")
    return keras.Model(matrix, genre_part(convolutional_part(matrix), n_genres), name="cnn")


def convolutional_part(
    matrix: keras.KerasTensor, n_first: int = 32, n_second: int = 32
) -> keras.KerasTensor:
    """Give the output of convolution, pooling, convolution, without padding, as one row.

    It is flattened, as in the thesis, or pooled where it is large (`sizing`).
    """
    image = as_image(limit_frames(matrix))
    kernels = layers.Conv2D(n_first, 3, activation="relu")(image)  # (batch, bands, frames, n_first)
    pooled = layers.MaxPooling2D(2)(kernels)
    kernels = layers.Conv2D(n_second, 3, activation="relu")(pooled)
    return flatten_or_pool(kernels, GENRE_UNITS)


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
    features = convolutional_part(matrix, n_first, n_second)
    return keras.Model(matrix, genre_part(features, n_genres), name=name)


build_cnn_4_8 = partial(build_cnn_with_kernels, n_first=4, n_second=8)
build_cnn_8_16 = partial(build_cnn_with_kernels, n_first=8, n_second=16)
build_cnn_16_32 = partial(build_cnn_with_kernels, n_first=16, n_second=32)
build_cnn_32_64 = partial(build_cnn_with_kernels, n_first=32, n_second=64)
build_cnn_64_128 = partial(build_cnn_with_kernels, n_first=64, n_second=128)
