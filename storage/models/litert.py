"""A network in LiteRT, which is imported in a tenth of a second where TensorFlow takes nine."""

from pathlib import Path
from threading import Lock

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from genre_core.examples import Float32Array


class LiteRTModel:
    """A network that was exported; threads take turns."""

    def __init__(self, model: bytes, n_threads: int = 2) -> None:
        self._interpreter = Interpreter(model_content=model, num_threads=n_threads)
        taken = self._interpreter.get_input_details()[0]
        self._matrices = taken["index"]
        self._shape = tuple(int(n) for n in taken["shape"][1:])
        self._genres = self._interpreter.get_output_details()[0]["index"]
        self._n_matrices, self._turn = 0, Lock()

    def predict_genres(self, matrices: Float32Array) -> Float32Array:
        """Return the probability of each genre, (n_examples, n_genres), as Keras does to 1e-5."""
        if matrices.shape[1:] != self._shape:
            raise ValueError(f"matrices of {matrices.shape[1:]} do not fit {self._shape}.")
        with self._turn:
            if len(matrices) != self._n_matrices:
                self._n_matrices = len(matrices)
                self._interpreter.resize_tensor_input(self._matrices, matrices.shape)
                self._interpreter.allocate_tensors()
            self._interpreter.set_tensor(self._matrices, np.ascontiguousarray(matrices, np.float32))
            self._interpreter.invoke()
            return self._interpreter.get_tensor(self._genres)


def write_litert_float16(network: object, path: Path) -> None:
    """Export a network (a keras.Model) with its weights in half precision: half the size."""
    import tensorflow as tf

    network.export(  # type: ignore[attr-defined]
        path,
        format="litert",
        verbose=False,
        optimizations=[tf.lite.Optimize.DEFAULT],
        target_spec={"supported_types": [tf.float16]},
    )
