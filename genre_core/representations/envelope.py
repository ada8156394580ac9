"""The envelope of the sound wave: how loud it is from moment to moment (`envelope`)."""

import numpy as np

from genre_core.examples import Float32Array
from genre_core.representations.scaling import scale_matrices
from genre_core.representations.spectrum import cut_frames

HOP_SAMPLES = 441
"""10 ms: fine enough to place an onset, coarser than most periods of a tone."""


def envelope_matrices(fragments: Float32Array) -> Float32Array:
    """Give the root of the mean square of every 10 ms, as one band, scaled into 0..1.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, fragment_samples)]
        Mono audio at 44.1 kHz, at least 10 ms long.

    Returns
    -------
    float32 [shape=(n_fragments, 1, n_frames)]
        1 × 300 for 3 s; frames do not overlap.

    Notes
    -----
    Thesis section 6.4.4 names the envelope and does not define it.
    """
    frames = cut_frames(fragments, HOP_SAMPLES, HOP_SAMPLES)
    rms = np.sqrt(np.square(frames).mean(axis=-1))  # (n_fragments, n_frames)
    return scale_matrices(rms[:, np.newaxis])
