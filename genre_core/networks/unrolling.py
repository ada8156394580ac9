"""A network without loops, for runtimes that know none."""

import keras
from keras import layers

RECURRENT = (layers.SimpleRNN, layers.GRU, layers.LSTM)


def unroll_network(model: keras.Model) -> keras.Model:
    """Copy a network with its weights, each recurrent layer written out frame by frame.

    Parameters
    ----------
    model : keras.Model
        Of a fixed number of frames.

    Returns
    -------
    keras.Model
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
