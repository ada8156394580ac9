"""A fitted head as a network: scaling, clip, prior and temperature are inside the model."""

import keras
import numpy as np
from keras import layers

from genre_core.networks.thesis import softmax_part
from genre_core.training.head import CLIP, Head


def build_head(head: Head, name: str = "head") -> keras.Model:
    """Build the network of a fitted head.

    It maps (batch, n_values, 1), the mean embedding of a song or one of its windows, to the
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


RECURRENT = (layers.SimpleRNN, layers.GRU, layers.LSTM)


def unroll_network(model: keras.Model) -> keras.Model:
    """Copy a network with its weights, each recurrent layer written out frame by frame.

    It predicts as ``model`` does; its graph grows with the frames.
    """
    copy = keras.models.clone_model(model, clone_function=_unroll_layer)
    copy.set_weights(model.get_weights())
    return copy


def _unroll_layer(layer: layers.Layer) -> layers.Layer:
    settings = layer.get_config()
    if isinstance(layer, RECURRENT):
        settings["unroll"] = True
    return layer.__class__.from_config(settings)
