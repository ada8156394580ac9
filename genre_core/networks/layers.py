"""The layers of a network as records, for a drawing of its architecture."""

from collections.abc import Iterable
from typing import Any

from genre_core.figures.architecture import LayerBox

Network = Any  # a keras.Model; reading its layers needs no import of Keras


def layer_boxes(model: Network) -> list[LayerBox]:
    """Return name, kind, output shape, parameters and inputs of each layer, in order.

    Shapes leave out the batch.
    """
    return [
        LayerBox(
            name=layer.name,
            kind=type(layer).__name__,
            shape=tuple(layer.output.shape[1:]),
            n_parameters=layer.count_params(),
            reads=tuple(dict.fromkeys(_sources(layer))),
        )
        for layer in model.layers
    ]


def _sources(layer: Any) -> Iterable[str]:  # noqa: ANN401 - a keras.Layer
    """Return the layers that a layer reads."""
    given = getattr(layer, "input", None)
    tensors = given if isinstance(given, list | tuple) else [given]
    history = (tensor._keras_history.operation for tensor in tensors if tensor is not None)
    return (source.name for source in history if source is not layer)
