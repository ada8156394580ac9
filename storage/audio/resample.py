"""Segments of a song in mono, and resampled so that a fragment equals that of the full song."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import soxr

from genre_core.errors import TrackRejected
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedSegment:
    """The samples of a segment, mono; fewer where the song ends, meaningless if there is a fault.

    ``full_scale_share`` counts the samples of all channels.
    """

    signal: Float32Array
    full_scale_share: float = 0.0
    fault: TrackRejected | None = None


class Block(NamedTuple):
    """Decoded samples (n_channels, n_samples) and their position in the song."""

    start: int
    samples: npt.NDArray[Any]

    @property
    def stop(self) -> int:
        """Position behind the last sample."""
        return self.start + self.samples.shape[-1]


class SegmentBuffer:
    """The samples of a segment, filled block by block; in ``signal``, zeros, if it is given."""

    def __init__(self, segment: Segment, signal: Float32Array | None = None) -> None:
        self.segment = segment
        n_samples = segment.stop - segment.start
        self._signal = np.zeros(n_samples, dtype=np.float32) if signal is None else signal
        self._n_filled = 0
        self._n_full_scale = 0
        self._n_counted = 0

    def add(self, block: Block, mono: Float32Array, *, is_loud: bool) -> None:
        """Copy what a block's mix holds of the segment; ``is_loud`` if some is at full scale."""
        start = max(self.segment.start, block.start)
        stop = min(self.segment.stop, block.stop)
        if start >= stop:
            return
        within = slice(start - block.start, stop - block.start)
        self._signal[start - self.segment.start : stop - self.segment.start] = mono[within]
        self._n_filled = max(self._n_filled, stop - self.segment.start)
        if is_loud:
            self._n_full_scale += count_full_scale(block.samples[:, within])
        self._n_counted += block.samples[:, within].size

    def finish(self, fault: TrackRejected | None = None) -> DecodedSegment:
        """Return the segment, up to the last sample that was found."""
        return DecodedSegment(
            signal=self._signal[: self._n_filled],
            full_scale_share=self._n_full_scale / max(1, self._n_counted),
            fault=fault,
        )


def add_block(buffers: Iterable[SegmentBuffer], block: Block) -> None:
    """Mix a block down, and copy what each segment needs of it."""
    mono, is_loud = mix_down(block.samples), count_full_scale(block.samples) > 0
    for buffer in buffers:
        buffer.add(block, mono, is_loud=is_loud)


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
    channels = scale(samples)
    lowest, highest = channels.min(initial=1), channels.max(initial=-1)
    if not (lowest >= -1 and highest <= 1):
        if not np.isfinite([lowest, highest]).all():
            channels = np.where(np.isinf(channels), np.float32(np.nan), channels)
        with np.errstate(invalid="ignore"):
            channels = np.clip(channels, -1, 1)
    with np.errstate(invalid="ignore"):  # signalling NaNs
        # NumPy's mean over an axis of two takes eight times as long
        mono = channels[0] + channels[1] if len(channels) > 1 else channels[0].copy()
        for channel in channels[2:]:
            mono += channel
        mono /= len(channels)
    return mono.astype(np.float32, copy=False)


def count_full_scale(samples: npt.NDArray[Any]) -> int:
    """Count the samples at full scale or beyond, of all channels; shaped as for `mix_down`."""
    levels = scale(samples)
    if levels.max(initial=0) < _FULL_SCALE and levels.min(initial=0) > -_FULL_SCALE:
        return 0  # most blocks, and three times as fast
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
