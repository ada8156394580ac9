"""The convolutional network: the matrix as an image."""

from functools import partial

import keras
from keras import layers

MAX_FRAMES = 300
"""30 s of the thesis's frames; recurrent networks forget, and take minutes, on many more."""
MAX_FLAT_WEIGHTS = 2**21
"""Weights between a flattened layer and the dense layer behind it."""


def limit_frames(matrix: keras.KerasTensor) -> keras.KerasTensor:
    """Average as few neighbouring frames as leave 300: (batch, n_bands, n_frames).

    A last group that is not full is left out.
    """
    n_together = -(-matrix.shape[2] // MAX_FRAMES)
    if n_together == 1:
        return matrix
    return layers.AveragePooling1D(n_together, data_format="channels_first")(matrix)


def flatten_or_pool(features: keras.KerasTensor, n_units: int) -> keras.KerasTensor:
    """Make a row of features for a dense layer of so many units, flattened if it is small enough.

    Parameters
    ----------
    features : tensor [shape=(batch, n_bands, n_frames, n_kernels)]
    n_units : int
        Of the dense layer that reads the row.

    Returns
    -------
    tensor [shape=(batch, n_features)]
        All values; or mean and maximum over time; or mean and maximum over time and bands.
    """
    n_bands, n_frames, n_kernels = features.shape[1:]
    if n_bands * n_frames * n_kernels * n_units <= MAX_FLAT_WEIGHTS:
        return layers.Flatten()(features)
    if 2 * n_bands * n_kernels * n_units <= MAX_FLAT_WEIGHTS:
        return _pool_time(features)
    return pool_all(features)


def pool_all(features: keras.KerasTensor) -> keras.KerasTensor:
    """Return mean and maximum of each kernel over time and bands: (batch, 2 × n_kernels)."""
    mean = layers.GlobalAveragePooling2D()(features)
    return layers.Concatenate()([mean, layers.GlobalMaxPooling2D()(features)])


def _pool_time(features: keras.KerasTensor) -> keras.KerasTensor:
    """Return mean and maximum over time of each band and kernel, in one row."""
    whole = (1, features.shape[2])
    mean = layers.AveragePooling2D(whole)(features)
    both = layers.Concatenate()([mean, layers.MaxPooling2D(whole)(features)])
    return layers.Flatten()(both)


HIDDEN_UNITS = 256
GENRE_UNITS = 128


def build_dense(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the standard network of thesis section 4.4; large matrices as `sizing` says."""
    matrix = keras.Input(input_shape, name="matrix")
    features = flatten_or_pool(as_image(limit_frames(matrix)), HIDDEN_UNITS)
    return keras.Model(matrix, dense_part(features, n_genres), name="dense")


def as_image(matrix: keras.KerasTensor) -> keras.KerasTensor:
    """Add the axis of kernels to a matrix: (batch, n_bands, n_frames, 1)."""
    return layers.Reshape((*matrix.shape[1:], 1))(matrix)


def dense_part(features: keras.KerasTensor, n_genres: int) -> keras.KerasTensor:
    """Return genre probabilities by two dense layers of 256 and 128 units."""
    hidden = layers.Dense(HIDDEN_UNITS, activation="relu")(features)
    return genre_part(hidden, n_genres)


def genre_part(features: keras.KerasTensor, n_genres: int) -> keras.KerasTensor:
    """Return genre probabilities by one dense layer of 128 and the only softmax of a network."""
    hidden = layers.Dense(GENRE_UNITS, activation="relu")(features)
    return softmax_part(hidden, n_genres)


def softmax_part(features: keras.KerasTensor, n_genres: int) -> keras.KerasTensor:
    """Return genre probabilities straight from features; no other softmax may follow."""
    return layers.Dense(n_genres, activation="softmax", name="genres")(features)


MOST_UNROLLED = 64
"""Frames up to which the steps of a simple recurrent layer are written out in the graph.

Training then takes three quarters of the time of a loop, and tracing 29 frames a second more. Gated
layers gain nothing, and take 5 to 15 s more.
"""


def build_rnn_tanh(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the network with one simple recurrent layer (thesis section 4.5)."""
    layer = layers.SimpleRNN(128, unroll=input_shape[1] <= MOST_UNROLLED)
    return _one_layer("rnn_tanh", layer, input_shape, n_genres)


def build_gru(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build ``rnn_tanh`` with a gated recurrent layer in its place (thesis section 4.5)."""
    return _one_layer("gru", layers.GRU(128), input_shape, n_genres)


def build_lstm(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build ``rnn_tanh`` with a long short-term memory layer in its place (thesis section 4.5)."""
    return _one_layer("lstm", layers.LSTM(128), input_shape, n_genres)


def build_rnn(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the network with two simple recurrent layers of relu (thesis section 4.5)."""
    matrix = keras.Input(input_shape, name="matrix")
    return keras.Model(matrix, dense_part(recurrent_part(matrix), n_genres), name="rnn")


def recurrent_part(matrix: keras.KerasTensor) -> keras.KerasTensor:
    """Return the last state of two stacked recurrent layers, (batch, 256)."""
    frames = layers.Permute((2, 1))(limit_frames(matrix))  # (batch, n_frames, n_bands)
    unroll = frames.shape[1] <= MOST_UNROLLED
    first = layers.SimpleRNN(128, activation="relu", return_sequences=True, unroll=unroll)
    return layers.SimpleRNN(256, activation="relu", unroll=unroll)(first(frames))


def _one_layer(
    name: str, recurrent_layer: layers.Layer, input_shape: tuple[int, int], n_genres: int
) -> keras.Model:
    """Build a network of one recurrent layer, followed by the dense part."""
    matrix = keras.Input(input_shape, name="matrix")
    frames = layers.Permute((2, 1))(limit_frames(matrix))  # (batch, n_frames, n_bands)
    return keras.Model(matrix, dense_part(recurrent_layer(frames), n_genres), name=name)


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
    """Return the output of convolution, pooling, convolution, without padding, as one row.

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


def build_combined(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the combined network of thesis section 4.7, figure 4.13."""
    require_convolvable("combined", input_shape)
    matrix = keras.Input(input_shape, name="matrix")
    features = layers.Concatenate()([convolutional_part(matrix), recurrent_part(matrix)])
    return keras.Model(matrix, genre_part(features, n_genres), name="combined")
