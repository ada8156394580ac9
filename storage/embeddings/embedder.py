"""Fragments to the values of an embedding."""

from collections.abc import Callable

import numpy as np

from genre_core.errors import GenreflowError
from genre_core.examples import Float32Array
from storage.embeddings.model import Model
from storage.embeddings.runtime import open_runtime
from storage.embeddings.windows import resample_windows, window_samples

LEAST_PROBABILITY = 1e-4
"""Tags that are less probable, and as near to 1, are all the same: 8-bit models say 0 of most."""


def load_embedder(model: Model, n_threads: int = 1) -> Callable[[Float32Array], Float32Array]:
    """Open a model and return the function that embeds fragments.

    Parameters
    ----------
    model : Model
    n_threads : int
        Threads that compute one call.

    Returns
    -------
    callable
        float32 (n_windows, n_samples) at 44.1 kHz, with `features.CONTEXT_S` on both sides of each
        window, to float32 (n_windows, n_values). One thread at a time may call it.

    Raises
    ------
    UsageError
        If the model cannot be loaded.
    """
    n_samples = window_samples(model.embedding)
    runtime = open_runtime(model.file, n_samples, model.outputs, n_threads)

    def embed(fragments: Float32Array) -> Float32Array:
        if not len(fragments):
            return np.empty((0, model.embedding.n_values), np.float32)
        windows = resample_windows(fragments, model.embedding)
        return _require_values(np.concatenate(runtime.outputs(windows), axis=1), model)

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
