"""Embeddings by name: those that are built in, and those of the user's own settings."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from genre_core.errors import CatalogMismatch, UsageError
from genre_core.examples import Float32Array
from genre_core.representations.embeddings import SEPARATOR, Embedding
from genre_core.representations.features import FeatureConfig, matrices_of
from storage.embeddings.checking import check_embedding, check_labels
from storage.embeddings.config import BUILT_IN, EmbeddingConfig
from storage.embeddings.embedder import load_embedder
from storage.embeddings.model import Model
from storage.embeddings.weights import find_weights, read_note, write_note
from storage.files import digest_file

__all__ = ["EmbeddingConfig", "Model", "find_model"]

_CHECK = 1
"""Goes up when `check_embedding` asks for more: what passed before is checked anew."""


def find_model(name: str, own: Mapping[str, EmbeddingConfig]) -> Model:
    """Return an embedding by its name, checked.

    The check runs once for a file and its settings; a note of it stays in the user's cache, so
    that afterwards the file is only digested.

    Raises
    ------
    UsageError
        If there is none of that name, or it cannot be used.
    """
    if name not in own:
        return _find_built_in(name, own)
    try:
        return _load_own(name, own[name])
    except UsageError as error:
        raise UsageError(f"[embeddings.{name}]: {error}") from error


def _find_built_in(name: str, own: Mapping[str, EmbeddingConfig]) -> Model:
    if name in BUILT_IN:
        return find_weights(name)
    known = ", ".join((*BUILT_IN, *own))
    raise UsageError(f"There is no embedding {name!r}. Choose one of: {known}.")


def _load_own(name: str, config: EmbeddingConfig) -> Model:
    file = Path(config.file).expanduser()
    labels = config.read_labels()
    digest = _digest(config, file)
    sizes = _checked_sizes(config, file, digest)
    check_labels(config, labels, sizes)
    embedding = Embedding(
        name=name,
        digest=digest,
        sample_rate=config.sample_rate,
        window_s=config.window_s,
        hop_s=config.hop_s or config.window_s,
        n_features=sum(sizes[:-1]) if labels else sum(sizes),
        tags=tuple(f"{name}{SEPARATOR}{label}" for label in labels),
        licence=config.licence,
        trained_on=config.trained_on,
    )
    return Model(
        embedding=embedding,
        file=file,
        outputs=config.outputs,
        has_probabilities=config.probabilities,
    )


def _checked_sizes(config: EmbeddingConfig, file: Path, digest: str) -> tuple[int, ...]:
    """Return the sizes of the outputs; the model is run where no note says that it was."""
    name = f"checked/{digest}-{'tags' if config.labels else 'features'}-{_CHECK}"
    note = read_note(name)
    if note is None:
        note = {"sizes": check_embedding(config, file)}
        write_note(name, note)
    return tuple(note["sizes"])


def _digest(config: EmbeddingConfig, file: Path) -> str:
    """Digest the file and the settings that the numbers depend on."""
    try:
        content = digest_file(file)
    except OSError as error:
        raise UsageError(
            f"the model {file} cannot be read ({error.strerror}). Correct `file`, or put the "
            "model there."
        ) from error
    read_as = {
        "file": content,
        "suffix": file.suffix.lower(),
        "sample_rate": config.sample_rate,
        "window_s": config.window_s,
        "hop_s": config.hop_s or config.window_s,
        "outputs": config.outputs,
        "probabilities": config.probabilities,
    }
    return hashlib.sha256(json.dumps(read_as, sort_keys=True).encode()).hexdigest()


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
