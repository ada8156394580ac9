"""Power spectra of frames (thesis sections 2.3.1, 2.3.2 and 2.4.1)."""

import numpy as np

from genre_core.examples import Float32Array
from genre_core.fragments import SAMPLE_RATE

FRAME_SAMPLES = 8_820
HOP_SAMPLES = 4_410
BIN_HZ = SAMPLE_RATE / FRAME_SAMPLES


def power_frames(fragments: Float32Array) -> Float32Array:
    """Give the power of every bin of every frame: ``abs(D_k) ** 2``, no window, no padding.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, fragment_samples)]
        Mono audio at 44.1 kHz, at least one frame of 200 ms long.

    Returns
    -------
    float32 [shape=(n_fragments, n_frames, 4411)]
        ``n_frames = (fragment_samples - 8820) // 4410 + 1``: 29 for 3 s.

    Raises
    ------
    ValueError
        If a fragment is shorter than a frame.

    Notes
    -----
    Thesis section 2.4.1: frames of 200 ms of which 100 ms overlap. Section 2.3.1 defines the
    transform as the plain sum, so frames are not tapered.
    """
    if fragments.shape[-1] < FRAME_SAMPLES:
        raise ValueError(
            f"a fragment of {fragments.shape[-1] / SAMPLE_RATE:g} s is shorter than a frame of "
            "200 ms; ask for longer fragments"
        )
    import scipy.fft  # half a second, for nothing in a process that only asks

    frames = np.lib.stride_tricks.sliding_window_view(fragments, FRAME_SAMPLES, axis=-1)
    spectra = scipy.fft.rfft(frames[..., ::HOP_SAMPLES, :], axis=-1)
    return spectra.real**2 + spectra.imag**2


def count_frames(fragment_s: float) -> int:
    """Count the frames of a fragment: 29 in 3 s (thesis section 2.4.1)."""
    return (round(fragment_s * SAMPLE_RATE) - FRAME_SAMPLES) // HOP_SAMPLES + 1
