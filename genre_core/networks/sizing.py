"""How networks keep their size on large matrices; on those of the thesis nothing changes.

Two rules. A network reads 300 frames at most: of longer matrices, neighbours are averaged. What
would be flattened into more than two million weights is pooled instead: over time, and if that is
not enough over the bands, too. Every matrix of 12 × 299 (30 s) or less keeps the thesis's layers.
"""

import keras
from keras import layers

MAX_FRAMES = 300
"""30 s of the thesis's frames; recurrent networks forget, and take minutes, on many more."""
MAX_FLAT_WEIGHTS = 2**21
"""Weights between a flattened layer and the dense layer behind it."""


def limit_frames(matrix: keras.KerasTensor) -> keras.KerasTensor:
    """Average as few neighbouring frames as leave 300: (batch, n_bands, n_frames).

    A last group that is not full is left out.
    """
    n_together = -(-matrix.shape[2] // MAX_FRAMES)
    if n_together == 1:
        return matrix
    return layers.AveragePooling1D(n_together, data_format="channels_first")(matrix)


def flatten_or_pool(features: keras.KerasTensor, n_units: int) -> keras.KerasTensor:
    """Make a row of features for a dense layer of so many units, flattened if it is small enough.

    Parameters
    ----------
    features : tensor [shape=(batch, n_bands, n_frames, n_kernels)]
    n_units : int
        Of the dense layer that reads the row.

    Returns
    -------
    tensor [shape=(batch, n_features)]
        All values; or mean and maximum over time; or mean and maximum over time and bands.
    """
    n_bands, n_frames, n_kernels = features.shape[1:]
    if n_bands * n_frames * n_kernels * n_units <= MAX_FLAT_WEIGHTS:
        return layers.Flatten()(features)
    if 2 * n_bands * n_kernels * n_units <= MAX_FLAT_WEIGHTS:
        return _pool_time(features)
    return pool_all(features)


def pool_all(features: keras.KerasTensor) -> keras.KerasTensor:
    """Give mean and maximum of each kernel over time and bands: (batch, 2 × n_kernels)."""
    mean = layers.GlobalAveragePooling2D()(features)
    return layers.Concatenate()([mean, layers.GlobalMaxPooling2D()(features)])


def _pool_time(features: keras.KerasTensor) -> keras.KerasTensor:
    """Give mean and maximum over time of each band and kernel, in one row."""
    whole = (1, features.shape[2])
    mean = layers.AveragePooling2D(whole)(features)
    both = layers.Concatenate()([mean, layers.MaxPooling2D(whole)(features)])
    return layers.Flatten()(both)
