"""A network as a Keras file: all that worker processes and MLflow pass on. Imports no MLflow."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Network = Any  # a keras.Model; naming it would import Keras
Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedNetwork:
    """The content of a Keras file; it offers what logging takes of a ``keras.Model``."""

    content: bytes
    n_parameters: int
    input_shape: Shape
    output_shape: Shape

    def count_params(self) -> int:
        """Return the number of weights."""
        return self.n_parameters

    def save(self, path: Path) -> None:
        """Write the Keras file."""
        path.write_bytes(self.content)


def save_network(model: Network) -> SavedNetwork:
    """Return a network as the content of a Keras file."""
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        file = Path(folder, "network.keras")
        model.save(file)
        content = file.read_bytes()
    return SavedNetwork(
        content=content,
        n_parameters=model.count_params(),
        input_shape=tuple(model.input_shape),
        output_shape=tuple(model.output_shape),
    )


def load_network(file: Path) -> Network:
    """Load a network from a Keras file, without code that the file may hold; imports Keras."""
    import keras

    return keras.models.load_model(file, safe_mode=True)
