"""A fitted head as a network: scaling, clip, prior and temperature are inside the model."""

import keras
import numpy as np
from keras import layers

from genre_core.head.fitting import CLIP, Head
from genre_core.networks.dense import softmax_part


def build_head(head: Head, name: str = "head") -> keras.Model:
    """Build the network of a fitted head.

    Parameters
    ----------
    head : Head
    name : str

    Returns
    -------
    keras.Model
        float32 (batch, n_values, 1), the mean embedding of a song or one of its windows, to the
        probabilities that ``head.probabilities`` gives, (batch, n_genres).
    """
    n_values, n_genres = head.weights.shape
    matrix = keras.Input((n_values, 1), name="matrix")
    scale = layers.BatchNormalization(center=False, scale=False, epsilon=0.0, name="scale")
    scaled = keras.ops.clip(scale(layers.Flatten()(matrix)), -CLIP, CLIP)
    model = keras.Model(matrix, softmax_part(scaled, n_genres), name=name)
    scale.set_weights([head.scaler.mean, np.square(head.scaler.deviation)])
    model.get_layer("genres").set_weights([head.weights, head.bias])
    return model
