"""The combined network ("ConvcurrentNet"): convolution and recurrence side by side."""

import keras
from keras import layers

from genre_core.networks.convolutional import convolutional_part, require_convolvable
from genre_core.networks.dense import genre_part
from genre_core.networks.recurrent import recurrent_part


def build_combined(input_shape: tuple[int, int], n_genres: int) -> keras.Model:
    """Build the combined network of thesis section 4.7, figure 4.13."""
    require_convolvable("combined", input_shape)
    matrix = keras.Input(input_shape, name="matrix")
    features = layers.Concatenate()([convolutional_part(matrix), recurrent_part(matrix)])
    return keras.Model(matrix, genre_part(features, n_genres), name="combined")
