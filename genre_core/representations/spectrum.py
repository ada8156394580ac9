"""Frames of sound and their power spectra (thesis sections 2.3.1, 2.3.2 and 2.4.1)."""

from collections.abc import Iterator

import ducc0
import numpy as np

from genre_core.examples import Float32Array
from genre_core.signal.fragments import SAMPLE_RATE

FRAME_SAMPLES = 8_820
HOP_SAMPLES = 4_410
BIN_HZ = SAMPLE_RATE / FRAME_SAMPLES
TRANSFORM = "ducc0 0.42, by fragment"
"""Part of the feature key: others differ in the last bits."""


def power_frames(fragments: Float32Array) -> Float32Array:
    """Power of every bin of every frame of 200 ms, of which 100 ms overlap; no window, no padding.

    From (n_fragments, fragment_samples) to (n_fragments, n_frames, 4411).
    """
    return frame_powers(cut_frames(fragments, FRAME_SAMPLES, HOP_SAMPLES))


def cut_frames(fragments: Float32Array, frame_samples: int, hop_samples: int) -> Float32Array:
    """Frames of each fragment without padding, (n_fragments, n_frames, frame_samples).

    They are a view that must not be changed. A fragment shorter than a frame is a ``ValueError``.
    """
    if fragments.shape[-1] < frame_samples:
        raise ValueError(
            f"a fragment of {fragments.shape[-1] / SAMPLE_RATE:g} s is shorter than a frame of "
            f"{1000 * frame_samples / SAMPLE_RATE:.3g} ms; use longer fragments"
        )
    frames = np.lib.stride_tricks.sliding_window_view(fragments, frame_samples, axis=-1)
    return frames[..., ::hop_samples, :]


def frame_powers(frames: Float32Array) -> Float32Array:
    """``abs(D_k) ** 2`` of the bins 0 to N / 2 of frames of N samples (section 2.3.1)."""
    if frames.ndim == 2:
        return frame_powers(frames[np.newaxis])[0]
    powers = np.empty((*frames.shape[:-1], frames.shape[-1] // 2 + 1), np.float32)
    for row, found in enumerate(each_power(frames)):
        powers[row] = found
    return powers


def each_power(frames: Float32Array) -> Iterator[Float32Array]:
    """Yield `frame_powers` of each fragment, (n_frames, n_bins), in memory that is used again.

    The last bits of a frame depend on its place among those that are transformed at once, so that
    these are always the frames of one fragment.
    """
    if not frames.size:
        return
    _, n_frames, n_samples = frames.shape
    n_bins = n_samples // 2 + 1
    spectra = np.empty((n_frames, n_bins), np.complex64)
    parts = spectra.view(np.float32)
    powers = np.empty((n_frames, n_bins), np.float32)
    for fragment in frames:
        ducc0.fft.r2c(fragment, axes=(1,), out=spectra)
        np.square(parts, out=parts)
        yield np.add(parts[:, ::2], parts[:, 1::2], out=powers)


def hann_window(n_samples: int) -> Float32Array:
    """Periodic Hann window: ``0.5 - 0.5 cos(2 pi n / N)``."""
    turns = np.arange(n_samples) / n_samples
    return (0.5 - 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32)


def count_frames(
    fragment_s: float, frame_samples: int = FRAME_SAMPLES, hop_samples: int = HOP_SAMPLES
) -> int:
    """Count the frames of a fragment: 29 of 200 ms in 3 s (thesis section 2.4.1)."""
    return (round(fragment_s * SAMPLE_RATE) - frame_samples) // hop_samples + 1


def scale_matrices(matrices: Float32Array) -> Float32Array:
    """Scale every matrix by its own minimum and maximum into 0..1: eq. 2.6.

    A matrix that is the same everywhere (silence) becomes zeros, where eq. 2.6 divides by zero.
    """
    lowest = matrices.min(axis=(-2, -1), keepdims=True)
    width = matrices.max(axis=(-2, -1), keepdims=True) - lowest
    return (matrices - lowest) / np.where(width > 0, width, np.float32(1))


def decibels(powers: Float32Array, floor_db: float) -> Float32Array:
    """Decibels of each matrix relative to its loudest value, within ``floor_db``..0."""
    loudest = powers.max(axis=(-2, -1), keepdims=True)
    audible = np.where(loudest > 0, loudest, np.float32(1))
    floor = np.float32(10 ** (floor_db / 10))
    return np.float32(10) * np.log10(np.maximum(powers / audible, floor))
