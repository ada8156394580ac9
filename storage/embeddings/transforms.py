"""Fragments to matrices: the transform of a representation or of an embedding."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from genre_core.embeddings import Embedding
from genre_core.errors import CatalogMismatch
from genre_core.examples import Float32Array
from genre_core.features import FeatureConfig, matrices_of
from storage.embeddings.config import EmbeddingConfig
from storage.embeddings.embedder import load_embedder
from storage.embeddings.model import Model
from storage.embeddings.registry import find_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """The name of a representation, and what turns its fragments into matrices.

    ``apply`` takes float32 (n_fragments, n_samples) at 44.1 kHz and returns float32
    (n_fragments, n_bands, n_frames). One thread at a time may call it.
    """

    name: str
    apply: Callable[[Float32Array], Float32Array]


def load_transform(
    features: FeatureConfig, own: Mapping[str, EmbeddingConfig], n_threads: int = 1
) -> Transform:
    """Return the transform of feature settings; an embedding's model is found and loaded.

    Raises
    ------
    UsageError
        If there is no such embedding, or its model cannot be used.
    CatalogMismatch
        If the embedding of that name is another one by now.
    """
    if features.embedding is None:
        return Transform(name=features.representation, apply=partial(matrices_of, config=features))
    model = find_model(features.representation, own)
    _require_same(model.embedding, features.embedding)
    return embedding_transform(model, n_threads)


def embedding_transform(model: Model, n_threads: int = 1) -> Transform:
    """Return the transform of a model: a matrix of an embedding has one frame."""
    embed = load_embedder(model, n_threads)
    return Transform(
        name=model.embedding.name, apply=lambda fragments: embed(fragments)[:, :, None]
    )


def _require_same(found: Embedding, expected: Embedding) -> None:
    if found.digest != expected.digest:
        raise CatalogMismatch(
            f"The model of the embedding {expected.name!r} has changed. Put the old file back, or "
            "run `genreflow extract` and train again."
        )
