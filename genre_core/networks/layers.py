"""The layers of a network as records, for a drawing of its architecture."""

from collections.abc import Mapping
from typing import Any

from genre_core.figures.architecture import LayerBox

Network = Any  # a keras.Model; reading its layers needs no import of Keras


def layer_boxes(model: Network) -> list[LayerBox]:
    """Return name, kind, output shape, parameters and inputs of each layer, in order.

    Shapes leave out the batch.
    """
    makers = {id(tensor): layer.name for layer in model.layers for tensor in _tensors(layer.output)}
    return [
        LayerBox(
            name=layer.name,
            kind=type(layer).__name__,
            shape=tuple(layer.output.shape[1:]),
            n_parameters=layer.count_params(),
            reads=_sources(layer, makers),
        )
        for layer in model.layers
    ]


def _sources(layer: Any, makers: Mapping[int, str]) -> tuple[str, ...]:  # noqa: ANN401 - a layer
    """Return the layers that a layer reads; none of an input layer."""
    names = [makers[id(tensor)] for tensor in _tensors(getattr(layer, "input", None))]
    return tuple(dict.fromkeys(name for name in names if name != layer.name))


def _tensors(given: Any) -> list[Any]:  # noqa: ANN401 - one tensor, several, or none
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]
