"""The networks of the thesis: dense, recurrent, convolutional and combined (4.4 to 4.7).

Each is made of parts that map a matrix, (batch, n_bands, n_frames), to a row of features, and the
row to genre probabilities. Larger matrices than the thesis's are averaged and pooled.
"""

from collections.abc import Callable
from functools import partial

import keras
from keras import KerasTensor, layers

MAX_FRAMES = 300
"""30 s of the thesis's frames; recurrent networks forget, and take minutes, on many more."""
MAX_FLAT_WEIGHTS = 2**21
"""Weights between a flattened layer and the dense layer behind it."""
HIDDEN_UNITS, GENRE_UNITS = 256, 128
MOST_UNROLLED = 64
"""Frames up to which the steps of a simple recurrent layer are written out in the graph.

Training then takes three quarters of the time of a loop, and tracing 29 frames a second more. Gated
layers gain nothing, and take 5 to 15 s more.
"""


def limit_frames(matrix: KerasTensor) -> KerasTensor:
    """Average as few neighbouring frames as leave 300; an incomplete last group is left out."""
    n_together = -(-matrix.shape[2] // MAX_FRAMES)
    if n_together == 1:
        return matrix
    return layers.AveragePooling1D(n_together, data_format="channels_first")(matrix)


def as_image(matrix: KerasTensor) -> KerasTensor:
    """Add the axis of kernels to a matrix: (batch, n_bands, n_frames, 1)."""
    return layers.Reshape((*matrix.shape[1:], 1))(matrix)


def flatten_or_pool(features: KerasTensor, n_units: int) -> KerasTensor:
    """Make a row of (batch, n_bands, n_frames, n_kernels) for a dense layer of ``n_units``.

    All values; if they are too many, mean and maximum over time; or over time and bands.
    """
    n_bands, n_frames, n_kernels = features.shape[1:]
    if n_bands * n_frames * n_kernels * n_units <= MAX_FLAT_WEIGHTS:
        return layers.Flatten()(features)
    if 2 * n_bands * n_kernels * n_units > MAX_FLAT_WEIGHTS:
        return pool_all(features)
    all_frames = (1, n_frames)
    mean = layers.AveragePooling2D(all_frames)(features)
    both = layers.Concatenate()([mean, layers.MaxPooling2D(all_frames)(features)])
    return layers.Flatten()(both)


def pool_all(features: KerasTensor) -> KerasTensor:
    """Return mean and maximum of each kernel over time and bands: (batch, 2 × n_kernels)."""
    mean = layers.GlobalAveragePooling2D()(features)
    return layers.Concatenate()([mean, layers.GlobalMaxPooling2D()(features)])


def softmax_part(features: KerasTensor, n_genres: int) -> KerasTensor:
    """Return genre probabilities straight from features; no other softmax may follow."""
    return layers.Dense(n_genres, activation="softmax", name="genres")(features)


def _one_dense(features: KerasTensor, n_genres: int) -> KerasTensor:
    hidden = layers.Dense(GENRE_UNITS, activation="relu")(features)
    return softmax_part(hidden, n_genres)


def _two_dense(features: KerasTensor, n_genres: int) -> KerasTensor:
    return _one_dense(layers.Dense(HIDDEN_UNITS, activation="relu")(features), n_genres)


def _flat(matrix: KerasTensor) -> KerasTensor:
    return flatten_or_pool(as_image(limit_frames(matrix)), HIDDEN_UNITS)


def _one_recurrent(
    matrix: KerasTensor, layer: type[layers.Layer], most_unrolled: int = 0
) -> KerasTensor:
    frames = layers.Permute((2, 1))(limit_frames(matrix))  # (batch, n_frames, n_bands)
    return layer(128, unroll=matrix.shape[2] <= most_unrolled)(frames)


def _two_recurrent(matrix: KerasTensor) -> KerasTensor:
    """Return the last state of two stacked recurrent layers of relu, (batch, 256)."""
    frames = layers.Permute((2, 1))(limit_frames(matrix))
    unroll = frames.shape[1] <= MOST_UNROLLED
    first = layers.SimpleRNN(128, activation="relu", return_sequences=True, unroll=unroll)
    return layers.SimpleRNN(256, activation="relu", unroll=unroll)(first(frames))


def _convolutions(matrix: KerasTensor, n_first: int = 32, n_second: int = 32) -> KerasTensor:
    """Return the output of convolution, pooling, convolution, without padding, as one row."""
    image = as_image(limit_frames(matrix))
    kernels = layers.Conv2D(n_first, 3, activation="relu")(image)  # (batch, bands, frames, n_first)
    pooled = layers.MaxPooling2D(2)(kernels)
    kernels = layers.Conv2D(n_second, 3, activation="relu")(pooled)
    return flatten_or_pool(kernels, GENRE_UNITS)


def _convolutions_and_recurrent(matrix: KerasTensor) -> KerasTensor:
    return layers.Concatenate()([_convolutions(matrix), _two_recurrent(matrix)])


PARTS: dict[
    str, tuple[Callable[[KerasTensor], KerasTensor], Callable[[KerasTensor, int], KerasTensor]]
] = {
    "dense": (_flat, _two_dense),
    "rnn_tanh": (
        partial(_one_recurrent, layer=layers.SimpleRNN, most_unrolled=MOST_UNROLLED),
        _two_dense,
    ),
    "rnn": (_two_recurrent, _two_dense),
    "gru": (partial(_one_recurrent, layer=layers.GRU), _two_dense),
    "lstm": (partial(_one_recurrent, layer=layers.LSTM), _two_dense),
    "cnn": (_convolutions, _one_dense),
    "combined": (_convolutions_and_recurrent, _one_dense),
}


def build(
    name: str, input_shape: tuple[int, int], n_genres: int, kernels: tuple[int, int] | None = None
) -> keras.Model:
    """Build a network of ``PARTS``; with ``kernels``, ``cnn`` with others (thesis 4.6.2)."""
    features, genres = PARTS["cnn"] if kernels else PARTS[name]
    matrix = keras.Input(input_shape, name="matrix")
    row = _convolutions(matrix, *kernels) if kernels else features(matrix)
    return keras.Model(matrix, genres(row, n_genres), name=name)
