"""Twelve frequency bands by maximum: power (`thesis`) or decibels (`bands_db`).

All functions map fragments, float32 (n_fragments, fragment_samples), mono at 44.1 kHz, to float32
(n_fragments, n_bands, n_frames): 12 × 29 for 3 s.
"""

import numpy as np

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import (
    BIN_HZ,
    FRAME_SAMPLES,
    HOP_SAMPLES,
    cut_frames,
    decibels,
    each_power,
    scale_matrices,
)

RANGES_HZ = ((20.0, 250.0), (250.0, 4_000.0), (4_000.0, 20_000.0))
BANDS_PER_RANGE = 4
FLOOR_DB = -80.0


def band_edges_hz() -> list[float]:
    """Return the 13 edges of the 12 bands: 4 low, 4 mid, 4 high, log-spaced within each range.

    Thesis section 2.4.1 names three ranges of four bands and gives no edges; these are ours.
    """
    edges = [np.geomspace(*ends, BANDS_PER_RANGE + 1)[:-1] for ends in RANGES_HZ]
    return [*np.concatenate(edges).tolist(), RANGES_HZ[-1][1]]


def band_bins() -> list[int]:
    """Return the first bin of each band and the bin behind the highest one (20 kHz is inside)."""
    *starts, top = band_edges_hz()
    return [*(int(np.ceil(edge / BIN_HZ - 1e-9)) for edge in starts), int(top / BIN_HZ) + 1]


def band_powers(fragments: Float32Array) -> Float32Array:
    """Maximum power of each frame within each of the 12 bands (thesis section 2.4.1)."""
    *first_bins, stop = band_bins()
    frames = cut_frames(fragments, FRAME_SAMPLES, HOP_SAMPLES)
    bands = np.empty((*frames.shape[:-1], len(first_bins)), np.float32)
    for row, powers in enumerate(each_power(frames)):
        np.maximum.reduceat(powers[:, :stop], first_bins, axis=-1, out=bands[row])
    return bands.swapaxes(-1, -2)


def thesis_matrices(fragments: Float32Array) -> Float32Array:
    """The thesis's matrix: 12 bands of power, scaled into 0..1 (section 2.4.2, eq. 2.6)."""
    return scale_matrices(band_powers(fragments))


def decibel_matrices(fragments: Float32Array) -> Float32Array:
    """The same 12 bands in decibels, down to 80 dB below the loudest, scaled into 0..1.

    Not in the thesis: on a linear scale the loudest band hides the others.
    """
    return scale_matrices(decibels(band_powers(fragments), FLOOR_DB))
