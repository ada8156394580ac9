"""LiteRT models as ONNX files, for `export-model`: the extras ``onnx`` and ``train`` (TensorFlow).

tf2onnx's own call also optimises the graph, which moves transpositions to the wrong place: the
logits of the built-in taggers change by up to 12. Without, they keep to 1e-5.
"""

import logging
import tempfile
import warnings
from pathlib import Path

from genre_core.examples import Float32Array
from storage.extras import require_extra

OPSET = 18


def require_onnx() -> None:
    """Refuse to go on where a package is missing that `convert_litert` needs."""
    for extra in ("onnx", "train"):
        require_extra(extra, "Writing ONNX files", "leave out --onnx")


def convert_litert(content: bytes) -> bytes:
    """Return a LiteRT model as an ONNX one with the same inputs, outputs and numbers (to 1e-5)."""
    import tensorflow as tf
    from tf2onnx import optimizer
    from tf2onnx.tfonnx import process_tf_graph

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(content)
        with warnings.catch_warnings(), tf.Graph().as_default() as nothing:
            warnings.simplefilter("ignore")  # of the interpreter that tf2onnx reads the file with
            graph = process_tf_graph(nothing, tflite_path=str(path), opset=OPSET)
        graph = optimizer.optimize_graph(graph, optimizers={})
    return graph.make_model("genreflow").SerializeToString()


def run_onnx(content: bytes, batch: Float32Array) -> Float32Array:
    """Return the first output of an ONNX model."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: batch})[0]
