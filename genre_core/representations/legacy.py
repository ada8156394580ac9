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
EDGES_HZ = tuple(band * BINS_PER_BAND * BIN_HZ for band in range(N_BANDS + 1))
FULL_SCALE = 32_768


def legacy_matrices(fragments: Float32Array) -> Float32Array:
    """Mean power of 11 linear bands of 401 bins (2 kHz), scaled: (n_fragments, 11, n_frames).

    Program of the thesis, https://github.com/laurensvm/getec, whose text says maximum.
    """
    return scale_matrices(_mean_bands(program_powers(fragments)))


def legacy_int16_matrices(fragments: Float32Array) -> Float32Array:
    """`legacy_matrices` with the program's cast of every power to a 16-bit integer.

    A power above 32,767, that is a bin louder than -42 dB of a full-scale sine, wraps around and
    is noise; unlike the others, this representation depends on loudness.
    """
    wrapped = wrap_int16(program_powers(fragments)).astype(np.float32)
    return scale_matrices(_mean_bands(wrapped))


def program_powers(fragments: Float32Array) -> Float32Array:
    """One-sided power of every bin in squared steps of 16-bit audio, (n_fragments, n_frames, 4411).

    A sine of amplitude A (in steps) on a bin has A² / 2. The program calls SciPy's spectrogram
    with a Hann window and ``scaling="spectrum"``: the mean of each frame is taken away, and all
    bins but the first and the last count twice.
    """
    window = hann_window(FRAME_SAMPLES)
    frames = cut_frames(fragments, FRAME_SAMPLES, HOP_SAMPLES)
    level = frames - frames.mean(axis=-1, keepdims=True)
    powers = frame_powers(level * (window * np.float32(FULL_SCALE / window.sum())))
    powers[..., 1:-1] *= 2
    return powers


def wrap_int16(powers: Float32Array) -> npt.NDArray[np.int16]:
    """Cut off the fraction and keep the lowest 16 bits, as the program's cast did.

    By way of int64, because NumPy leaves open what becomes of a float that is too large for int16.
    """
    return powers.astype(np.int64).astype(np.int16)


def _mean_bands(powers: Float32Array) -> Float32Array:
    blocks = powers.reshape(*powers.shape[:-1], N_BANDS, BINS_PER_BAND)
    return blocks.mean(axis=-1).swapaxes(-1, -2)
