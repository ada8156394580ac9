"""A model file and how it is read: all that is needed to compute an embedding."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genre_core.representations.embeddings import Embedding
from storage.embeddings.runtime import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An embedding and the file that computes it.

    Attributes
    ----------
    embedding : Embedding
    file : Path
        ``.tflite``, ``.onnx`` or ``.keras``.
    outputs : tuple of int or str
        Outputs of the file, by position or name. Joined in this order they are the values of a
        window: its features first, then one logit a tag.
    has_probabilities : bool
        Whether the file gives probabilities of the tags, which become logits.
    """

    embedding: Embedding
    file: Path
    outputs: tuple[Output, ...] = (0,)
    has_probabilities: bool = False

    def as_document(self) -> dict[str, Any]:
        """Return all but the file as plain values, to be kept beside a copy of it."""
        return {
            "embedding": self.embedding.as_document(),
            "suffix": self.file.suffix,
            "outputs": list(self.outputs),
            "has_probabilities": self.has_probabilities,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], file: Path) -> "Model":
        """Return what `as_document` described, computed by ``file``."""
        return cls(
            embedding=Embedding.from_document(document["embedding"]),
            file=file,
            outputs=tuple(document["outputs"]),
            has_probabilities=document["has_probabilities"],
        )
