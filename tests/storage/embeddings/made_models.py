"""Small ONNX models, written node by node."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper, save_model

Shape = Sequence[int | str]
WAVE: Shape = ("batch", 1600)
MEAN_AND_LEVEL = (
    helper.make_node("ReduceMean", ["wave", "last"], ["mean"], keepdims=1),
    helper.make_node("Abs", ["wave"], ["absolute"]),
    helper.make_node("ReduceMean", ["absolute", "last"], ["level"], keepdims=1),
    helper.make_node("Concat", ["mean", "level"], ["features"], axis=-1),
)
"""The mean and the mean absolute value of a window: features to be checked by hand."""
TAGS = (
    helper.make_node("MatMul", ["features", "weights"], ["tags"]),
    helper.make_node("Sigmoid", ["tags"], ["scores"]),
)
"""Logits of three tags, 2·mean, 3·level and -4·level, and their probabilities."""
CONSTANTS = {
    "last": np.array([-1], np.int64),
    "first": np.array([0], np.int64),
    "weights": np.array([[2, 0, 0], [0, 3, -4]], np.float32),
    "zero": np.array(0, np.float32),
}


def write_onnx(
    path: Path,
    nodes: Sequence[NodeProto] = MEAN_AND_LEVEL + TAGS,
    outputs: Mapping[str, Shape] | None = None,
    inputs: Mapping[str, Shape] | None = None,
    input_kind: int = TensorProto.FLOAT,
    output_kind: int = TensorProto.FLOAT,
    constants: Mapping[str, npt.NDArray[np.generic]] | None = None,
) -> Path:
    """Write a model; by default with the outputs ``features``, ``tags`` and ``scores``."""
    sizes = outputs or {"features": ("batch", 2), "tags": ("batch", 3), "scores": ("batch", 3)}
    known = {**CONSTANTS, **(constants or {})}
    read = (inputs or {"wave": WAVE}).items()
    graph = helper.make_graph(
        list(nodes),
        "made",
        [helper.make_tensor_value_info(name, input_kind, size) for name, size in read],
        [helper.make_tensor_value_info(name, output_kind, size) for name, size in sizes.items()],
        [numpy_helper.from_array(value, name) for name, value in known.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    save_model(model, path)
    return path
