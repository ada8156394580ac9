"""What the program published with the thesis computed, `getec` without its cast and with it.

The text of the thesis describes another matrix (`bands.py`). These two are kept to show what the
program's choices did; ``docs/explanation/decisions.md`` lists them.
"""

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import (
    BIN_HZ,
    FRAME_SAMPLES,
    HOP_SAMPLES,
    cut_frames,
    frame_powers,
    hann_window,
    scale_matrices,
)

BINS_PER_BAND = 401
N_BANDS = (FRAME_SAMPLES // 2 + 1) // BINS_PER_BAND
FULL_SCALE = 32_768


def band_edges_hz() -> tuple[float, ...]:
    """Return the edges of the bands: every 401 bins, 2005 Hz."""
    return tuple(band * BINS_PER_BAND * BIN_HZ for band in range(N_BANDS + 1))


def getec_matrices(fragments: Float32Array) -> Float32Array:
    """Return 11 linear bands of 2 kHz, each the mean power of its 401 bins, scaled into 0..1.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, fragment_samples)]
        Mono audio at 44.1 kHz in -1..1.

    Returns
    -------
    float32 [shape=(n_fragments, 11, n_frames)]
        11 × 29 for 3 s.

    Notes
    -----
    Program of the thesis, https://github.com/laurensvm/getec, whose text says maximum.
    """
    return scale_matrices(_mean_bands(program_powers(fragments)))


def getec_int16_matrices(fragments: Float32Array) -> Float32Array:
    """Return `getec_matrices` with the program's cast of every power to a 16-bit integer.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, fragment_samples)]

    Returns
    -------
    float32 [shape=(n_fragments, 11, n_frames)]

    Notes
    -----
    A power above 32,767, that is a bin louder than -42 dB of a full-scale sine, wraps around and
    is noise; unlike the others, this representation depends on loudness.
    """
    wrapped = wrap_int16(program_powers(fragments)).astype(np.float32)
    return scale_matrices(_mean_bands(wrapped))


def program_powers(fragments: Float32Array) -> Float32Array:
    """Return the one-sided power of every bin, in squared steps of 16-bit audio.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, fragment_samples)]

    Returns
    -------
    float32 [shape=(n_fragments, n_frames, 4411)]
        A sine of amplitude A (in steps, 32,768 at most) on a bin has A² / 2.

    Notes
    -----
    The program calls SciPy's spectrogram with a Hann window and ``scaling="spectrum"``: the mean
    of each frame is taken away, and all bins but the first and the last count twice.
    """
    window = hann_window(FRAME_SAMPLES)
    frames = cut_frames(fragments, FRAME_SAMPLES, HOP_SAMPLES)
    level = frames - frames.mean(axis=-1, keepdims=True)
    powers = frame_powers(level * (window * np.float32(FULL_SCALE / window.sum())))
    powers[..., 1:-1] *= 2
    return powers


def wrap_int16(powers: Float32Array) -> npt.NDArray[np.int16]:
    """Cut off the fraction and keep the lowest 16 bits, as the program's cast did.

    NumPy leaves open what becomes of a float that is too large for int16; by way of int64 the
    result is the same on every machine.
    """
    return powers.astype(np.int64).astype(np.int16)


def _mean_bands(powers: Float32Array) -> Float32Array:
    """Average 401 bins at a time: (n_fragments, n_frames, 4411) to (n_fragments, 11, n_frames)."""
    blocks = powers.reshape(*powers.shape[:-1], N_BANDS, BINS_PER_BAND)
    return blocks.mean(axis=-1).swapaxes(-1, -2)
