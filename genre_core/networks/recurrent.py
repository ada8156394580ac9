"""Recurrent networks; they recur over time, so a step is the bands of one frame.

The program published with the thesis recurred over frequency; the text means time.
"""

import keras
from keras import layers

from genre_core.networks.dense import dense_part
from genre_core.networks.sizing import limit_frames

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
    """Give the last state of two stacked recurrent layers, (batch, 256)."""
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
