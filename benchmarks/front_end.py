"""Put a log-mel front end before an ONNX network that reads spectrograms, so that it reads sound.

    python -m benchmarks.front_end yamnet  model.onnx               yamnet.onnx
    python -m benchmarks.front_end vibenet efficientnet_model.onnx  vibenet.onnx

Needs the package `onnx`. For another network, write a function like `add_to_yamnet` with the
numbers of the front end that it was trained with.
"""

import sys
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from genre_core.representations.mel import slaney_filters

RATE = 16_000


def add_to_yamnet(source: str, target: str) -> None:
    """YAMNet (Plakal and Ellis, AudioSet) of the package sead 0.1.0: log magnitudes, 0.975 s."""
    nodes = (
        *power_nodes(hop=160),
        helper.make_node("Sqrt", ["power"], ["magnitude"]),
        helper.make_node("MatMul", ["filters", "magnitude"], ["mel"]),
        helper.make_node("Add", ["mel", "floor"], ["raised"]),
        helper.make_node("Log", ["raised"], ["log"]),
        helper.make_node("Transpose", ["log"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("Unsqueeze", ["frames", "axis"], ["front_end"]),
    )
    constants = {
        "kernels": dft_kernels(512, 400),
        "filters": htk_filters(np.fft.rfftfreq(512, 1 / RATE), 64, 125.0, 7_500.0).T,
        "floor": np.array(0.001),
    }
    outputs = ["/model/Reshape_output_0", "class_scores"]
    write_joined(onnx.load(source), target, nodes, constants, 15_600, outputs)


def add_to_vibenet(source: str, target: str) -> None:
    """The EfficientNet of the package vibenet 0.1.0: 80 dB below the maximum, 9.6 s."""
    nodes = (
        *power_nodes(hop=320),
        helper.make_node("MatMul", ["filters", "power"], ["mel"]),
        helper.make_node("Max", ["mel", "floor"], ["raised"]),
        helper.make_node("Log", ["raised"], ["log"]),
        helper.make_node("Mul", ["log", "decibel"], ["decibels"]),
        helper.make_node("ReduceMax", ["decibels"], ["top"], keepdims=0),
        helper.make_node("Sub", ["top", "range"], ["least"]),
        helper.make_node("Max", ["decibels", "least"], ["front_end"]),
    )
    constants = {
        "kernels": dft_kernels(1_024, 640),
        "filters": slaney_filters(np.fft.rfftfreq(1_024, 1 / RATE), 128, 0.0, 8_000.0).T,
        "floor": np.array(1e-10),
        "decibel": np.array(10 / np.log(10)),
        "range": np.array(80),
    }
    write_joined(onnx.load(source), target, nodes, constants, 153_600, ["gelu", "out"])


def power_nodes(hop: int) -> Sequence[NodeProto]:
    """``wave`` (1, n) → ``power`` (1, bins, frames): the DFT is a convolution with a stride."""
    return (
        helper.make_node("Unsqueeze", ["wave", "axis"], ["channel"]),
        helper.make_node("Conv", ["channel", "kernels"], ["parts"], strides=[hop]),
        helper.make_node("Mul", ["parts", "parts"], ["squares"]),
        helper.make_node("Split", ["squares"], ["real", "imaginary"], axis=1, num_outputs=2),
        helper.make_node("Add", ["real", "imaginary"], ["power"]),
    )


def dft_kernels(n_fft: int, n_window: int) -> np.ndarray:
    """Kernels (2 × bins, 1, window) whose products with a frame are its DFT, Hann window."""
    window = np.hanning(n_window + 1)[:-1]
    angles = 2 * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_window)) / n_fft
    return np.concatenate([np.cos(angles) * window, -np.sin(angles) * window])[:, None]


def htk_filters(bins_hz: np.ndarray, n_bands: int, low_hz: float, top_hz: float) -> np.ndarray:
    """Triangles (bins, bands) on the mel scale of HTK, as `tf.signal` makes them."""
    low, top = (1127 * np.log1p(hz / 700) for hz in (low_hz, top_hz))
    corners = np.linspace(low, top, n_bands + 2)
    mels = 1127 * np.log1p(bins_hz / 700)[:, None]
    rising = (mels - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - mels) / (corners[2:] - corners[1:-1])
    return np.maximum(0, np.minimum(rising, falling))


def write_joined(
    network: onnx.ModelProto,
    target: str,
    nodes: Sequence[NodeProto],
    constants: Mapping[str, np.ndarray],
    n_samples: int,
    outputs: Sequence[str],
) -> None:
    """Write one model, weights inside: ``front_end`` of the nodes is the input of the network.

    Any tensor of the network may be an output: the one before its last layer holds the features.
    """
    floats = {name: np.asarray(value, np.float32) for name, value in constants.items()}
    values = {**floats, "axis": np.array([1], np.int64)}
    front = helper.make_graph(
        list(nodes),
        "front",
        [helper.make_tensor_value_info("wave", TensorProto.FLOAT, [1, n_samples])],
        [],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    front = onnx.compose.add_prefix_graph(front, "front/")
    graph = network.graph
    read = graph.input[0].name
    for node in graph.node:
        node.input[:] = ["front/front_end" if name == read else name for name in node.input]
    computed = [*front.node, *graph.node]  # nodes stand in the order in which they are computed
    del graph.node[:]
    graph.node.extend(computed)
    graph.initializer.extend(front.initializer)
    del graph.input[:], graph.output[:]
    graph.input.extend(front.input)
    graph.output.extend(helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs)
    onnx.save_model(network, target)


if __name__ == "__main__":
    {"yamnet": add_to_yamnet, "vibenet": add_to_vibenet}[sys.argv[1]](*sys.argv[2:])
