"""The standard network: dense layers alone."""

import keras
from keras import layers


def build_dense(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the standard network of thesis section 4.4."""
    matrix = keras.Input(input_shape, name="matrix")
    features = layers.Flatten()(matrix)  # (batch, n_bands * n_frames)
    return keras.Model(matrix, dense_part(features, n_genres), name="dense")


def dense_part(features: keras.KerasTensor, n_genres: int) -> keras.KerasTensor:
    """Give genre probabilities by two dense layers, 256 and 128, as at the end of most networks."""
    hidden = layers.Dense(256, activation="relu")(features)
    return genre_part(hidden, n_genres)


def genre_part(features: keras.KerasTensor, n_genres: int) -> keras.KerasTensor:
    """Give genre probabilities by one dense layer of 128 and the only softmax of a network."""
    hidden = layers.Dense(128, activation="relu")(features)
    return layers.Dense(n_genres, activation="softmax", name="genres")(hidden)
