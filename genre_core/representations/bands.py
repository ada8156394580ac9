"""Twelve frequency bands by maximum: power (`thesis`) or decibels (`bands_db`)."""

import numpy as np

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import (
    BIN_HZ,
    FRAME_SAMPLES,
    HOP_SAMPLES,
    cut_frames,
    decibels,
    frame_powers,
    scale_matrices,
)

LOW_HZ, MID_HZ, HIGH_HZ, TOP_HZ = 20.0, 250.0, 4_000.0, 20_000.0
BANDS_PER_RANGE = 4
FLOOR_DB = -80.0


def band_edges_hz() -> list[float]:
    """Return the 13 edges of the 12 bands: 4 low, 4 mid, 4 high, log-spaced within each range.

    Notes
    -----
    Thesis section 2.4.1 names three ranges of four bands and gives no edges; ours are 20-250,
    250-4000 and 4000-20000 Hz.
    """
    ranges = ((LOW_HZ, MID_HZ), (MID_HZ, HIGH_HZ), (HIGH_HZ, TOP_HZ))
    edges = [np.geomspace(low, high, BANDS_PER_RANGE + 1)[:-1] for low, high in ranges]
    return [*np.concatenate(edges).tolist(), TOP_HZ]


def band_bins() -> list[int]:
    """Return the first bin of each band and the bin behind the highest one (20 kHz is inside)."""
    edges = band_edges_hz()
    first_bins = [int(np.ceil(edge / BIN_HZ - 1e-9)) for edge in edges[:-1]]
    return [*first_bins, int(TOP_HZ / BIN_HZ) + 1]


def band_powers(fragments: Float32Array) -> Float32Array:
    """Reduce each frame to the maximum power within each of the 12 bands.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, fragment_samples)]
        Mono audio at 44.1 kHz.

    Returns
    -------
    float32 [shape=(n_fragments, 12, n_frames)]

    Notes
    -----
    Thesis section 2.4.1: maximum pooling.
    """
    *first_bins, stop = band_bins()
    frames = cut_frames(fragments, FRAME_SAMPLES, HOP_SAMPLES)
    bands = np.empty((*frames.shape[:-1], len(first_bins)), np.float32)
    for row, fragment in enumerate(frames):  # one at a time: its spectra stay in the core's cache
        powers = frame_powers(fragment)[:, :stop]
        np.maximum.reduceat(powers, first_bins, axis=-1, out=bands[row])
    return bands.swapaxes(-1, -2)


def thesis_matrices(fragments: Float32Array) -> Float32Array:
    """Return the thesis's matrix of each fragment: 12 bands of power, scaled into 0..1.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, fragment_samples)]

    Returns
    -------
    float32 [shape=(n_fragments, 12, n_frames)]
        12 × 29 for 3 s.

    Notes
    -----
    Thesis sections 2.4.1 and 2.4.2, eq. 2.6.
    """
    return scale_matrices(band_powers(fragments))


def decibel_matrices(fragments: Float32Array) -> Float32Array:
    """Return the same 12 bands in decibels, down to 80 dB below the loudest, scaled into 0..1.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, fragment_samples)]

    Returns
    -------
    float32 [shape=(n_fragments, 12, n_frames)]

    Notes
    -----
    Not in the thesis: on a linear scale the loudest band hides the others.
    """
    return scale_matrices(decibels(band_powers(fragments), FLOOR_DB))
