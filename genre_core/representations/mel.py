"""Log-mel spectrograms: 64 bands as wide as hearing resolves, in decibels (`logmel`)."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import (
    cut_frames,
    decibels,
    frame_powers,
    hann_window,
    scale_matrices,
)
from genre_core.signal.fragments import SAMPLE_RATE

FRAME_SAMPLES = 2_048
HOP_SAMPLES = 1_024
"""Half a frame: the tapered ends of one frame are the middle of the next, so no onset is lost."""
N_BANDS = 64
LOW_HZ = 20.0
TOP_HZ = 11_025.0
"""Below the low-pass of common encoders, which would reveal the source instead of the genre."""
FLOOR_DB = -80.0
BIN_HZ = SAMPLE_RATE / FRAME_SAMPLES
N_BINS = int(TOP_HZ / BIN_HZ) + 1

_LINEAR_HZ = 200 / 3
_LOG_FROM_HZ = 1_000.0
_LOG_FROM_MEL = _LOG_FROM_HZ / _LINEAR_HZ
_MEL_PER_LOG = 27 / np.log(6.4)


def logmel_matrices(fragments: Float32Array) -> Float32Array:
    """Power in 64 mel bands, in decibels, scaled: (n_fragments, 64, n_frames), 64 × 128 for 3 s.

    Beyond the thesis, which suggests larger spectrograms in section 6.4.4.
    """
    return scale_matrices(decibels(mel_powers(fragments), FLOOR_DB))


def mel_powers(fragments: Float32Array) -> Float32Array:
    """Power in each mel band of each frame, (n_fragments, 64, n_frames); Hann, no padding."""
    frames = cut_frames(fragments, FRAME_SAMPLES, HOP_SAMPLES)
    powers = frame_powers(frames * hann_window(FRAME_SAMPLES))[..., :N_BINS]
    return (powers @ mel_weights()).swapaxes(-1, -2)


@lru_cache(maxsize=1)
def mel_weights() -> Float32Array:
    """Triangles of the bands of `logmel`, (513, 64)."""
    return slaney_filters(np.arange(N_BINS) * BIN_HZ, N_BANDS, LOW_HZ, TOP_HZ)


def slaney_filters(
    bins_hz: npt.NDArray[np.floating], n_bands: int, low_hz: float, top_hz: float
) -> Float32Array:
    """Triangles of mel bands, each with an area of 1 over frequency: (n_bins, n_bands).

    The scale is that of Slaney, *Auditory Toolbox* (1998): linear to 1 kHz, logarithmic above.
    """
    corners = _corners_hz(n_bands, low_hz, top_hz)
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    bins = bins_hz[:, np.newaxis]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (high - low)).astype(np.float32)


def band_edges_hz() -> tuple[float, ...]:
    """Where each triangle of `logmel` crosses the next one: half way between their middles."""
    corners = _corners_hz(N_BANDS, LOW_HZ, TOP_HZ)
    return tuple(((corners[:-1] + corners[1:]) / 2).tolist())


def _corners_hz(n_bands: int, low_hz: float, top_hz: float) -> np.ndarray:
    """Where triangles begin, peak and end: each begins at the middle of the one below."""
    low_mel, top_mel = _hz_to_mel(np.array([low_hz, top_hz])).tolist()
    return _mel_to_hz(np.linspace(low_mel, top_mel, n_bands + 2))


def _hz_to_mel(hz: np.ndarray) -> np.ndarray:
    above = _LOG_FROM_MEL + _MEL_PER_LOG * np.log(np.maximum(hz, _LOG_FROM_HZ) / _LOG_FROM_HZ)
    return np.where(hz < _LOG_FROM_HZ, hz / _LINEAR_HZ, above)


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    above = _LOG_FROM_HZ * np.exp((mel - _LOG_FROM_MEL) / _MEL_PER_LOG)
    return np.where(mel < _LOG_FROM_MEL, mel * _LINEAR_HZ, above)
