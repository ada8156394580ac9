"""Windows at the rate of an embedding, cut from fragments at 44.1 kHz."""

import math

import numpy as np
import soxr

from genre_core.examples import Float32Array
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import CONTEXT_S
from genre_core.signal.fragments import SAMPLE_RATE

_CONTEXT_SAMPLES = round(CONTEXT_S * SAMPLE_RATE)
_MEETING_SAMPLES = SAMPLE_RATE // 100


def window_samples(embedding: Embedding) -> int:
    """Return the length of a window in samples at the embedding's own rate."""
    return round(embedding.window_s * embedding.sample_rate)


def resample_windows(fragments: Float32Array, embedding: Embedding) -> Float32Array:
    """Resample fragments, each by itself, and cut off the context on both sides.

    Parameters
    ----------
    fragments : float32 [shape=(n_windows, n_samples)]
        Mono at 44.1 kHz; a window with `features.CONTEXT_S` on both sides.
    embedding : Embedding

    Returns
    -------
    float32 [shape=(n_windows, window_samples(embedding))]

    Notes
    -----
    Samples of both rates meet every 10 ms or more often (`require_rate`). A fragment is resampled
    from such a meeting point before the window on, so that a window holds the very samples that it
    has where the whole song is resampled; soxr's high-quality filter reaches 15 ms at 16 kHz.
    """
    n_samples = window_samples(embedding)
    meeting = _meeting_samples(embedding.sample_rate)
    first = _CONTEXT_SAMPLES % meeting
    before = (
        (_CONTEXT_SAMPLES - first) // meeting * (embedding.sample_rate * meeting // SAMPLE_RATE)
    )
    windows = np.empty((len(fragments), n_samples), np.float32)
    for window, fragment in zip(windows, fragments, strict=True):
        sound = _resample(fragment[first:], embedding.sample_rate)
        window[:] = sound[before : before + n_samples]
    return windows


def require_rate(sample_rate: int) -> None:
    """Refuse a rate whose samples meet those at 44.1 kHz less often than every 10 ms.

    Raises
    ------
    ValueError
    """
    if sample_rate < 1000 or _meeting_samples(sample_rate) > _MEETING_SAMPLES:
        raise ValueError(
            f"sample_rate is {sample_rate}. Use the rate that the model was trained at, in Hz: a "
            "multiple of 100 from 1000 on, 11025 or 22050."
        )


def _meeting_samples(sample_rate: int) -> int:
    """Samples at 44.1 kHz after which one of the other rate falls on one again."""
    return SAMPLE_RATE // math.gcd(SAMPLE_RATE, sample_rate)


def _resample(signal: Float32Array, sample_rate: int) -> Float32Array:
    if sample_rate == SAMPLE_RATE:
        return signal
    return np.asarray(soxr.resample(signal, SAMPLE_RATE, sample_rate, quality="HQ"), np.float32)
