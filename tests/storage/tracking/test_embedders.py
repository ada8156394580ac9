"""The model of an embedding that a network was trained on, and no other, is used with it."""

from pathlib import Path
from typing import Any

import pytest

from genre_core.errors import CatalogMismatch
from genre_core.representations.embeddings import Embedding
from storage.embeddings.embedder import Model
from storage.embeddings.weights import builtin_embedding
from storage.files import digest_file
from storage.models.exporting import find_embedder

OWN = Embedding(name="mine", digest="d", sample_rate=16_000, window_s=1.0, hop_s=1.0, n_features=2)


def describe(file: Path) -> dict[str, Any]:
    """What a run keeps of its embedding's model."""
    described = {"file": str(file), "sha256": digest_file(file)}
    return {"embedder": {**Model(embedding=OWN, file=file).as_document(), **described}}


def test_the_file_of_training_is_found_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.tflite"
    file.write_bytes(b"first")

    assert find_embedder(describe(file)) == Model(embedding=OWN, file=file)


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.tflite"
    file.write_bytes(b"first")
    document = describe(file)
    file.write_bytes(b"second")

    with pytest.raises(CatalogMismatch, match="is not the model of the embedding 'mine'"):
        find_embedder(document)


def test_weights_of_another_conversion_are_refused() -> None:
    embedding = {**builtin_embedding("musicnn").as_document(), "digest": "of another conversion"}

    with pytest.raises(CatalogMismatch, match="train again"):
        find_embedder({"embedder": {"embedding": embedding}})


def test_a_network_on_spectrograms_has_none() -> None:
    assert find_embedder({"genres": ["jazz"]}) is None
