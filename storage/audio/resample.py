"""Bring sound to 44.1 kHz, so that a fragment equals the same stretch of the whole song."""

import math
from dataclasses import dataclass

import numpy as np
import soxr

from genre_core.examples import Float32Array

SAMPLE_RATE = 44_100
# Five times the reach of soxr's filters at the rates of music files.
_CONTEXT_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a song, in samples at the song's own rate."""

    start: int
    stop: int


def needed_span(start: int, n_samples: int, sample_rate: int) -> Span:
    """Say which samples of the song a fragment needs, with context for the filter.

    Parameters
    ----------
    start, n_samples : int
        The fragment, in samples at 44.1 kHz.
    sample_rate : int
        Of the song, in Hz.

    Returns
    -------
    Span
        It begins where a sample of the song and one at 44.1 kHz fall together, so that the
        resampled samples stand at the very places that they have in the whole song.
    """
    if sample_rate == SAMPLE_RATE:
        return Span(start=start, stop=start + n_samples)
    step = sample_rate // math.gcd(sample_rate, SAMPLE_RATE)
    first = math.floor((start / SAMPLE_RATE - _CONTEXT_S) * sample_rate)
    last = math.ceil(((start + n_samples) / SAMPLE_RATE + _CONTEXT_S) * sample_rate)
    return Span(start=max(0, first // step * step), stop=last)


def cut_fragment(signal: Float32Array, span: Span, start: int, sample_rate: int) -> Float32Array:
    """Resample a span and cut off the context before the fragment.

    Parameters
    ----------
    signal : float32 [shape=(span.stop - span.start,)]
        May be shorter where the song ends.
    span : Span
        Where ``signal`` lies in the song.
    start : int
        First sample of the fragment at 44.1 kHz.
    sample_rate : int
        Of ``signal``, in Hz.

    Returns
    -------
    float32 [shape=(n,)]
        The fragment and some context behind it.
    """
    before = start - span.start * SAMPLE_RATE // sample_rate
    return resample_signal(signal, sample_rate)[before:]


def resample_signal(signal: Float32Array, sample_rate: int) -> Float32Array:
    """Resample a mono signal to 44.1 kHz with soxr's high quality."""
    if sample_rate == SAMPLE_RATE:
        return signal
    resampled = soxr.resample(signal, sample_rate, SAMPLE_RATE, quality="HQ")
    return np.asarray(resampled, dtype=np.float32)
