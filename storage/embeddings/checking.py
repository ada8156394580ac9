"""What a model must do before it is used as an embedding."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from storage.embeddings.config import EmbeddingConfig
from storage.embeddings.runtime import Runtime, open_runtime

TOLERANCE = 1e-3
"""Of a batch against single windows, as a share of the largest value."""


def check_embedding(config: EmbeddingConfig, file: Path) -> tuple[int, ...]:
    """Run a model on made sound and return the size of each output of ``config.outputs``.

    Its outputs must be finite, the same bits for the same sound, the same for a window alone and
    among others (to `TOLERANCE`), and different for different sound.

    Raises
    ------
    UsageError
        That says which of these is not so.
    """
    runtime = open_runtime(file, config.n_samples, config.outputs)
    windows = _made_sound(config)
    values, again = runtime.outputs(windows), runtime.outputs(windows)
    alone = _one_by_one(runtime, windows)
    for output, *three in zip(config.outputs, values, again, alone, strict=True):
        _check_output(f"Output {output!r} of {file}", *three)
    if config.labels:
        _check_tags(f"Output {config.outputs[-1]!r} of {file}", values[-1], config.probabilities)
    return tuple(array.shape[1] for array in values)


def check_labels(config: EmbeddingConfig, labels: Sequence[str], sizes: Sequence[int]) -> None:
    """Refuse labels that are not as many as the tags of the last output.

    Raises
    ------
    UsageError
    """
    if labels and len(labels) != sizes[-1]:
        raise UsageError(
            f"labels name {len(labels)} tags, but output {config.outputs[-1]!r} of {config.file} "
            f"has {sizes[-1]} values. Name the output of the tags last, as in "
            'output = ["features", "tags"], and one label a value, in order.'
        )


def _check_output(
    where: str, values: Float32Array, again: Float32Array, alone: Float32Array
) -> None:
    if not values.size:
        raise UsageError(f"{where} holds no values. Choose another output.")
    if not np.isfinite(values).all():
        raise UsageError(
            f"{where} is not finite for {_SOUNDS[_first_bad(values)]}. Put a floor under "
            "logarithms and divisions in the model."
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
    if probabilities and not in_range:
        raise UsageError(
            f"{where} has values from {tags.min():.3g} to {tags.max():.3g}, which are no "
            "probabilities. Remove `probabilities = true`."
        )
    if in_range and not probabilities:
        raise UsageError(
            f"{where} has values from {tags.min():.3g} to {tags.max():.3g}, which look like "
            "probabilities, not logits. Set `probabilities = true`."
        )


_SOUNDS = ("silence", "faint noise", "noise", "a tone", "a tone clipped at full scale")


def _made_sound(config: EmbeddingConfig) -> Float32Array:
    """Return the windows that `_SOUNDS` names."""
    seed = int.from_bytes(hashlib.sha256(b"made sound").digest()[:4], "big")
    noise = np.random.default_rng(seed).standard_normal(config.n_samples)
    tone = np.sin(2 * np.pi * 440 * np.arange(config.n_samples) / config.sample_rate)
    sounds = (0 * noise, 1e-3 * noise, 0.1 * noise, 0.5 * tone, np.clip(3 * tone, -1, 1))
    return np.stack(sounds).astype(np.float32)


def _one_by_one(runtime: Runtime, windows: Float32Array) -> list[Float32Array]:
    parts = [runtime.outputs(window[None]) for window in windows]
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def _first_bad(values: Float32Array) -> int:
    return int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
