"""The sound wave itself (`waveform`), and its loudness over time (`envelope`): section 6.4.4."""

import numpy as np

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import cut_frames, scale_matrices
from genre_core.signal.fragments import SAMPLE_RATE

DECIMATION = 5
"""44,100 / 5 = 8,820 Hz: a whole ratio, and it holds what lies below 4.4 kHz."""
COLUMN_SAMPLES = 882
"""100 ms, the hop of the thesis: recurrent networks take as many steps as on its own matrix."""
HOP_SAMPLES = 441
"""10 ms: fine enough to place an onset, coarser than most periods of a tone."""


def waveform_matrices(fragments: Float32Array) -> Float32Array:
    """The wave at 8,820 Hz in columns of 100 ms, scaled: (n_fragments, 882, n_frames).

    Row ``i`` holds the sample ``i`` of every 100 ms.
    """
    waves = np.empty((len(fragments), -(-fragments.shape[-1] // DECIMATION)), np.float32)
    for wave, fragment in zip(waves, fragments, strict=True):
        wave[:] = decimate(fragment)
    n_frames = waves.shape[-1] // COLUMN_SAMPLES
    columns = waves[:, : n_frames * COLUMN_SAMPLES].reshape(-1, n_frames, COLUMN_SAMPLES)
    return scale_matrices(columns.swapaxes(-1, -2))


def decimate(wave: Float32Array) -> Float32Array:
    """Every fifth sample of a wave, (n,) → (ceil(n / 5),), after a low-pass at half the new rate.

    The low-pass is the default of SciPy's ``resample_poly``: 101 taps, Kaiser window with beta 5.
    """
    reach = 10 * DECIMATION
    taps = np.sinc(np.arange(-reach, reach + 1) / DECIMATION) * np.kaiser(2 * reach + 1, 5.0)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(wave, reach), len(taps))
    return windows[::DECIMATION] @ (taps / taps.sum()).astype(np.float32)


def count_columns(fragment_s: float) -> int:
    """Count the whole columns of a fragment: 30 in 3 s."""
    return round(fragment_s * SAMPLE_RATE) // (DECIMATION * COLUMN_SAMPLES)


def envelope_matrices(fragments: Float32Array) -> Float32Array:
    """Root mean square of every 10 ms, scaled: (n_fragments, 1, n_frames), 1 × 300 for 3 s.

    The thesis names the envelope and does not define it.
    """
    frames = cut_frames(fragments, HOP_SAMPLES, HOP_SAMPLES)
    rms = np.sqrt(np.square(frames).mean(axis=-1))  # (n_fragments, n_frames)
    return scale_matrices(rms[:, np.newaxis])
