"""Recurrent networks; they recur over time, so a step is the bands of one frame.

The program published with the thesis recurred over frequency; the text means time.
"""

import keras
from keras import layers

from genre_core.networks.dense import dense_part
from genre_core.networks.sizing import limit_frames


def build_rnn_tanh(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the network with one simple recurrent layer (thesis section 4.5)."""
    return _one_layer("rnn_tanh", layers.SimpleRNN(128), input_shape, n_genres)


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
    """Give the last state of two stacked recurrent layers, (batch, 256)."""
    frames = layers.Permute((2, 1))(limit_frames(matrix))  # (batch, n_frames, n_bands)
    states = layers.SimpleRNN(128, activation="relu", return_sequences=True)(frames)
    return layers.SimpleRNN(256, activation="relu")(states)


def _one_layer(
    name: str, recurrent_layer: layers.Layer, input_shape: tuple[int, int], n_genres: int
) -> keras.Model:
    """Build a network of one recurrent layer, followed by the dense part."""
    matrix = keras.Input(input_shape, name="matrix")
    frames = layers.Permute((2, 1))(limit_frames(matrix))  # (batch, n_frames, n_bands)
    return keras.Model(matrix, dense_part(recurrent_layer(frames), n_genres), name=name)
