"""Scaling of a matrix: into 0..1 (thesis section 2.4.2), and into decibels."""

import numpy as np

from genre_core.examples import Float32Array


def scale_matrices(matrices: Float32Array) -> Float32Array:
    """Scale every matrix by its own minimum and maximum: eq. 2.6.

    Parameters
    ----------
    matrices : float32 [shape=(n_fragments, n_bands, n_frames)]

    Returns
    -------
    float32 [shape=(n_fragments, n_bands, n_frames)]
        Within 0..1; a matrix that is the same everywhere (silence) becomes zeros, where
        eq. 2.6 divides by zero.
    """
    lowest = matrices.min(axis=(-2, -1), keepdims=True)
    width = matrices.max(axis=(-2, -1), keepdims=True) - lowest
    return (matrices - lowest) / np.where(width > 0, width, np.float32(1))


def decibels(powers: Float32Array, floor_db: float) -> Float32Array:
    """Give each matrix of powers in decibels below its loudest value, down to a floor.

    Parameters
    ----------
    powers : float32 [shape=(n_fragments, n_bands, n_frames)]
    floor_db : float
        Negative; what is softer, silence too, stands at the floor.

    Returns
    -------
    float32 [shape=(n_fragments, n_bands, n_frames)]
        Within ``floor_db``..0.
    """
    loudest = powers.max(axis=(-2, -1), keepdims=True)
    audible = np.where(loudest > 0, loudest, np.float32(1))
    floor = np.float32(10 ** (floor_db / 10))
    return np.float32(10) * np.log10(np.maximum(powers / audible, floor))
