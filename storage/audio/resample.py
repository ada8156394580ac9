"""Mono at 44.1 kHz: mixing down, and resampling so that a fragment equals that of the full song."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from genre_core.examples import Float32Array

SAMPLE_RATE = 44_100
# Five times the reach of soxr's filters at the rates of music files.
_CONTEXT_S = 0.1
# Within a step and a half of 16 bits: limiters and converters of 24 bits stop just below.
_FULL_SCALE = 1 - 1.5 / 32_768


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a song, from ``start`` up to ``stop``, in samples at the song's own rate."""

    start: int
    stop: int


def needed_segment(start: int, n_samples: int, sample_rate: int) -> Segment:
    """Segment of a song that a fragment is made from, with context for the filter.

    ``start`` and ``n_samples`` are at 44.1 kHz. The segment begins where a sample of the song
    coincides with one at 44.1 kHz, so that it gives the samples of the resampled full song.
    """
    if sample_rate == SAMPLE_RATE:
        return Segment(start=start, stop=start + n_samples)
    step = sample_rate // math.gcd(sample_rate, SAMPLE_RATE)
    first = math.floor((start / SAMPLE_RATE - _CONTEXT_S) * sample_rate)
    last = math.ceil(((start + n_samples) / SAMPLE_RATE + _CONTEXT_S) * sample_rate)
    return Segment(start=max(0, first // step * step), stop=last)


def resample_segment(
    signal: Float32Array, segment: Segment, start: int, sample_rate: int
) -> Float32Array:
    """Resample a segment to 44.1 kHz from the first sample of its fragment (``start``) on."""
    before = start - segment.start * SAMPLE_RATE // sample_rate
    if sample_rate != SAMPLE_RATE:
        resampled = soxr.resample(signal, sample_rate, SAMPLE_RATE, quality="HQ")
        signal = np.asarray(resampled, dtype=np.float32)
    return signal[before:]


def mix_down(samples: npt.NDArray[Any]) -> Float32Array:
    """Mean of the channels, each clipped to full scale before; NaN where a sample is not finite.

    ``samples`` is (n_channels, n_samples); integers are scaled by their type. Lossy decoders
    overshoot full scale on loud music, which an int16 file cannot hold: a song read through one
    would differ from the same song read directly.
    """
    channels = np.array(scale(samples))
    if not (channels.max(initial=-1) <= 1 and channels.min(initial=1) >= -1):
        channels[np.isinf(channels)] = np.nan
        with np.errstate(invalid="ignore"):
            np.clip(channels, -1, 1, out=channels)
    mono = channels[0].copy()
    with np.errstate(invalid="ignore"):  # signalling NaNs
        for channel in channels[1:]:  # NumPy's mean over an axis of two takes eight times as long
            mono += channel
        return (mono / len(channels)).astype(np.float32, copy=False)


def count_full_scale(samples: npt.NDArray[Any]) -> int:
    """Count the samples at full scale or beyond, of all channels; shaped as for `mix_down`."""
    levels = scale(samples)
    return int(np.count_nonzero(levels >= _FULL_SCALE) + np.count_nonzero(levels <= -_FULL_SCALE))


def scale(samples: npt.NDArray[Any]) -> npt.NDArray[np.floating]:
    """Samples as floats of full scale 1; integers are scaled by their type."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if np.issubdtype(samples.dtype, np.integer):
        full_scale = -float(np.iinfo(samples.dtype).min)
        return samples.astype(np.float64) / full_scale
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and NaN in the mix
        return samples.astype(np.float32, copy=False)
