"""Embeddings by name: those that are built in, and those of the user's own settings."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from genre_core.digests import digest_document
from genre_core.errors import CatalogMismatch, UsageError
from genre_core.examples import Float32Array
from genre_core.representations.embeddings import SEPARATOR, Embedding
from genre_core.representations.features import FeatureConfig, matrices_of
from storage.embeddings.config import BUILT_IN, EmbeddingConfig
from storage.embeddings.embedder import Model, load_embedder
from storage.embeddings.runtime import open_runtime
from storage.embeddings.weights import builtin_embedding, find_weights, read_note, write_note
from storage.files import digest_file

TOLERANCE = 1e-3
"""Of a batch against single windows, as a share of the largest value."""


def check_embedding(config: EmbeddingConfig, file: Path) -> tuple[int, ...]:
    """Run a model on made sound and return the size of each output of ``config.outputs``.

    Its outputs must be finite, the same bits for the same sound, the same for a window alone and
    among others (to `TOLERANCE`), and different for different sound.
    """
    runtime = open_runtime(file, config.n_samples, config.outputs)
    windows = _made_sound(config)
    values, again = runtime.outputs(windows), runtime.outputs(windows)
    one_by_one = [runtime.outputs(window[None]) for window in windows]
    alone = [np.concatenate(parts) for parts in zip(*one_by_one, strict=True)]
    for output, *three in zip(config.outputs, values, again, alone, strict=True):
        _check_output(f"Output {output!r} of {file}", *three)
    if config.labels:
        _check_tags(f"Output {config.outputs[-1]!r} of {file}", values[-1], config.probabilities)
    return tuple(array.shape[1] for array in values)


def _check_output(
    where: str, values: Float32Array, again: Float32Array, alone: Float32Array
) -> None:
    if not values.size:
        raise UsageError(f"{where} holds no values. Choose another output.")
    finite = np.isfinite(values).min(axis=1)
    if bad := [
        sound for sound, is_good in zip(_SOUNDS, finite.tolist(), strict=True) if not is_good
    ]:
        raise UsageError(
            f"{where} is not finite for {bad[0]}. Put a floor under logarithms and divisions in "
            "the model."
        )
    if not np.array_equal(values, again):
        raise UsageError(
            f"{where} differs between two runs on the same sound. Export the model for inference, "
            "without dropout or noise."
        )
    difference = float(np.abs(values - alone).max() / max(np.abs(values).max(), 1e-9))
    if difference > TOLERANCE:
        raise UsageError(
            f"{where} depends on the other windows of a batch: it differs by {difference:.2g} of "
            f"the largest value, {TOLERANCE:g} is allowed. Export the model for inference, with "
            "fixed statistics of batches, or with a batch of 1."
        )
    if np.ptp(values, axis=0).max() == 0:
        raise UsageError(f"{where} is the same for every sound. Choose another output.")


def _check_tags(where: str, tags: Float32Array, probabilities: bool) -> None:
    in_range = bool(tags.min() >= 0 and tags.max() <= 1)
    if in_range == probabilities:
        return
    problem = "which look like probabilities, not logits. Set `probabilities = true`."
    if probabilities:
        problem = "which are no probabilities. Remove `probabilities = true`."
    raise UsageError(f"{where} has values from {tags.min():.3g} to {tags.max():.3g}, {problem}")


_SOUNDS = ("silence", "faint noise", "noise", "a tone", "a tone clipped at full scale")


def _made_sound(config: EmbeddingConfig) -> Float32Array:
    """Return the windows that `_SOUNDS` names."""
    seed = int.from_bytes(hashlib.sha256(b"made sound").digest()[:4], "big")
    noise = np.random.default_rng(seed).standard_normal(config.n_samples)
    tone = np.sin(2 * np.pi * 440 * np.arange(config.n_samples) / config.sample_rate)
    sounds = (0 * noise, 1e-3 * noise, 0.1 * noise, 0.5 * tone, np.clip(3 * tone, -1, 1))
    return np.stack(sounds).astype(np.float32)


__all__ = ["EmbeddingConfig", "Model", "find_model"]

_CHECK = 1
"""Raise it when `check_embedding` requires more: what passed before is checked anew."""


def find_model(name: str, own: Mapping[str, EmbeddingConfig]) -> Model:
    """Return an embedding by its name, checked.

    The check runs once for a file and its settings; a note of it stays in the user's cache, so
    that afterwards the file is only digested.
    """
    if name not in own and name in BUILT_IN:
        return find_weights(name)
    if name not in own:
        known = ", ".join((*BUILT_IN, *own))
        raise UsageError(f"There is no embedding {name!r}. Choose one of: {known}.")
    try:
        return _load_own(name, own[name])
    except UsageError as error:
        raise UsageError(f"[embeddings.{name}]: {error}") from error


def find_embedding(name: str, own: Mapping[str, EmbeddingConfig]) -> Embedding:
    """Describe an embedding by its name; of a built-in one, no file is read."""
    is_builtin = name not in own and name in BUILT_IN
    return builtin_embedding(name) if is_builtin else find_model(name, own).embedding


def _load_own(name: str, config: EmbeddingConfig) -> Model:
    file = Path(config.file).expanduser()
    labels = config.read_labels()
    digest = _digest(config, file)
    sizes = _checked_sizes(config, file, digest)
    if labels and len(labels) != sizes[-1]:
        raise UsageError(
            f"labels name {len(labels)} tags, but output {config.outputs[-1]!r} of {config.file} "
            f"has {sizes[-1]} values. Name the output of the tags last, as in "
            'output = ["features", "tags"], and one label a value, in order.'
        )
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
    outputs, is_probable = config.outputs, config.probabilities
    return Model(embedding=embedding, file=file, outputs=outputs, has_probabilities=is_probable)


def _checked_sizes(config: EmbeddingConfig, file: Path, digest: str) -> tuple[int, ...]:
    """Return the sizes of the outputs; the model is run unless a note has them."""
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
    if file.suffix.lower() == ".keras":
        read_as["threads"] = "1, oneDNN"  # as `flows/environment.py` sets them
    return digest_document(read_as)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """The name of a representation, and what turns its fragments into matrices.

    ``apply`` takes float32 (n_fragments, n_samples) at 44.1 kHz and returns float32
    (n_fragments, n_bands, n_frames). Threads take turns where a model computes it.
    """

    name: str
    apply: Callable[[Float32Array], Float32Array]


def load_transform(
    features: FeatureConfig, own: Mapping[str, EmbeddingConfig], n_threads: int = 1
) -> Transform:
    """Return the transform of feature settings; an embedding's model is found and loaded."""
    if features.embedding is None:
        return Transform(name=features.representation, apply=partial(matrices_of, config=features))
    model = find_model(features.representation, own)
    if model.embedding.digest != features.embedding.digest:
        raise CatalogMismatch(
            f"The model of the embedding {model.embedding.name!r} has changed. Put the old file "
            "back, or run `genreflow extract` and train again."
        )
    return embedding_transform(model, n_threads)


def embedding_transform(model: Model, n_threads: int = 1) -> Transform:
    """Return the transform of a model: a matrix of an embedding has one frame."""
    embed = load_embedder(model, n_threads)
    return Transform(
        name=model.embedding.name, apply=lambda fragments: embed(fragments)[:, :, None]
    )
