"""The standard network: dense layers alone."""

import keras
from keras import layers

from genre_core.networks.sizing import flatten_or_pool, limit_frames

HIDDEN_UNITS = 256
GENRE_UNITS = 128


def build_dense(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the standard network of thesis section 4.4; large matrices as `sizing` says."""
    matrix = keras.Input(input_shape, name="matrix")
    features = flatten_or_pool(as_image(limit_frames(matrix)), HIDDEN_UNITS)
    return keras.Model(matrix, dense_part(features, n_genres), name="dense")


def as_image(matrix: keras.KerasTensor) -> keras.KerasTensor:
    """Give a matrix the axis of kernels: (batch, n_bands, n_frames, 1)."""
    return layers.Reshape((*matrix.shape[1:], 1))(matrix)


def dense_part(features: keras.KerasTensor, n_genres: int) -> keras.KerasTensor:
    """Give genre probabilities by two dense layers, 256 and 128, as at the end of most networks."""
    hidden = layers.Dense(HIDDEN_UNITS, activation="relu")(features)
    return genre_part(hidden, n_genres)


def genre_part(features: keras.KerasTensor, n_genres: int) -> keras.KerasTensor:
    """Give genre probabilities by one dense layer of 128 and the only softmax of a network."""
    hidden = layers.Dense(GENRE_UNITS, activation="relu")(features)
    return softmax_part(hidden, n_genres)


def softmax_part(features: keras.KerasTensor, n_genres: int) -> keras.KerasTensor:
    """Give genre probabilities straight from features; no other softmax may follow."""
    return layers.Dense(n_genres, activation="softmax", name="genres")(features)
