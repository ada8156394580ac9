"""Fragments to the values of an embedding."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import soxr

from genre_core.errors import GenreflowError
from genre_core.examples import Float32Array
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import CONTEXT_S
from genre_core.signal.fragments import SAMPLE_RATE
from storage.embeddings.runtime import Output, open_runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An embedding and the file that computes it: ``.tflite``, ``.onnx`` or ``.keras``.

    ``outputs`` of the file, joined, are the values of a window: its features, then one logit a tag
    (``has_probabilities``: the file gives probabilities, which become logits).
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


_CONTEXT_SAMPLES = round(CONTEXT_S * SAMPLE_RATE)
_MEETING_SAMPLES = SAMPLE_RATE // 100


def window_samples(embedding: Embedding) -> int:
    """Return the length of a window in samples at the embedding's own rate."""
    return round(embedding.window_s * embedding.sample_rate)


def resample_windows(fragments: Float32Array, embedding: Embedding) -> Float32Array:
    """Resample fragments, each by itself, and cut off the context (`CONTEXT_S`) on both sides.

    float32 (n_windows, n_samples) at 44.1 kHz → (n_windows, window_samples(embedding)). Samples of
    both rates meet every 10 ms or more often (`require_rate`). A fragment is resampled from such a
    point before the window on, so that a window holds the very samples that it has where the whole
    song is resampled; soxr's high-quality filter reaches 15 ms at 16 kHz.
    """
    n_samples = window_samples(embedding)
    meeting = _meeting_samples(embedding.sample_rate)
    first = _CONTEXT_SAMPLES % meeting
    before = (
        (_CONTEXT_SAMPLES - first) // meeting * (embedding.sample_rate * meeting // SAMPLE_RATE)
    )
    windows = np.empty((len(fragments), n_samples), np.float32)
    for window, fragment in zip(windows, fragments, strict=True):
        sound = fragment[first:]
        if embedding.sample_rate != SAMPLE_RATE:
            sound = soxr.resample(sound, SAMPLE_RATE, embedding.sample_rate, quality="HQ")
        window[:] = sound[before : before + n_samples]
    return windows


def require_rate(sample_rate: int) -> None:
    """Refuse a rate whose samples meet those at 44.1 kHz less often than every 10 ms."""
    if sample_rate < 1000 or _meeting_samples(sample_rate) > _MEETING_SAMPLES:
        raise ValueError(
            f"sample_rate is {sample_rate}. Use the rate that the model was trained at, in Hz: a "
            "multiple of 100 from 1000 on, 11025 or 22050."
        )


def _meeting_samples(sample_rate: int) -> int:
    """Samples at 44.1 kHz after which one of the other rate falls on one again."""
    return SAMPLE_RATE // math.gcd(SAMPLE_RATE, sample_rate)


LEAST_PROBABILITY = 1e-4
"""Tags that are less probable, and as near to 1, are all the same: 8-bit models say 0 of most."""


def load_embedder(model: Model, n_threads: int = 1) -> Callable[[Float32Array], Float32Array]:
    """Open a model and return the function that embeds fragments; threads take turns.

    float32 (n_windows, n_samples) at 44.1 kHz, with `features.CONTEXT_S` on both sides of each
    window → float32 (n_windows, n_values). ``n_threads`` compute one call.
    """
    n_samples = window_samples(model.embedding)
    runtime, turn = open_runtime(model.file, n_samples, model.outputs, n_threads), Lock()

    def embed(fragments: Float32Array) -> Float32Array:
        if not len(fragments):
            return np.empty((0, model.embedding.n_values), np.float32)
        windows = resample_windows(fragments, model.embedding)
        with turn:
            outputs = runtime.outputs(windows)
        return _require_values(np.concatenate(outputs, axis=1), model)

    return embed


def _require_values(values: Float32Array, model: Model) -> Float32Array:
    """Return values with logits as tags, if they are finite and as many as they should be."""
    embedding = model.embedding
    if values.shape[1] != embedding.n_values:
        raise GenreflowError(
            f"{model.file} gave {values.shape[1]} values a window; embedding {embedding.name} has "
            f"{embedding.n_values}. The file was replaced during the run: run the command again."
        )
    if not np.isfinite(values).all():
        raise GenreflowError(
            f"Embedding {embedding.name} gave values that are not finite ({model.file}). Put a "
            "floor under logarithms and divisions in the model."
        )
    if model.has_probabilities:
        tags = np.clip(values[:, embedding.n_features :], LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        values[:, embedding.n_features :] = np.log(tags / (1 - tags))
    return values
